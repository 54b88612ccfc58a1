//! netcat → memory → logger: the first example of every Flume tutorial, and what breaks it.

use crate::harness::{Nc, Scene, channel, wait_until};

const LOGGER: &str = "a1.sinks.k1.type = logger";

#[test]
fn a_line_typed_into_nc_is_printed_as_flume_prints_it() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf(LOGGER);
    let agent = scene.start(&conf);
    let mut nc = Nc::connect(port);
    assert_eq!(nc.ask("hello"), "OK");
    assert_eq!(nc.ask("hello\r"), "OK");
    assert_eq!(nc.ask(""), "OK");
    let line = agent.wait_log("Event: ");
    let (head, event) = line.split_once("] Event: ").expect("log4j's console pattern");
    assert!(
        head.contains(
            " (SinkRunner-PollingRunner-DefaultSinkProcessor) [INFO - org.apache.flume.sink.LoggerSink.process(LoggerSink.java:"
        ),
        "{line}"
    );
    assert_eq!(event, "{ headers:{} body: 68 65 6C 6C 6F                                  hello }");
    agent.wait_log("Event: { headers:{} body: 68 65 6C 6C 6F 0D                               hello. }");
    agent.wait_log("Event: { headers:{} body: }");
    let status = agent.status();
    assert_eq!((status.sources[0].events_accepted, status.sinks[0].events_delivered), (3, 3));
    assert_eq!(agent.stop().code, Some(0));
}

#[test]
fn the_ready_line_and_status_say_where_it_listens() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf(LOGGER);
    let agent = scene.start(&conf);
    let ready = agent.ready();
    assert!(ready.contains(&format!("127.0.0.1:{port}")), "{ready}");
    assert!(agent.status().sources[0].listens.contains(&port.to_string()));
}

#[test]
fn timestamp_and_host_interceptors_add_their_headers() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf(
        "a1.sinks.k1.type = logger\n\
         a1.sources.r1.interceptors = i1 i2 i3\n\
         a1.sources.r1.interceptors.i1.type = timestamp\n\
         a1.sources.r1.interceptors.i2.type = host\na1.sources.r1.interceptors.i2.useIP = false\n\
         a1.sources.r1.interceptors.i3.type = static\na1.sources.r1.interceptors.i3.key = datacenter\n\
         a1.sources.r1.interceptors.i3.value = PRG",
    );
    let agent = scene.start(&conf);
    let before_ms = now_ms();
    assert_eq!(Nc::connect(port).ask("x"), "OK");
    let line = agent.wait_log("Event: ");
    let map = line.split_once("headers:{").unwrap().1.split_once("} body").unwrap().0;
    let headers: Vec<(&str, &str)> = map.split(", ").filter_map(|p| p.split_once('=')).collect();
    let get = |name| headers.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
    assert_eq!(get("datacenter"), Some("PRG"), "{line}");
    assert!(get("host").is_some_and(|h| !h.is_empty()), "{line}");
    let stamp: u64 = get("timestamp").unwrap().parse().unwrap();
    assert!((before_ms..=now_ms()).contains(&stamp), "{line}");
}

fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_millis().try_into().unwrap()
}

/// A channel that nothing drains: its sink is on another channel.
const STUCK: &str = "a1.channels = c1 c2\na1.channels.c2.type = memory\na1.sinks.k1.type = null\na1.sinks.k1.channel = c2\n\
                     a1.channels.c1.capacity = 2\na1.channels.c1.transactionCapacity = 2\na1.channels.c1.keep-alive = 0";

#[test]
fn a_full_channel_is_told_to_the_sender_in_flumes_words() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf(STUCK);
    let agent = scene.start(&conf);
    let mut nc = Nc::connect(port);
    assert_eq!((nc.ask("1").as_str(), nc.ask("2").as_str()), ("OK", "OK"));
    let refused = nc.ask("3");
    assert!(
        refused.starts_with("FAILED: ") && refused.contains("Sinks are likely not keeping up with sources"),
        "{refused}"
    );
    // The connection stays open, and what was accepted stays in the channel.
    assert!(nc.ask("4").starts_with("FAILED: "));
    let status = agent.status();
    let c1 = channel(&status, "c1");
    assert_eq!((c1.events, c1.capacity_events, c1.would_lose_events), (2, 2, 2));
    let r1 = &status.sources[0];
    assert_eq!((r1.events_received, r1.events_accepted, r1.events_refused), (4, 2, 2));
}

