//! The journal and its engine, tested through their public faces.

mod clocks;
mod contract;
mod differential;
mod failures;
mod integrity;
mod redactions;
mod replicas;
mod retention;
mod rewinds;
mod service;
mod snapshots;
mod tampering;
mod toy;
mod virtual_time;
