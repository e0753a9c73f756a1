//! `/metrics`: what is measured, for whoever scrapes it.
//!
//! Plain HTTP/1.1 on a listener of its own, for a network on which only the scraper is: it asks nobody who they are, since
//! nothing in it is about a person. It answers one page and nothing else.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use telemetry::Exposition;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Scrapers at once: two Prometheus servers and a person; who comes beyond that is turned away.
const CONNECTIONS_MAX: usize = 16;
/// How long the head of a request may take to come.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection lives: some scrapes at the usual intervals. A scraper connects again.
const CONNECTION_AGE_MAX: Duration = Duration::from_secs(300);
/// After a connection could not be accepted.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Answers `/metrics` on `listener` until `shutdown`. A scrape that is under way then is cut: the next process is scraped.
pub async fn serve_metrics(listener: TcpListener, shutdown: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_RETRY_INTERVAL).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let stops = shutdown.clone();
        connections.spawn(async move {
            let _place = place;
            tokio::select! {
                biased;
                () = stops.cancelled() => {}
                _ = tokio::time::timeout(CONNECTION_AGE_MAX, converse(stream)) => {}
            }
        });
    }
    connections.close();
    connections.wait().await;
}

async fn converse(stream: TcpStream) {
    let answered = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await;
    if let Err(error) = answered {
        tracing::debug!(error = telemetry::chain(&error), "a scraper's connection broke");
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() != "/metrics" {
        return Ok(plain(StatusCode::NOT_FOUND, None, "there is only /metrics here\n"));
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Ok(plain(StatusCode::METHOD_NOT_ALLOWED, Some((ALLOW, "GET, HEAD")), "/metrics can only be read\n"));
    }
    let exposition = Exposition::accepted(&accept(request.headers()));
    // On a thread that serves nobody: counting practices by their state takes a while.
    let text = tokio::task::spawn_blocking(move || telemetry::exposition(exposition)).await;
    Ok(match text {
        Ok(text) => plain(StatusCode::OK, Some((CONTENT_TYPE, exposition.content_type())), text),
        Err(error) => {
            tracing::error!(error = telemetry::chain(&error), "metrics could not be gathered");
            plain(StatusCode::INTERNAL_SERVER_ERROR, None, "metrics could not be gathered\n")
        }
    })
}

/// All that the client says it takes.
fn accept(headers: &HeaderMap) -> String {
    let ranges: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    ranges.join(",")
}

fn plain(
    status: StatusCode,
    header: Option<(HeaderName, &'static str)>,
    text: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, http::HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn ask(address: std::net::SocketAddr, head: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{head}\r\nHost: here\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        reply
    }

    #[tokio::test]
    async fn a_scraper_gets_what_it_takes_and_everybody_else_is_told() {
        telemetry::RpcMetrics::of("test.Scraped/Get").begin();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(serve_metrics(listener, shutdown.clone()));
        let openmetrics =
            ask(address, "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0").await;
        assert!(openmetrics.contains("content-type: application/openmetrics-text; version=1.0.0"), "{openmetrics}");
        assert!(openmetrics.ends_with("# EOF\n"), "{openmetrics}");
        let active = "citizens_access_rpc_server_active_calls{rpc_method=\"test.Scraped/Get\"} 1";
        assert!(openmetrics.contains(active), "{openmetrics}");
        let text = ask(address, "GET /metrics HTTP/1.1").await;
        assert!(text.contains("content-type: text/plain; version=0.0.4") && !text.contains("# EOF"), "{text}");
        assert!(ask(address, "POST /metrics HTTP/1.1\r\nContent-Length: 0").await.starts_with("HTTP/1.1 405"));
        assert!(ask(address, "GET / HTTP/1.1").await.starts_with("HTTP/1.1 404"));
        // Somebody who says nothing holds nobody up.
        let _silent = TcpStream::connect(address).await.unwrap();
        shutdown.cancel();
        serving.await.unwrap();
    }
}
