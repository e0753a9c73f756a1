//! The access-statistics aggregator: gRPC handlers, ingest, folding, following the registry
