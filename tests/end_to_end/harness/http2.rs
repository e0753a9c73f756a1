//! HTTP/2 by hand, frame by frame over a socket: what no well-made client would send (RFC 9113).

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// What every client says first.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
/// Of SETTINGS and PING: an answer.
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// `SETTINGS_INITIAL_WINDOW_SIZE`.
pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;

/// A server that takes nothing for so long has had enough of us.
const WRITE_PATIENCE: Duration = Duration::from_millis(500);

/// A frame of the server's.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The four bytes of its payload from there on, as a number.
    pub(crate) fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().expect("four bytes"))
    }
}

/// A socket that was connected, and on which nothing is read unless somebody asks.
pub(crate) struct Wire(TcpStream);

impl Wire {
    /// Connects and says nothing.
    pub(crate) fn silent(address: &str) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_write_timeout(Some(WRITE_PATIENCE))?;
        socket.set_nodelay(true)?;
        Ok(Self(socket))
    }

    /// Connects, says hello, and has `settings`.
    pub(crate) fn greeted(address: &str, settings: &[(u16, u32)]) -> io::Result<Self> {
        let mut wire = Self::silent(address)?;
        let settings = settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
        let settings = frame(SETTINGS, 0, 0, &settings.collect::<Vec<_>>());
        wire.send(&[PREFACE, &settings].concat())?;
        Ok(wire)
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// The next frame of the server's; None where it has closed the connection.
    ///
    /// # Errors
    /// Where nothing comes for so long.
    pub(crate) fn next_frame(&mut self, patience: Duration) -> io::Result<Option<Frame>> {
        self.0.set_read_timeout(Some(patience))?;
        let mut head = [0; 9];
        match self.0.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return Err(error);
            }
            Err(_) => return Ok(None),
        }
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, a, b, c])).expect("a frame's length")];
        self.0.read_exact(&mut payload)?;
        Ok(Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload }))
    }

    /// Whether the server closes the connection within `patience`; what it sends meanwhile is thrown away.
    pub(crate) fn is_closed_within(&mut self, patience: Duration) -> bool {
        self.0.set_read_timeout(Some(patience)).expect("a time that is not nought");
        let mut bytes = [0; 16 * 1024];
        loop {
            match self.0.read(&mut bytes) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
            }
        }
    }
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("a frame is short").to_be_bytes();
    let mut frame = len[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The headers of a call of `rpc` by `account`, as HPACK has them without a table and without Huffman's code.
pub(crate) fn call_headers(rpc: &str, account: &str) -> Vec<u8> {
    let path = format!("/{rpc}");
    let headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path.as_str()),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("x-citizens-access-account", account),
    ];
    headers.iter().flat_map(|(name, value)| header(name, value)).collect()
}

/// One header, of a name and a value below 127 bytes each.
pub(crate) fn header(name: &str, value: &str) -> Vec<u8> {
    let len = |text: &str| u8::try_from(text.len()).ok().filter(|len| *len < 127).expect("a short text");
    [&[0, len(name)], name.as_bytes(), &[len(value)], value.as_bytes()].concat()
}

/// The numbers that a client gives its streams.
pub(crate) fn streams() -> impl Iterator<Item = u32> {
    (1..1 << 31).step_by(2)
}
