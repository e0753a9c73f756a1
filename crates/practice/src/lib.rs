//! The registry's state machine: facts, participation, readiness, observations, permits; pure
