//! An append-only, hash-chained log and the engine that runs a state machine over it
