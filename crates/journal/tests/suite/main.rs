//! The journal and its engine, tested through their public faces.

mod contract;
mod toy;
