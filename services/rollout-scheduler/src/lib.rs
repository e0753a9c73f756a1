//! The rollout scheduler: gRPC handlers, engine wiring, its loop and the supplier drivers
