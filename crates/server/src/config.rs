//! Every limit of a server, by name and with its reason.

use std::time::Duration;

/// The limits. The default is right for a service of ours; a field is changed for a reason of the place it runs in.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Largest message in either direction. Also tonic's own default for what it decodes, so more would not be read.
    pub message_bytes_max: usize,
    /// Calls under way, streams not counted: beyond it a call is refused at once, while refusing is still cheap. Little's
    /// law: at 5 ms a call this is 800,000 calls a second, so what is refused could not have been served.
    pub calls_in_flight_max: usize,
    /// Unary reads that are computed at a time, from the whole request to the reply: they are computed side by side, so that with
    /// many each takes as long as all of them. A page of the national register takes a core about a millisecond, so with so
    /// many whoever is let in is answered in a fraction of a second. What is answered at once takes no place.
    pub reads_in_flight_max: usize,
    /// Streams open at a time: a watch costs memory, and the clients are services, not people.
    pub streams_open_max: usize,
    /// Bytes of request messages that have begun and are not complete, as long as they claim to be: a decoder reserves them at
    /// the first bytes. Without it as many slow clients as there may be calls could hold a message each.
    pub request_bytes_in_flight_max: usize,
    /// Calls that one account may make in a second, in the long run; 0 for any number. An account is often a whole service,
    /// and its calls within the process count too, so there is no number that is right everywhere.
    pub account_calls_per_second: u32,
    /// What a quiet account has saved for a burst.
    pub account_calls_burst: u32,
    /// What a shed client is told to wait.
    pub shed_retry_after: Duration,

    /// For a unary call that brings no deadline: somebody who asked no limit still gets an answer, or a clear no.
    pub deadline_default: Duration,
    /// For a unary call that brings a longer one: nothing here works longer for one reply.
    pub deadline_max: Duration,

    /// Connections at a time: file descriptors, with room for the stores'.
    pub connections_max: usize,
    /// From the connection to HTTP/2's first bytes, over TLS or not: a socket that says nothing is no client.
    pub handshake_timeout: Duration,
    /// TLS handshakes that are computed at a time: a signature costs a fifth of a millisecond, so a core does not have more
    /// to do than this within a client's patience, and what waits costs no memory yet.
    pub handshakes_max: usize,
    /// Streams at a time on one connection. Not less than a load generator keeps in flight, not a whole server's worth.
    pub connection_streams_max: u32,
    /// All headers of a request; ours need about 500 bytes.
    pub header_list_bytes_max: u32,
    /// Largest HTTP/2 frame that is taken; HTTP/2's own minimum is fairest between streams.
    pub frame_bytes_max: u32,
    /// What a client may send on one stream before it is read: two batches of events.
    pub stream_window_bytes: u32,
    /// The same for a whole connection; with the above, the memory that one client can hold.
    pub connection_window_bytes: u32,
    /// What is buffered of replies that a client does not read, per stream.
    pub send_buffer_bytes_max: usize,
    /// Streams that a client opened and reset before we saw them (the rapid-reset attack): beyond it the connection ends.
    pub pending_reset_streams_max: usize,
    /// Streams that we reset for errors of the client: beyond it the connection ends.
    pub local_error_reset_streams_max: usize,
    /// A client that is silent for this long is pinged,
    pub keepalive_interval: Duration,
    /// and is gone if it does not answer within this.
    pub keepalive_timeout: Duration,
    /// A connection is asked to go (GOAWAY) at this age, give or take a tenth, so that clients spread over new replicas.
    pub connection_age_max: Duration,
    /// What its open streams then have left.
    pub connection_age_grace: Duration,

    /// From NOT_SERVING to GOAWAY: load balancers look at health about this often.
    pub drain_delay: Duration,
    /// From GOAWAY to the end of everything. Below the 30 s that orchestrators wait before they kill.
    pub drain_grace: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            message_bytes_max: 4 << 20,
            calls_in_flight_max: 4_096,
            reads_in_flight_max: 128,
            streams_open_max: 4_096,
            request_bytes_in_flight_max: 256 << 20,
            account_calls_per_second: 0,
            account_calls_burst: 1_000,
            shed_retry_after: Duration::from_millis(200),
            deadline_default: Duration::from_secs(30),
            deadline_max: Duration::from_secs(300),
            connections_max: 8_192,
            handshake_timeout: Duration::from_secs(5),
            handshakes_max: 256,
            connection_streams_max: 1_024,
            header_list_bytes_max: 16 << 10,
            frame_bytes_max: 16 << 10,
            stream_window_bytes: 1 << 20,
            connection_window_bytes: 4 << 20,
            send_buffer_bytes_max: 1 << 20,
            pending_reset_streams_max: 20,
            local_error_reset_streams_max: 1_024,
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(10),
            connection_age_max: Duration::from_secs(30 * 60),
            connection_age_grace: Duration::from_secs(30),
            drain_delay: Duration::from_millis(500),
            drain_grace: Duration::from_secs(20),
        }
    }
}
