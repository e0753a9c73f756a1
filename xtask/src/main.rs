//! Development tasks: test, bench
fn main() {}
