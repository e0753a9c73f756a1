//! Rule 16, where no field of a request is: valid NHS numbers in the cells of imported files, in headers, in the name of who calls
//! and in the words of a command line come out nowhere either.

use std::fs;
use std::path::Path;

use proto::registry::v1 as registry;
use proto::registry::v1::import_directory_request::Part;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use tonic::metadata::MetadataValue;
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status};

use super::personal_data::{DASHED, NUMBER, SPACED, nothing_tells, tells};
use crate::harness::installation::{Installation, Wanted, text};
use crate::harness::otlp::Collector;

const ACCOUNT: &str = "x-citizens-access-account";
const TOTALS: &str = "org_type,org_code,registered_patients,registered_16_plus";
const WIDE: &str = "PeriodStart,PeriodEnd,Period,CommissioningRegionCode,CommissioningRegionName,RegionGeographyCode,RegionGeographyName,\
    CCGCode,CCGName,GPPracticeCode,GPPracticeName,Supplier,NoPatients,SystemEnabled,PatientsEnabled,PatientsUsed";
const LONG: &str = "report_period_end,practice_code,practice_name,system_supplier,ccg_name,region_code,field,value";

fn installation(collector: &Collector) -> Installation {
    let environment = collector.environment_of_everything();
    Installation::all_in_one(&Wanted { practices_count: 5, environment, metrics: true, ..Wanted::default() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_16_an_nhs_number_in_any_cell_of_a_file_comes_out_nowhere() {
    let collector = Collector::start().await;
    let installation = installation(&collector);
    let england = &installation.england;
    let files = [
        (registry::DirectoryFormat::Map, england.map()),
        (registry::DirectoryFormat::ListSizes, england.list_sizes()),
        (registry::DirectoryFormat::Epraccur, england.epraccur()),
    ];
    let (mut refused, mut rejected) = (0, 0);
    for (format, path) in files {
        for (number, content) in seeded(&path).into_iter().enumerate() {
            let name = format!("{}-{number}", format.as_str_name());
            match import(&installation, format, &name, content).await {
                Ok(report) => {
                    rejected += report.rejected_rows.len();
                    assert!(!tells(format!("{report:?}").as_bytes()), "{name}: {:?}", report.rejected_rows);
                }
                Err(status) => {
                    refused += 1;
                    let told = format!("{} {}", status.message(), String::from_utf8_lossy(status.details()));
                    assert!(!tells(told.as_bytes()), "{name}: {told}");
                    assert_ne!(status.code(), Code::Internal, "{name}: {told}");
                }
            }
        }
    }
    assert!(refused > 40 && rejected > 20, "{refused} files refused, {rejected} rows rejected");

    // Other files are read by accessctl, which tells what is wrong with them.
    let practice = england.practice(0);
    let long = format!("31/01/2025,{practice},THE SURGERY,EMIS,A CCG,Y63,Total_Pat_Enbld,9");
    let wide =
        format!("01/03/2031,31/03/2031,M12,Y63,NORTH,Q99,NORTH,99X,THE CCG,{practice},THE SURGERY,EMIS,100,On,40,0");
    let of_returns = ["returns", "import", "--layout"];
    let of_totals = ["stats", "import-totals", "--source", "lists-2031-05", "--as-at-date", "2031-05-01"];
    for (words, header, row) in [
        ([&of_returns[..], &["long"]].concat(), LONG, long.as_str()),
        ([&of_returns[..], &["wide", "--capability", "prospective-records"]].concat(), WIDE, &wide),
        (of_totals.to_vec(), TOTALS, "region,Y63,100,80"),
    ] {
        let of_header = cells_seeded(header).into_iter().map(|line| format!("{line}\n{row}\n"));
        let of_row = cells_seeded(row).into_iter().map(|line| format!("{header}\n{row}\n{line}\n"));
        for content in of_header.chain(of_row) {
            imports_without_telling(&installation, &words, &content);
        }
    }
    let holidays = fs::read_to_string(england.bank_holidays()).expect("the sample writes UTF-8");
    for content in strings_seeded(&holidays) {
        imports_without_telling(&installation, &["import", "bank-holidays"], &content);
    }
    nothing_tells(installation, &collector).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_16_an_nhs_number_in_a_header_or_on_a_command_line_comes_out_nowhere() {
    let collector = Collector::start().await;
    let installation = installation(&collector);
    installation.import();
    let practice = installation.england.practice(0);
    let mut refused = 0;
    for (number, (name, value)) in headers().into_iter().enumerate() {
        let Err(status) = pause(&installation, &practice, number, name, &value).await else { continue };
        refused += 1;
        let told = format!("{} {}", status.message(), String::from_utf8_lossy(status.details()));
        assert!(!tells(told.as_bytes()), "{name}: {value}: {told}");
        assert_ne!(status.code(), Code::Internal, "{name}: {told}");
    }
    assert!(refused >= 8, "{refused} refused");

    let environment = collector.environment_of_everything();
    for word in [NUMBER, SPACED] {
        for account in ["paula", word] {
            let who = installation.accessctl(account).with_environment(environment.clone());
            for words in commands(&practice, word) {
                who.run(&words);
            }
        }
    }
    nothing_tells(installation, &collector).await;
}

/// Has accessctl import a file, with these words before its name.
fn imports_without_telling(installation: &Installation, words: &[&str], content: &str) {
    let file = text(installation.england.folder().join("seeded"));
    fs::write(&file, content).expect("a temporary folder can be written to");
    let said = installation.accessctl("olga").run(&[words, &[&file]].concat());
    assert!(!tells(said.stdout.as_bytes()) && !tells(said.stderr.as_bytes()), "{words:?} of\n{content}\n{said:?}");
}

/// A JSON document with a number in one of its first strings, be it a name or a value.
fn strings_seeded(document: &str) -> Vec<String> {
    let parts: Vec<&str> = document.split('"').collect();
    let strings = (1..parts.len()).step_by(2).take(40);
    let seeded = |at: usize| {
        let mut parts = parts.clone();
        parts[at] = NUMBER;
        parts.join("\"")
    };
    strings.map(seeded).collect()
}

/// The file with a number in one of its cells: in each of the header's, where it has one, and of the second row's; once alone, once
/// with something before it.
fn seeded(path: &Path) -> Vec<Vec<u8>> {
    let whole = fs::read_to_string(path).expect("the sample writes UTF-8");
    let lines: Vec<&str> = whole.lines().collect();
    let mut files = Vec::new();
    for at in [0, 2] {
        for seeded in cells_seeded(lines[at]) {
            let mut lines = lines.clone();
            lines[at] = &seeded;
            files.push((lines.join("\n") + "\n").into_bytes());
        }
    }
    files
}

fn cells_seeded(line: &str) -> Vec<String> {
    let count = line.split(',').count();
    let seeds = [NUMBER.to_owned(), format!("see {SPACED}")];
    let seeded = |column: usize, seed: &str| {
        let cells = line.split(',').enumerate().map(|(at, cell)| if at == column { seed } else { cell });
        cells.collect::<Vec<_>>().join(",")
    };
    seeds.iter().flat_map(|seed| (0..count).map(move |column| seeded(column, seed))).collect()
}

async fn import(
    installation: &Installation,
    format: registry::DirectoryFormat,
    name: &str,
    content: Vec<u8>,
) -> Result<registry::ImportDirectoryResponse, Status> {
    let header = registry::ImportHeader {
        format: format.into(),
        file_name: "seeded.csv".to_owned(),
        request_id: name.to_owned(),
        reason_code: "MONTHLY_FILE".to_owned(),
        ..Default::default()
    };
    let parts = [Part::Header(header), Part::Data(content.into())];
    let parts = parts.map(|part| registry::ImportDirectoryRequest { part: Some(part) });
    let mut client = PracticeRegistryServiceClient::new(installation.registry().peer("olga"));
    client.import_directory(tokio_stream::iter(parts)).await.map(tonic::Response::into_inner)
}

/// Who calls, with whom and for whom, where the trace comes from, what the client is, and what nobody asked for.
fn headers() -> Vec<(&'static str, String)> {
    let mut headers = Vec::new();
    for seed in [NUMBER.to_owned(), DASHED.to_owned(), format!("see{NUMBER}")] {
        headers.extend([
            (ACCOUNT, seed.clone()),
            (ACCOUNT, format!("olga;roles={seed}")),
            (ACCOUNT, format!("olga;roles=practice;organisation=practices/{seed}")),
            (ACCOUNT, format!("olga;roles=supplier;organisation=suppliers/{seed}")),
            ("authorization", format!("Bearer {seed}")),
            ("traceparent", seed.clone()),
            ("tracestate", format!("vendor={seed}")),
            ("baggage", format!("patient={seed}")),
            ("user-agent", seed.clone()),
            ("grpc-timeout", format!("{seed}S")),
            ("grpc-encoding", seed.clone()),
            ("x-patient", seed),
        ]);
    }
    headers
}

/// A pause with this header.
async fn pause(
    installation: &Installation,
    practice: &str,
    number: usize,
    name: &'static str,
    value: &str,
) -> Result<(), Status> {
    let endpoint = Endpoint::from_shared(installation.registry().endpoint().to_owned()).expect("an address");
    let channel = endpoint.connect().await.expect("it listens");
    let mut request = Request::new(registry::PausePracticeRequest {
        name: format!("practices/{practice}"),
        end: registry::PauseEnd::FurtherNotice.into(),
        request_id: format!("seeded-{number}"),
        reason_code: "STAFF_NOT_TRAINED".to_owned(),
        ..Default::default()
    });
    // That the trace is recorded, whatever else is said of it.
    let parent = MetadataValue::from_static("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    request.metadata_mut().insert("traceparent", parent);
    let paula = format!("paula;roles=practice;organisation=practices/{practice}");
    request.metadata_mut().insert(ACCOUNT, paula.parse().expect("a header's value"));
    request.metadata_mut().insert(name, value.parse().expect("a header's value"));
    PracticeRegistryServiceClient::new(channel).pause_practice(request).await.map(|_| ())
}

/// Each with the word somewhere.
fn commands<'a>(practice: &'a str, word: &'a str) -> Vec<Vec<&'a str>> {
    vec![
        vec!["practice", "get", word],
        vec!["practice", "pause", word, "--reason-code", "STAFF_NOT_TRAINED"],
        vec!["practice", "pause", practice, "--reason-code", "STAFF_NOT_TRAINED", "--reason", word],
        vec!["practice", "pause", practice, "--reason-code", word],
        vec!["practice", "pause", practice, "--reason-code", "STAFF_NOT_TRAINED", "--request-id", word],
        vec!["practice", "list", "--filter", word],
        vec!["programme", "get", word],
        vec!["import", "map", word],
        vec![word],
    ]
}
