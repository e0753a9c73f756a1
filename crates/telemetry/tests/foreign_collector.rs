//! A collector that another authority vouches for, or one whose certificates lie nowhere: it is sent nothing.

use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

use telemetry::{Config, InitError, Value, gather};
use tls::{Authority, Credentials, Subject};
use tokio_rustls::TlsAcceptor;
use tracing::info_span;

const LIFE: Duration = Duration::from_secs(3_600);

fn failed() -> f64 {
    let families = gather();
    let exported = families.iter().find(|family| family.metric.name == "otel.sdk.exporter.span.exported");
    let series = exported.iter().flat_map(|family| &family.series).find(|series| !series.attributes.is_empty());
    match series.map(|series| &series.value) {
        Some(Value::Counter(count)) => *count,
        other => panic!("it is counted: {other:?}"),
    }
}

#[test]
fn whom_nobody_that_is_believed_vouches_for_is_sent_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let [ours, theirs] = ["ours", "theirs"].map(|name| {
        let authority = Authority::new(name, LIFE).unwrap();
        authority.write_to(&folder.path().join(format!("{name}.pem"))).unwrap();
        authority
    });
    drop(ours);
    let subject = Subject { names: vec!["localhost".to_owned()], ..Subject::default() };
    let issued = theirs.issue(&subject, 0, LIFE).unwrap();
    let files = issued.write_to(folder.path(), "collector", &folder.path().join("theirs.pem")).unwrap();
    let credentials = Credentials::open(files).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, shaken) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            listener.set_nonblocking(true).expect("a socket does not block");
            let listener = tokio::net::TcpListener::from_std(listener).expect("it is bound");
            let (stream, _) = listener.accept().await.expect("a connection comes");
            let config = credentials.server_config().expect("it has a certificate");
            sender.send(TlsAcceptor::from(config).accept(stream).await.is_ok()).expect("the test waits for it");
        });
    });
    let authorities = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let config = |bundle: &str| {
        let variables = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("https://localhost:{port}")),
            "OTEL_EXPORTER_OTLP_CERTIFICATE" => Some(authorities(bundle)),
            "OTEL_METRICS_EXPORTER" => Some("none".to_owned()),
            _ => None,
        };
        let mut config = Config::read("foreign-test", variables).unwrap();
        config.shutdown_timeout = Duration::from_secs(1);
        config
    };
    let missing = telemetry::init(&config("nowhere.pem"));
    assert!(matches!(missing, Err(InitError::Collector(_))), "{missing:?}");
    let telemetry = telemetry::init(&config("ours.pem")).unwrap();
    drop(info_span!(parent: None, "work"));
    telemetry.flush();
    assert!(!shaken.recv().unwrap(), "we have hung up");
    assert_eq!(failed(), 1.0);
}
