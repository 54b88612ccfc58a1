//! Screens for agents in the situations that get people out of bed.

use super::*;
use dataplane::control::{ChannelStatus, ProblemStatus, SinkStatus, SourceStatus, Status, ThreadStatus};

const PLAIN: Look = Look { width: None, height: None, colours: false };

fn agent(uptime_ms: u64, events: u64) -> Status {
    Status {
        agent: "a1".into(),
        state: AgentState::Running,
        generation: 1,
        uptime_ms,
        pid: 4711,
        version: "0.1.0".into(),
        config_files: vec!["conf/a1.conf".into()],
        memory_bytes: 20 << 20,
        cpu_ms: uptime_ms / 20,
        threads: vec![ThreadStatus {
            name: "core-0".into(),
            role: ThreadRole::DataCore,
            cpu: Some(0),
            io: "epoll".into(),
            ..ThreadStatus::default()
        }],
        sources: vec![SourceStatus {
            name: "r1".into(),
            kind: "netcat".into(),
            state: ComponentState::Running,
            core: Some(0),
            listens: "127.0.0.1:44444".into(),
            channels: vec!["c1".into()],
            events_received: events,
            events_accepted: events,
            bytes: 200 * events,
            ..SourceStatus::default()
        }],
        channels: vec![ChannelStatus {
            name: "c1".into(),
            kind: "memory".into(),
            state: ComponentState::Running,
            capacity_events: 1_000,
            put_successes: events,
            take_successes: events,
            ..ChannelStatus::default()
        }],
        sinks: vec![SinkStatus {
            name: "k1".into(),
            kind: "org.apache.flume.sink.LoggerSink".into(),
            state: ComponentState::Running,
            channel: "c1".into(),
            events_taken: events,
            events_delivered: events,
            ..SinkStatus::default()
        }],
        ..Status::default()
    }
}

fn text(now: &Status, before: Option<&Status>) -> String {
    screen(&Pair::new(now, before), PLAIN).join("\n")
}

#[test]
fn an_agent_that_is_well_is_one_calm_page() {
    let (before, now) = (agent(10_000, 1_000), agent(12_000, 3_500));
    let shown = text(&now, Some(&before));
    let expected = "\
a1 is running; 1,250 events/s come in, 1,250/s go out
  up 12 s, process 4711, penstock 0.1.0, 20 MiB of memory, 5 % of a CPU
  runs conf/a1.conf

  SOURCE  TYPE    STATE    EVENTS/S  ACCEPTED    BYTES  CPU  TO  LISTENS
  r1      netcat  running     1,250     3,500  684 KiB    0  c1  127.0.0.1:44444

  CHANNEL  TYPE    STATE     IN/S  OUT/S  HOLDS     OF  FULL  BYTES  CPU
  c1       memory  running  1,250  1,250      0  1,000   0 %    0 B  any

  SINK  TYPE        STATE    EVENTS/S  DELIVERED  BYTES  CPU  FROM
  k1    LoggerSink  running     1,250      3,500    0 B  any  c1

  THREAD  FOR   CPU  I/O
  core-0  data    0  epoll";
    assert_eq!(shown, expected);
    assert!(
        text(&agent(10_000, 5), Some(&agent(9_000, 5)))
            .starts_with("a1 is running; no events move right now")
    );
}

#[test]
fn a_full_channel_is_said_with_its_cause() {
    let fill = |uptime_ms: u64, refused: u64| {
        let mut status = agent(uptime_ms, 1_000);
        status.channels[0].events = 1_000;
        status.channels[0].oldest_ms = 42_000;
        status.channels[0].would_lose_events = 1_000;
        status.channels[0].full_refusals = refused;
        status.sources[0].events_refused = refused * 10;
        status.sinks[0].state = ComponentState::Retrying;
        status.sinks[0].why = "cannot open /data/out: permission denied".into();
        status
    };
    let shown = text(&fill(12_000, 5), Some(&fill(11_000, 3)));
    for line in [
        "a1 is running, but not well; no events move right now",
        "  k1  sink does not run, and is tried again: cannot open /data/out: permission denied",
        "  c1  nothing leaves it while k1 does not run; holds 1,000 of 1,000 events, the oldest 42 s old; r1 has to wait",
        "  r1  refuses events right now: 50 events since the start",
        "  c1  would lose 1,000 events if the process died now",
    ] {
        assert!(shown.lines().any(|l| l == line), "{line}\n{shown}");
    }
    let (cause, effect) = (shown.find("  k1  sink does").unwrap(), shown.find("  c1  nothing").unwrap());
    assert!(cause < effect, "causes come first");
}

