//! HTTP as a scraper speaks it: one GET and its answer.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The body of `http://ADDRESS/PATH`, asked for with this `Accept`; it must be 200 of a content type that begins with
/// `content_type`.
pub(crate) async fn get(address: &str, path: &str, accept: &str, content_type: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it takes a request");
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.expect("it answers");
    let reply = String::from_utf8(reply).expect("it answers with text");
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{path}: {reply}"));
    assert!(head.starts_with("HTTP/1.1 200"), "{path}: {reply}");
    let typed = format!("content-type: {content_type}");
    assert!(head.to_ascii_lowercase().contains(&typed), "{path}: {head}");
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") { unchunked(body) } else { body.to_owned() }
}

fn unchunked(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).expect("a chunk says its size");
        if size == 0 {
            break;
        }
        body.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
    }
    body
}

/// All that a server measures, in OpenMetrics.
pub(crate) async fn openmetrics(address: &str) -> String {
    get(address, "/metrics", "application/openmetrics-text;version=1.0.0", "application/openmetrics-text").await
}
