//! A peer within the process and one over a socket, against a real server of a small service.

mod calls;
mod echo;
mod headers;
mod lifecycle;
mod limits;
mod office;
mod secure;
mod system;
mod trace;
