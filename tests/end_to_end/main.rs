//! The suite as its users meet it: the real binaries, real stores, foreign clients; and guards over the workspace.
//!
//! One binary, so that it links once. What a machine offers (a PostgreSQL, a Python with grpcio) comes as environment
//! variables that `cargo xtask test` sets; a test that lacks one says loudly that it was skipped.

mod abuse;
mod authority;
mod back_test;
mod bad_calls;
mod bad_files;
mod bad_programmes;
mod clocks_apart;
mod configuration;
mod counterfactuals;
mod determinism;
mod drain;
mod foreign_clients;
mod foreign_errors;
mod four_answers;
mod frozen_scheduler;
mod guards;
mod harness;
mod http2_limits;
mod identity;
mod injected_kills;
mod killing;
mod national;
mod notices;
mod ods_sync;
mod participation;
mod proof;
mod publications;
mod replicas;
mod returns;
mod rewound;
mod telemetry;
mod three_schedulers;
mod tracing;
mod verify;
mod walkthrough;
mod whole_history;
