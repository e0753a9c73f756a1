//! End-to-end tests; all of them are in the test binary `end_to_end`.
