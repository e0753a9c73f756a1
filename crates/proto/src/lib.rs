//! Generated protobuf and gRPC types, and their descriptor set; nothing by hand
