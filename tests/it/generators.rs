//! seq and stress: sources that make events themselves.

use crate::harness::Scene;

fn conf(source: &str, sink: &str) -> String {
    format!(
        "a1.sources = r1\na1.channels = c1\na1.sinks = k1\na1.sources.r1.channels = c1\n{source}\n\
         a1.channels.c1.type = memory\na1.channels.c1.capacity = 10000\na1.channels.c1.transactionCapacity = 1000\n\
         a1.sinks.k1.channel = c1\n{sink}\n"
    )
}

#[test]
fn seq_counts_from_zero_and_stops_at_its_total() {
    let scene = Scene::new();
    let out = scene.folder("out");
    let agent = scene.start(&conf(
        "a1.sources.r1.type = seq\na1.sources.r1.totalEvents = 250\na1.sources.r1.batchSize = 100",
        &format!(
            "a1.sinks.k1.type = file_roll\na1.sinks.k1.sink.rollInterval = 0\na1.sinks.k1.sink.directory = {}",
            out.display()
        ),
    ));
    let s = agent.wait_status("all delivered", |s| s.sinks[0].events_delivered == 250);
    assert_eq!(s.sources[0].events_accepted, 250);
    let wanted: String = (0..250).map(|n| format!("{n}\n")).collect();
    assert_eq!(crate::files::all_text(&out), wanted);
}

#[test]
fn seq_into_null_goes_on_for_ever() {
    let scene = Scene::new();
    let agent = scene.start(&conf(
        "a1.sources.r1.type = seq\na1.sources.r1.batchSize = 100",
        "a1.sinks.k1.type = null\na1.sinks.k1.batchSize = 1000",
    ));
    let s = agent.wait_status("a hundred thousand", |s| s.sinks[0].events_delivered >= 100_000);
    let c1 = &s.channels[0];
    assert!(c1.events <= c1.capacity_events, "{} of {}", c1.events, c1.capacity_events);
    let ended = agent.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
}

#[test]
fn stress_sends_its_total_of_its_size() {
    let scene = Scene::new();
    let agent = scene.start(&conf(
        "a1.sources.r1.type = org.apache.flume.source.StressSource\na1.sources.r1.size = 64\n\
         a1.sources.r1.maxTotalEvents = 1050\na1.sources.r1.batchSize = 100",
        "a1.sinks.k1.type = null",
    ));
    let s = agent.wait_status("all delivered", |s| s.sinks[0].events_delivered == 1050);
    assert_eq!((s.sources[0].events_accepted, s.sources[0].bytes), (1050, 1050 * 64));
    assert_eq!(s.sinks[0].bytes, 1050 * 64);
}
