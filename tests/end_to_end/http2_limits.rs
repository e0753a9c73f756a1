//! The limits of HTTP/2, frame by frame: each bites at its number, and the client is told as docs/operations/limits.md says.

use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::http2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, Wire, call_headers, frame, header, streams,
};
use crate::harness::server::Server;

const REGISTRY: &str = "citizens_access.registry.v1.PracticeRegistryService";
/// Until a frame comes, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(20);

/// RFC 9113, 7.
const NO_ERROR: u32 = 0;
const FRAME_SIZE_ERROR: u32 = 6;
const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

/// RFC 9113, 6.5.2.
const MAX_CONCURRENT_STREAMS: u16 = 3;
const MAX_FRAME_SIZE: u16 = 5;
const MAX_HEADER_LIST_SIZE: u16 = 6;

/// `:status: 431` as HPACK has it: a name of the static table, and a value by Huffman's code.
const STATUS_431: [u8; 5] = [0x48, 0x83, 0x69, 0x90, 0xff];

const STREAMS_MAX: u32 = 4;
const HEADERS_BYTES_MAX: u32 = 4_096;
const FRAME_BYTES_MAX: u32 = 16_384;

/// A registry with these limits.
fn server(limits: &str) -> (Server, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().display().to_string();
    let environment = [("CITIZENS_ACCESS_LIMITS".to_owned(), limits.to_owned())];
    (Server::start_with("registry", &["--data", &data], &environment), folder)
}

fn greeted(server: &Server) -> Wire {
    Wire::greeted(server.address(), &[]).expect("it listens")
}

/// The first frame that is as wanted; those before it are answered where they must be.
fn until(wire: &mut Wire, wanted: impl Fn(&Frame) -> bool) -> Frame {
    loop {
        let next = wire.next_frame(PATIENCE).expect("a frame in time").expect("the frame before the connection's end");
        if wanted(&next) {
            return next;
        }
        if next.kind == SETTINGS && next.flags & ACK == 0 {
            // It may have had enough of us already, and what it said before that is still to be read.
            let _ = wire.send(&frame(SETTINGS, ACK, 0, &[]));
        }
    }
}

/// That the connection is ended, and by which error.
fn ends_with(wire: &mut Wire, error: u32) {
    let goaway = until(wire, |frame| frame.kind == GOAWAY);
    assert_eq!(goaway.number(4), error, "{goaway:?}");
    assert!(wire.is_closed_within(PATIENCE), "the connection is closed");
}

/// A watch, which goes on until somebody ends it.
fn watch(stream: u32) -> Vec<u8> {
    let headers = frame(HEADERS, END_HEADERS, stream, &call_headers(&format!("{REGISTRY}/WatchPractices"), "mallory"));
    [headers, frame(DATA, END_STREAM, stream, &[0; 5])].concat()
}

#[test]
fn limits_of_streams_headers_and_frames_are_announced_and_kept() {
    let (server, _folder) = server("connection_streams_max=4,header_list_bytes_max=4096,frame_bytes_max=16384");

    let mut wire = greeted(&server);
    let settings = until(&mut wire, |frame| frame.kind == SETTINGS && frame.flags & ACK == 0).payload;
    for (id, value) in [
        (MAX_CONCURRENT_STREAMS, STREAMS_MAX),
        (MAX_FRAME_SIZE, FRAME_BYTES_MAX),
        (MAX_HEADER_LIST_SIZE, HEADERS_BYTES_MAX),
    ] {
        let wanted = [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
        assert!(settings.chunks(6).any(|setting| setting == wanted), "{id} is not {value}: {settings:?}");
    }

    // As many as there may be go on; one more is refused, and may be sent again.
    for stream in streams().take(5) {
        wire.send(&watch(stream)).expect("it listens");
    }
    let refused = until(&mut wire, |frame| frame.kind == RST_STREAM);
    assert_eq!((refused.stream, refused.number(0)), (9, REFUSED_STREAM));
    // Where one has ended there is room for another.
    wire.send(&[frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes()), watch(11)].concat()).expect("it listens");
    until(&mut wire, |frame| frame.kind == HEADERS && frame.stream == 11);

    let mut wire = greeted(&server);
    let padding = header("x-padding", &"x".repeat(100)).repeat(40);
    let headers = [call_headers(&format!("{REGISTRY}/ListPractices"), "mallory"), padding.clone()].concat();
    wire.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &headers)).expect("it listens");
    let answer = until(&mut wire, |frame| frame.kind == HEADERS);
    assert!(answer.payload.starts_with(&STATUS_431), "{:x?}", answer.payload);
    // The connection goes on: it was a stream that was too much.
    wire.send(&watch(3)).expect("it listens");
    until(&mut wire, |frame| frame.kind == HEADERS && frame.stream == 3);

    let mut wire = greeted(&server);
    wire.send(&frame(HEADERS, END_STREAM, 1, &headers)).expect("it listens");
    for _ in 0..8 {
        // It may have had enough in the midst of them.
        let _ = wire.send(&frame(CONTINUATION, 0, 1, &padding));
    }
    ends_with(&mut wire, ENHANCE_YOUR_CALM);

    let mut wire = greeted(&server);
    wire.send(&frame(HEADERS, END_HEADERS, 1, &call_headers(&format!("{REGISTRY}/PausePractice"), "mallory")))
        .expect("it listens");
    let longest = usize::try_from(FRAME_BYTES_MAX).expect("a small number");
    wire.send(&frame(DATA, 0, 1, &vec![0; longest + 1])).expect("it listens");
    ends_with(&mut wire, FRAME_SIZE_ERROR);
}

