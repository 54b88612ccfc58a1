//! Where the agent's own log goes.

use crate::harness::{Killed, Nc, Scene, wait_until};
use std::fs;
use std::process::Stdio;

#[test]
fn the_log_file_is_flumes_in_place_and_form() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf("a1.sinks.k1.type = logger");
    let agent = scene
        .launch(&conf)
        .arg("-Dflume.root.logger=INFO,LOGFILE")
        .arg(&format!("-Dflume.log.dir={}", scene.path("logs").display()))
        .arg("-Dflume.log.file=my.log")
        .spawn();
    let path = scene.path("logs/my.log");
    let text = || fs::read_to_string(&path).unwrap_or_default();
    wait_until("it is ready", || text().contains(" is ready"));
    assert_eq!(Nc::connect(port).ask("hello"), "OK");
    wait_until("the event is printed", || text().contains("hello }"));
    let line = text().lines().find(|l| l.contains("hello }")).unwrap().to_string();
    assert!(
        line.contains(
            " INFO  [SinkRunner-PollingRunner-DefaultSinkProcessor] (org.apache.flume.sink.LoggerSink.process:"
        ) && line.contains(")  - Event: { headers:{} body: 68 65"),
        "{line}"
    );
    let ended = agent.stop();
    assert_eq!(ended.log, "", "nothing on the console");
}

#[test]
fn both_places_at_once_and_debug() {
    let scene = Scene::new();
    let (_, conf) = scene.netcat_conf("a1.sinks.k1.type = logger");
    let agent = scene.launch(&conf).arg("-Dflume.root.logger=DEBUG,LOGFILE,console").spawn();
    agent.ready();
    wait_until("the file has it too", || {
        fs::read_to_string(scene.path("logs/flume.log")).unwrap_or_default().contains(" is ready")
    });
}

#[test]
fn an_agent_whose_terminal_went_away_goes_on() {
    let scene = Scene::new();
    let out = scene.folder("out");
    let (port, conf) = scene.netcat_conf(&format!(
        "a1.sinks.k1.type = file_roll\na1.sinks.k1.sink.rollInterval = 0\na1.sinks.k1.sink.directory = {}",
        out.display()
    ));
    let file = scene.file("a1.conf", &conf);
    let child = scene
        .command(&crate::harness::penstock())
        .args(["agent", "-n", "a1", "-f"])
        .arg(file)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut agent = Killed(child);
    let mut nc = Nc::connect(port);
    drop(agent.0.stderr.take());
    assert_eq!(nc.ask("one"), "OK");
    // A line too long is logged, into a pipe that nobody reads.
    nc.send(vec![b'x'; 600]);
    nc.rest();
    assert_eq!(Nc::connect(port).ask("two"), "OK");
    wait_until("both arrived", || crate::files::all_text(&out) == "one\ntwo\n");
    assert!(agent.0.try_wait().unwrap().is_none());
}

#[test]
fn events_that_cannot_be_printed_stay_in_the_channel() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf("a1.sinks.k1.type = logger");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let agent = scene.launch(&conf).stderr(full).spawn();
    assert_eq!(Nc::connect(port).ask("one"), "OK");
    let s = agent.wait_status("the sink has tried", |s| {
        s.sinks[0].write_failures > 0 || s.channels[0].rolled_back_events > 0
    });
    assert_eq!((s.sinks[0].events_delivered, s.channels[0].events), (0, 1));
    assert!(s.sinks[0].why.contains("log"), "{:?}", s.sinks[0]);
}

#[test]
fn a_thousand_complaints_of_one_cause_are_a_few_lines() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf("a1.sinks.k1.type = logger");
    let agent = scene.start(&conf);
    for _ in 0..300 {
        let mut nc = Nc::connect(port);
        nc.send(vec![b'x'; 600]);
        nc.rest();
    }
    let line = agent.wait_log(" similar lines suppressed: ");
    assert!(line.contains("WARN"), "{line}");
    assert!(agent.log().lines().count() < 150, "{}", agent.log());
    assert_eq!(agent.status().sources[0].read_failures, 300);
}

#[test]
fn one_logger_can_speak_up_alone() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf("a1.sinks.k1.type = logger");
    let agent = scene.start(&conf);
    let control = agent.control.to_str().unwrap();
    let set = scene.ctl(&["--control", control, "log-level", "org.apache.flume.sink.LoggerSink=OFF"]);
    assert_eq!(set.status.code(), Some(0), "{set:?}");
    assert_eq!(Nc::connect(port).ask("silent"), "OK");
    agent.wait_status("delivered", |s| s.sinks[0].events_delivered == 1);
    let ended = agent.stop();
    assert!(!ended.log.contains("silent") && ended.log.contains("stop"), "{}", ended.log);
}
