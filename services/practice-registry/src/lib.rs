//! The practice registry: gRPC handlers, engine wiring, loops
