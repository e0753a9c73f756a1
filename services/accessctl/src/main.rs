//! The operator's command line, a gRPC client
fn main() {}
