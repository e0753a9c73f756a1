//! Rule 16, where a gate's hook answers us: a valid NHS number in what it says comes out nowhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::personal_data::{NUMBER, nothing_tells, tells};
use crate::harness::installation::{Installation, PATIENCE, Wanted, clock_offset, programme_of_today, until_live};
use crate::harness::otlp::Collector;
use crate::harness::supplier::SupplierServer;

/// Beyond the soak of the wave, which is an hour.
const LATER: SignedDuration = SignedDuration::from_mins(90);

/// A hook that answers as no hook should; where it is, and how often it was asked.
async fn talker() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut question = [0; 16 * 1024];
            let _ = stream.read(&mut question).await;
            count.fetch_add(1, Ordering::Relaxed);
            let body = format!(r#"{{"verdict":"PASS","reason_code":"{NUMBER}"}}"#);
            let len = body.len();
            let answer = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {len}\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (format!("review=http://{address}/gate"), asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_16_an_nhs_number_in_what_a_hook_answers_comes_out_nowhere() {
    let collector = Collector::start().await;
    let (hook, asked) = talker().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let supplier = SupplierServer::start(&folder.path().join("log"), clock_offset()).await;
    let environment = collector.environment_of_everything();
    let arguments = ["--gate-hook", &hook];
    let wanted = Wanted {
        practices_count: 3,
        supplier: Some(&supplier),
        environment,
        metrics: true,
        arguments: &arguments,
        ..Wanted::default()
    };
    let mut installation = Installation::all_in_one(&wanted);
    installation.import();
    let document = programme_of_today("").replace("timeout: 24h", "timeout: 24h, hook: review");
    let document = installation.programme("summer.yaml", &document);
    installation.accessctl("leo").say(&["programme", "apply", &document]);
    installation.accessctl("ada").say(&["programme", "approve", "summer-opening"]);
    let practices: Vec<String> = (0..3).map(|index| installation.england.practice(index)).collect();
    until_live(installation.registry(), &practices).await;

    installation.clock_offset_s = clock_offset().saturating_add(LATER).as_secs().to_string();
    let (ended, installation) = installation.restarted(&wanted);
    assert!(ended.status.success(), "{}", ended.said());
    let begun = Instant::now();
    while asked.load(Ordering::Relaxed) == 0 {
        assert!(begun.elapsed() < PATIENCE, "the hook was not asked");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let said = installation.accessctl("olga").run(&["wave", "show", "programmes/summer-opening/waves/1"]);
    assert!(!tells(said.stdout.as_bytes()) && !tells(said.stderr.as_bytes()), "{said:?}");
    nothing_tells(installation, &collector).await;
}