#[test]
fn a_line_beyond_the_maximum_ends_its_connection_only() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf(LOGGER);
    let agent = scene.start(&conf);
    let mut other = Nc::connect(port);
    let mut nc = Nc::connect(port);
    assert_eq!(nc.ask(&"a".repeat(511)), "OK");
    nc.send(format!("first\n{}\nnever\n", "b".repeat(512)));
    assert_eq!(nc.reply().as_deref(), Some("OK"));
    assert_eq!(
        nc.reply().as_deref(),
        Some("FAILED: Event exceeds the maximum length (512 chars, including newline)")
    );
    assert_eq!(nc.rest(), "");
    assert_eq!(other.ask("still here"), "OK");
    agent.wait_status("three events", |s| s.sinks[0].events_delivered == 3);
}

#[test]
fn an_endless_line_does_not_grow_memory() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf(LOGGER);
    let agent = scene.start(&conf);
    let mut nc = Nc::connect(port);
    nc.send(vec![b'x'; 600]);
    assert!(nc.rest().starts_with("FAILED: Event exceeds the maximum length"));
    assert_eq!(Nc::connect(port).ask("next"), "OK");
    drop(agent);
}

#[test]
fn binary_junk_ends_its_connection_and_nothing_else() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf(LOGGER);
    let mut agent = scene.start(&conf);
    // A fixed seed: the same bytes every time.
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    for round in 0..20 {
        let junk: Vec<u8> = (0..4096)
            .map(|_| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                seed.to_le_bytes()[round % 8]
            })
            .collect();
        let mut nc = Nc::connect(port);
        nc.send(junk);
        nc.close_write();
        nc.rest();
    }
    let mut nc = Nc::connect(port);
    assert_eq!(nc.ask("after the storm"), "OK");
    drop(nc);
    wait_until("connections are closed", || agent.status().sources[0].open_connections == 0);
    assert!(agent.is_running());
}

#[test]
fn text_in_other_alphabets_arrives_as_it_was_sent() {
    let scene = Scene::new();
    let out = scene.folder("out");
    let (port, conf) = scene.netcat_conf(&format!(
        "a1.sinks.k1.type = file_roll\na1.sinks.k1.sink.rollInterval = 0\na1.sinks.k1.sink.directory = {}",
        out.display()
    ));
    let agent = scene.start(&conf);
    let mut nc = Nc::connect(port);
    for line in ["žluťoučký kůň", "数据", "🐎"] {
        assert_eq!(nc.ask(line), "OK");
    }
    agent.wait_status("delivered", |s| s.sinks[0].events_delivered == 3);
    assert_eq!(crate::files::all_text(&out), "žluťoučký kůň\n数据\n🐎\n");
}

#[test]
fn without_acks_nothing_is_answered_and_everything_arrives() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf(
        "a1.sources.r1.ack-every-event = false\na1.channels.c1.capacity = 100000\na1.sinks.k1.type = null",
    );
    let agent = scene.start(&conf);
    let mut nc = Nc::connect(port);
    const LINES: usize = 20_000;
    let text: String = (0..LINES).map(|n| format!("line {n}\n")).collect();
    nc.send(&text);
    nc.close_write();
    assert_eq!(nc.rest(), "");
    let s = agent.wait_status("all delivered", |s| s.sinks[0].events_delivered == LINES as u64);
    assert_eq!(s.sources[0].events_accepted, LINES as u64);
    assert_eq!(s.sources[0].bytes, (text.len() - LINES) as u64);
}

#[test]
fn a_thousand_idle_and_half_open_connections_cost_little_and_block_nobody() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf(LOGGER);
    let agent = scene.start(&conf);
    let before = agent.status().memory_bytes;
    let mut idle: Vec<Nc> = (0..1_000).map(|_| Nc::connect(port)).collect();
    for half_open in idle.iter_mut().step_by(4) {
        half_open.send("half a li");
    }
    agent.wait_status("all are counted", |s| s.sources[0].open_connections == 1_000);
    let mut nc = Nc::connect(port);
    assert_eq!(nc.ask("through the crowd"), "OK");
    // One that was idle speaks up; one that was half open closes for writing: its half line is no event.
    assert_eq!(idle[1].ask("awake"), "OK");
    idle[0].close_write();
    assert_eq!(idle[0].rest(), "");
    let s = agent.wait_status("two events", |s| s.sinks[0].events_delivered == 2);
    let grown = s.memory_bytes.saturating_sub(before);
    assert!(grown < 64 << 20, "1,000 connections cost {grown} bytes");
    drop((nc, idle));
    agent.wait_status("all are gone", |s| s.sources[0].open_connections == 0);
    assert_eq!(agent.stop().code, Some(0));
}
