//! Peer: one client type for separate processes and for all in one; deadlines and retries
