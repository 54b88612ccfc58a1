//! The log as a whole: what comes out of its streams.

use super::*;
use crate::agent::log::options::Target;
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use tracing::level_filters::LevelFilter;
use tracing::{debug, error, info, warn};

const LIMIT: Duration = Duration::from_secs(20);

fn to_file(dir: &Path) -> (LogHandle, records::Records) {
    let target = Target::File { dir: dir.to_path_buf(), name: "flume.log".to_string() };
    start_apart(LogOptions { level: LevelFilter::INFO, targets: vec![target], notes: vec![] }).unwrap()
}

fn text(dir: &Path) -> String {
    fs::read_to_string(dir.join("flume.log")).unwrap()
}

fn wait<T>(f: impl Future<Output = T>) -> T {
    let rt = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    rt.block_on(async { tokio::time::timeout(LIMIT, f).await.expect("the log answers") })
}

#[test]
fn records_and_events_come_out_in_flumes_layout() {
    let dir = TempDir::new().unwrap();
    let (log, records) = to_file(dir.path());
    tracing::subscriber::with_default(records, || {
        info!(events = 3, "Starting Source r1");
        debug!("not at this level");
        error!(target: "org.apache.flume.SinkRunner", "Unable to deliver event.");
    });
    let line = "Event: { headers:{} body: 68 69 hi }".to_string();
    wait(log.events().info("org.apache.flume.sink.LoggerSink", vec![line.clone(), line])).unwrap();
    assert!(log.flush(LIMIT));
    let text = text(dir.path());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(
        lines[0].contains(" INFO  [") && lines[0].ends_with(")  - Starting Source r1 events=3"),
        "{text}"
    );
    assert!(lines[0].contains("] (penstock.agent.log.tests:"), "{text}");
    assert!(lines[1].contains(" ERROR [") && lines[1].contains("] (org.apache.flume.SinkRunner:"), "{text}");
    assert!(
        lines[3].ends_with(
            " INFO  [SinkRunner-PollingRunner-DefaultSinkProcessor] \
             (org.apache.flume.sink.LoggerSink.process:95)  - Event: { headers:{} body: 68 69 hi }"
        ),
        "{text}"
    );
    assert_eq!(log.figures().lines, 4);
}

#[test]
fn a_level_changed_while_running_takes_effect_at_once() {
    let dir = TempDir::new().unwrap();
    let (log, records) = to_file(dir.path());
    tracing::subscriber::with_default(records, || {
        debug!("before");
        log.set_level("agent.log", "DEBUG").unwrap();
        debug!("between");
        log.set_level("penstock.agent", "OFF").unwrap();
        log.set_level("agent.log", "ERROR").unwrap();
        warn!("after");
    });
    wait(log.events().info("penstock.agent.log.events", vec!["hidden event".to_string()])).unwrap();
    assert!(log.flush(LIMIT));
    let text = text(dir.path());
    assert!(text.contains("between") && text.lines().count() == 1, "{text}");
}

#[test]
fn a_flood_of_one_cause_is_summed_up() {
    let dir = TempDir::new().unwrap();
    let (log, records) = to_file(dir.path());
    tracing::subscriber::with_default(records, || {
        for port in 10_000..10_500 {
            warn!("connection from 127.0.0.1:{port} broke");
        }
    });
    assert!(log.flush(LIMIT));
    let text = text(dir.path());
    let said: u64 = text
        .lines()
        .filter_map(|l| {
            l.split("  - ").nth(1)?.split_once(" similar lines suppressed")?.0.parse::<u64>().ok()
        })
        .sum();
    let printed = text.lines().filter(|l| l.contains("  - connection from")).count() as u64;
    assert_eq!(said + printed, 500, "{text}");
    assert!(printed <= 20 && log.figures().suppressed_records == said, "{text}");
}

