//! The server binary: serve, demo, migrate, check-config
fn main() {}
