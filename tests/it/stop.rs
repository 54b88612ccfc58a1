//! How an agent ends.

use crate::harness::{Nc, Scene, wait_until};
use rustix::process::Signal;
use std::time::Duration;

#[test]
fn a_stop_drains_the_memory_channel() {
    let scene = Scene::new();
    let out = scene.folder("out");
    // The sink cannot begin until a file gets out of its way.
    let (port, conf) = scene.netcat_conf(&format!(
        "a1.sources.r1.ack-every-event = false\na1.channels.c1.capacity = 100000\na1.sinks.k1.type = file_roll\n\
         a1.sinks.k1.sink.rollInterval = 0\na1.sinks.k1.sink.batchSize = 10\na1.sinks.k1.sink.directory = {}",
        out.display()
    ));
    let agent = scene.start(&conf);
    let mut nc = Nc::connect(port);
    let text: String = (0..20_000).map(|n| format!("line {n}\n")).collect();
    nc.send(&text);
    nc.close_write();
    let accepted =
        agent.wait_status("events are in the channel", |s| s.sources[0].events_accepted > 0).sources[0]
            .events_accepted;
    let ended = agent.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let lines = crate::files::all_text(&out).lines().count() as u64;
    assert!(lines >= accepted, "{lines} lines of at least {accepted} accepted events");
}

/// A source that never ends its connection, a sink that cannot deliver: a stop waits for `stopTimeout`, a second signal does
/// not.
#[test]
fn a_second_signal_stops_now() {
    let scene = Scene::new();
    let file = scene.file("in-the-way", "");
    let (port, conf) = scene.netcat_conf(&format!(
        "a1.sinks.k1.type = file_roll\na1.sinks.k1.sink.directory = {}/out\na1.stopTimeout = 600000",
        file.display()
    ));
    let mut agent = scene.start(&conf);
    assert_eq!(Nc::connect(port).ask("cannot be delivered"), "OK");
    agent.signal(Signal::TERM);
    agent.wait_log("stopping");
    assert!(agent.is_running());
    agent.signal(Signal::INT);
    let ended = agent.wait_for_end();
    assert!(ended.took < Duration::from_secs(10), "{:?}", ended.took);
    assert!(ended.log.contains('1'), "says what is lost: {}", ended.log);
}

#[test]
fn a_stop_without_work_is_quick_and_removes_the_socket() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf("a1.sinks.k1.type = logger");
    let agent = scene.start(&conf);
    let idle = Nc::connect(port);
    let control = agent.control.clone();
    assert!(control.exists());
    let ended = agent.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.took < Duration::from_secs(5), "{:?}", ended.took);
    assert!(!control.exists());
    drop(idle);
}

#[test]
fn what_was_acknowledged_before_a_stop_is_delivered() {
    let scene = Scene::new();
    let out = scene.folder("out");
    let (port, conf) = scene.netcat_conf(&format!(
        "a1.sinks.k1.type = file_roll\na1.sinks.k1.sink.rollInterval = 0\na1.sinks.k1.sink.directory = {}",
        out.display()
    ));
    let agent = scene.start(&conf);
    let sender = std::thread::spawn(move || {
        let mut nc = Nc::connect(port);
        let mut acknowledged = 0;
        loop {
            // The agent goes away amid this.
            let sent = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                nc.send(format!("{acknowledged}\n"))
            }));
            if sent.is_err() || nc.reply().as_deref() != Some("OK") {
                return acknowledged;
            }
            acknowledged += 1;
        }
    });
    wait_until("it flows", || crate::files::all_text(&out).lines().count() > 50);
    assert_eq!(agent.stop().code, Some(0));
    let acknowledged: usize = sender.join().unwrap();
    let text = crate::files::all_text(&out);
    let lines: std::collections::HashSet<&str> = text.lines().collect();
    let missing: Vec<usize> = (0..acknowledged).filter(|n| !lines.contains(n.to_string().as_str())).collect();
    assert!(missing.is_empty(), "acknowledged and lost: {missing:?} of {acknowledged}");
}