#[test]
fn a_sink_that_runs_and_takes_nothing_is_stuck() {
    let hold = |uptime_ms: u64| {
        let mut status = agent(uptime_ms, 1_000);
        status.channels[0].events = 5;
        status.channels[0].oldest_ms = uptime_ms;
        status
    };
    let shown = text(&hold(60_000), Some(&hold(59_000)));
    assert!(shown.contains("  c1  nothing leaves it, though k1 runs; holds 5 of 1,000 events"), "{shown}");
    let fresh = text(&hold(5_000), Some(&hold(4_000)));
    assert!(!fresh.contains("TROUBLE"), "{fresh}");
}

#[test]
fn old_troubles_and_warnings_are_notes() {
    let mut now = agent(12_000, 5);
    now.sources[0].events_refused = 3;
    now.sources[0].why = "line longer than 512".into();
    now.warnings = vec![ProblemStatus {
        about: "a1.sinks.k1.batchsize".into(),
        file: "conf/a1.conf".into(),
        line: 9,
        message: "unknown key".into(),
        help: "did you mean batchSize?".into(),
    }];
    let shown = text(&now, Some(&now.clone()));
    assert!(!shown.contains("TROUBLE"), "{shown}");
    for line in ["has refused 3 events since the start", "last trouble: line longer than 512"] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    assert!(
        shown.contains("a1.sinks.k1.batchsize  unknown key; did you mean batchSize? (conf/a1.conf:9)"),
        "{shown}"
    );
}

#[test]
fn a_source_that_came_to_its_end_is_no_trouble() {
    let mut now = agent(12_000, 5);
    now.sources[0].state = ComponentState::Stopped;
    let shown = text(&now, None);
    assert!(!shown.contains("TROUBLE") && shown.contains("  r1  source has ended"), "{shown}");
    now.sources[0].why = "there is nothing more to read".into();
    let shown = text(&now, None);
    assert!(shown.contains("TO KNOW\n  r1  source has ended: there is nothing more to read"), "{shown}");
}

#[test]
fn nothing_that_an_agent_says_reaches_the_terminal_as_a_command() {
    let mut now = agent(12_000, 5);
    now.agent = "a\u{1b}]0;x\u{7}".into();
    now.sinks[0].name = "k\u{9b}2J".into();
    now.sinks[0].state = ComponentState::Dropped;
    now.sinks[0].why = "first\nsecond\u{1b}[31m".into();
    now.config_files = vec!["x\ny".into()];
    let lines = screen(&Pair::new(&now, None), Look { width: Some(60), height: None, colours: false });
    for line in &lines {
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}

#[test]
fn lines_fit_the_terminal() {
    let mut now = agent(12_000, 5);
    now.sinks[0].state = ComponentState::Dropped;
    now.sinks[0].why = "word ".repeat(60);
    for line in
        screen(&Pair::new(&now, None), Look { width: Some(50), height: None, colours: false }).iter().skip(3)
    {
        assert!(line.chars().count() <= 50, "{line}");
    }
}

#[test]
fn a_narrow_or_short_terminal_keeps_what_matters() {
    let mut now = agent(12_000, 5);
    now.channels[0].events = 950;
    now.channels[0].oldest_ms = 42_000;
    now.channels[0].would_lose_events = 950;
    let look = |width, height| Look { width: Some(width), height, colours: false };
    let shown = screen(&Pair::new(&now, Some(&agent(11_000, 5))), look(72, None)).join("\n");
    for part in ["FULL", "OLDEST", "WOULD LOSE", "THREAD"] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    assert!(!shown.contains('…'), "{shown}");
    let short = screen(&Pair::new(&now, None), look(72, Some(18))).join("\n");
    assert!(!short.contains("THREAD") && short.contains("TO KNOW"), "{short}");
}

#[test]
fn a_late_data_core_is_trouble_once_it_is_sure() {
    let mut now = agent(12_000, 5);
    now.threads[0].lag.p99_us = 120_000;
    now.threads[0].lag.count = 5;
    assert!(!text(&now, None).contains("TROUBLE"));
    now.threads[0].lag.count = 5_000;
    assert!(text(&now, None).contains("  core-0  thread comes back late: 120 ms"), "{}", text(&now, None));
}

#[test]
fn a_restart_between_two_looks_gives_no_rates() {
    let (mut before, now) = (agent(50_000, 9_000), agent(1_000, 10));
    before.pid = 1;
    assert!(!Pair::new(&now, Some(&before)).has_rates());
}
