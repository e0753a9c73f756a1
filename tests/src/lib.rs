//! End-to-end tests of the real binaries, and guards over the workspace
