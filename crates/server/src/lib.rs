//! A gRPC server that knows no service: caller, deadlines, limits, trace, health, reflection, drain
