//! The environment variables by which the tests learn what the machine offers.
//!
//! A test that needs one of these and does not find it says loudly that it was skipped; `cargo xtask test` sets them
//! all, so that nothing is skipped there.

/// URL of a PostgreSQL in which tests create and drop databases of their own.
pub(crate) const POSTGRES: &str = "CITIZENS_ACCESS_TEST_POSTGRES";
/// A Python interpreter with `grpcio`, its reflection and status, and `protobuf`, the foreign client, and with `datasketches`.
pub(crate) const PYTHON: &str = "CITIZENS_ACCESS_TEST_PYTHON";
/// The folder of Node's modules with `@grpc/grpc-js`, the other foreign client.
pub(crate) const NODE_MODULES: &str = "CITIZENS_ACCESS_TEST_NODE_MODULES";
/// The `grpcurl` program.
pub(crate) const GRPCURL: &str = "CITIZENS_ACCESS_TEST_GRPCURL";
/// The `rotel` collector of OpenTelemetry's signals.
pub(crate) const ROTEL: &str = "CITIZENS_ACCESS_TEST_ROTEL";
/// The `prometheus` program; `promtool` is found beside it or on the path.
pub(crate) const PROMETHEUS: &str = "CITIZENS_ACCESS_TEST_PROMETHEUS";
/// Set to `1` in the long tier: more kill points, more seeds, more cases.
pub(crate) const LONG: &str = "CITIZENS_ACCESS_TEST_LONG";
/// File to which tests of the long tier append a line about what they drew, for its report.
pub(crate) const REPORT: &str = "CITIZENS_ACCESS_TEST_REPORT";
/// Cases of a property test that names no number of its own; proptest's own variable.
pub(crate) const PROPERTY_CASES: &str = "PROPTEST_CASES";
/// Folder of the publishers' real files (`.ci/run` sets it).
pub(crate) const REFERENCE_DATA: &str = "CITIZENS_ACCESS_REFERENCE_DATA";