#[test]
fn who_has_streams_reset_without_end_is_told_to_be_calm() {
    let (server, _folder) = server("pending_reset_streams_max=5,local_error_reset_streams_max=5");
    let headers = call_headers(&format!("{REGISTRY}/ListPractices"), "mallory");

    let mut wire = greeted(&server);
    let open_and_reset = |stream| {
        let open = frame(HEADERS, END_HEADERS | END_STREAM, stream, &headers);
        [open, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
    };
    // In one piece, so that they are there before any of them is looked at. As many as there may be harm nobody.
    wire.send(&streams().take(5).flat_map(open_and_reset).collect::<Vec<_>>()).expect("it listens");
    wire.send(&watch(11)).expect("it listens");
    until(&mut wire, |frame| frame.kind == HEADERS && frame.stream == 11);
    // Few more than that, since who is closed with much unread does not hear why.
    wire.send(&streams().skip(6).take(7).flat_map(open_and_reset).collect::<Vec<_>>()).expect("it listens");
    ends_with(&mut wire, ENHANCE_YOUR_CALM);

    // A window that is opened beyond all bounds is an error of the stream, which the server resets.
    let mut wire = greeted(&server);
    let open_and_err = |stream| {
        let open = frame(HEADERS, END_HEADERS, stream, &headers);
        [open, frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes())].concat()
    };
    wire.send(&streams().take(5).flat_map(open_and_err).collect::<Vec<_>>()).expect("it listens");
    until(&mut wire, |frame| frame.kind == RST_STREAM && frame.stream == 9);
    wire.send(&streams().skip(5).take(5).flat_map(open_and_err).collect::<Vec<_>>()).expect("it listens");
    ends_with(&mut wire, ENHANCE_YOUR_CALM);
}

#[test]
fn a_client_that_answers_no_ping_is_closed_and_one_that_does_stays() {
    let (server, _folder) = server("keepalive_interval_ms=1000,keepalive_timeout_ms=2000");
    let mut dead = greeted(&server);
    let mut living = greeted(&server);
    let is_ping = |frame: &Frame| frame.kind == PING && frame.flags & ACK == 0;
    until(&mut dead, is_ping);
    for _ in 0..6 {
        let ping = until(&mut living, is_ping);
        living.send(&frame(PING, ACK, 0, &ping.payload)).expect("it listens");
    }
    // By now the other has had twice as long as it may take.
    assert!(dead.is_closed_within(Duration::from_millis(1)), "who answers nothing is gone");
    living.send(&watch(1)).expect("it listens");
    until(&mut living, |frame| frame.kind == HEADERS && frame.stream == 1);
}

#[test]
fn a_connection_of_the_greatest_age_is_asked_to_go_and_its_streams_are_cut_after_the_grace() {
    let (server, _folder) = server("connection_age_max_ms=1000,connection_age_grace_ms=500");
    let mut idle = greeted(&server);
    let mut watching = greeted(&server);
    watching.send(&watch(1)).expect("it listens");
    until(&mut watching, |frame| frame.kind == HEADERS && frame.stream == 1);
    ends_with(&mut idle, NO_ERROR);
    let asked = until(&mut watching, |frame| frame.kind == GOAWAY);
    assert_eq!(asked.number(4), NO_ERROR, "{asked:?}");
    let since = Instant::now();
    assert!(watching.is_closed_within(PATIENCE), "a stream that goes on holds it no longer than the grace");
    assert!(since.elapsed() < PATIENCE / 2, "{:?}", since.elapsed());
}
