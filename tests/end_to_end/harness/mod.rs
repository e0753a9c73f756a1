//! What the tests stand on: the real binaries as child processes, fresh stores, foreign clients, a real collector, and
//! checkers that read nothing but what was left behind (journals, the suppliers' log).
//!
//! It asserts nothing about the domain but what a checker is asked for, and it never waits by sleeping: it reads lines,
//! streams and exit codes.

pub(crate) mod accessctl;
pub(crate) mod binary;
pub(crate) mod demo;
pub(crate) mod england;
pub(crate) mod foreign;
pub(crate) mod http2;
pub(crate) mod installation;
pub(crate) mod journals;
pub(crate) mod offer;
pub(crate) mod otlp;
pub(crate) mod postgres;
pub(crate) mod replay;
pub(crate) mod running;
pub(crate) mod scrape;
pub(crate) mod secure;
pub(crate) mod server;
pub(crate) mod strace;
pub(crate) mod supplier;