#[test]
fn what_was_suppressed_is_said_though_nothing_else_happens() {
    let dir = TempDir::new().unwrap();
    let (log, records) = to_file(dir.path());
    tracing::subscriber::with_default(records, || {
        warn!("something else");
        assert!(log.flush(LIMIT));
        // The writer is asleep now, or about to be.
        std::thread::sleep(Duration::from_millis(20));
        for _ in 0..10 {
            warn!("the same again");
        }
        assert!(log.flush(LIMIT));
        std::thread::sleep(Duration::from_millis(20));
        for _ in 0..20 {
            warn!("the same again");
        }
    });
    let end = std::time::Instant::now() + LIMIT;
    while !text(dir.path()).lines().any(|l| l.ends_with(" similar lines suppressed: the same again")) {
        assert!(std::time::Instant::now() < end, "{}", text(dir.path()));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_flood_of_many_causes_never_blocks_and_every_line_is_accounted_for() {
    let dir = TempDir::new().unwrap();
    let (log, records) = to_file(dir.path());
    log.set_level("root", "DEBUG").unwrap();
    const LINES: u64 = 50_000;
    tracing::subscriber::with_default(records, || {
        for n in 0..LINES {
            debug!("line {n} {}", "x".repeat(200));
        }
    });
    assert!(log.flush(LIMIT));
    let figures = log.figures();
    let text = text(dir.path());
    let printed = text.lines().filter(|l| l.contains("  - line ")).count() as u64;
    assert_eq!(printed + figures.dropped_records, LINES);
    let said: u64 = text
        .lines()
        .filter_map(|l| l.split("  - ").nth(1)?.split_once(" log lines were dropped")?.0.parse::<u64>().ok())
        .sum();
    assert_eq!(said, figures.dropped_records);
}

#[test]
fn events_are_never_dropped_and_wait_for_their_turn() {
    let dir = TempDir::new().unwrap();
    let (log, _records) = to_file(dir.path());
    wait(async {
        let events = log.events();
        for batch in 0..200 {
            let texts = (0..100).map(|n| format!("event {batch}.{n}")).collect();
            events.info("org.apache.flume.sink.LoggerSink", texts).await.unwrap();
            // Written when it resolves, not later.
            assert!(text(dir.path()).ends_with(&format!("event {batch}.99\n")));
        }
    });
    assert_eq!(text(dir.path()).lines().count(), 20_000);
}

#[test]
fn a_full_disk_is_an_error_for_events_and_never_a_hang_or_a_panic() {
    let dir = TempDir::new().unwrap();
    std::os::unix::fs::symlink("/dev/full", dir.path().join("flume.log")).unwrap();
    let (log, records) = to_file(dir.path());
    tracing::subscriber::with_default(records, || warn!("nobody sees this"));
    let answer = wait(log.events().info("org.apache.flume.sink.LoggerSink", vec!["lost".to_string()]));
    let error = answer.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert!(error.to_string().contains("flume.log"), "{error}");
    assert!(log.flush(LIMIT));
    assert_eq!(log.figures(), LogFigures { failed_lines: 2, ..Default::default() });
    // The disk has room again.
    fs::remove_file(dir.path().join("flume.log")).unwrap();
    wait(log.events().info("org.apache.flume.sink.LoggerSink", vec!["kept".to_string()])).unwrap();
    assert!(log.flush(LIMIT));
    let text = text(dir.path());
    assert!(text.contains("  - kept\n") && text.contains("2 log lines are missing here"), "{text}");
}

#[test]
fn a_dropped_wait_leaves_the_log_working() {
    let dir = TempDir::new().unwrap();
    let (log, _records) = to_file(dir.path());
    let events = log.events();
    drop(events.info("org.apache.flume.sink.LoggerSink", vec!["never polled".to_string()]));
    wait(async {
        let polled = events.info("org.apache.flume.sink.LoggerSink", vec!["polled once".to_string()]);
        let no_time = tokio::time::timeout(Duration::ZERO, polled).await;
        drop(no_time);
        events.info("org.apache.flume.sink.LoggerSink", vec!["waited for".to_string()]).await.unwrap();
    });
    let text = text(dir.path());
    assert!(
        !text.contains("never polled") && text.contains("polled once") && text.contains("waited for"),
        "{text}"
    );
}
