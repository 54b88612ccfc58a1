//! One source into several channels.

use crate::harness::{Nc, Scene, channel, sink};
use dataplane::control::Status;

/// netcat into c1, c2 and c3, each with a null sink of its own, and what `rest` adds.
fn three_ways(scene: &Scene, rest: &str) -> (u16, String) {
    let (port, conf) = scene.netcat_conf(
        "a1.sinks.k1.type = null\na1.channels = c1 c2 c3\na1.sinks = k1 k2 k3\na1.sources.r1.channels = c1 c2 c3\n\
         a1.channels.c2.type = memory\na1.channels.c3.type = memory\n\
         a1.sinks.k2.type = null\na1.sinks.k2.channel = c2\na1.sinks.k3.type = null\na1.sinks.k3.channel = c3",
    );
    (port, format!("{conf}{rest}\n"))
}

fn delivered(status: &Status) -> [u64; 3] {
    ["k1", "k2", "k3"].map(|name| sink(status, name).events_delivered)
}

#[test]
fn replicating_gives_every_channel_every_event() {
    let scene = Scene::new();
    let (port, conf) = three_ways(&scene, "");
    let agent = scene.start(&conf);
    let mut nc = Nc::connect(port);
    for n in 0..10 {
        assert_eq!(nc.ask(&n.to_string()), "OK");
    }
    agent.wait_status("thirty deliveries", |s| delivered(s) == [10, 10, 10]);
}

#[test]
fn an_optional_channel_that_is_full_holds_nobody_up() {
    let scene = Scene::new();
    // c3 has no sink: k3 reads c2 as well.
    let (port, conf) = three_ways(
        &scene,
        "a1.sources.r1.selector.type = replicating\na1.sources.r1.selector.optional = c3\n\
         a1.sinks.k3.channel = c2\na1.channels.c3.capacity = 1\na1.channels.c3.transactionCapacity = 1\n\
         a1.channels.c3.keep-alive = 0",
    );
    let agent = scene.start(&conf);
    let mut nc = Nc::connect(port);
    for n in 0..10 {
        assert_eq!(nc.ask(&n.to_string()), "OK");
    }
    let s = agent.wait_status("twenty deliveries", |s| {
        let [k1, k2, k3] = delivered(s);
        k1 == 10 && k2 + k3 == 10
    });
    let c3 = channel(&s, "c3");
    assert_eq!((c3.events, c3.full_refusals > 0), (1, true));
    assert_eq!(s.sources[0].events_accepted, 10);
}

#[test]
fn a_required_channel_that_is_full_refuses_and_nothing_is_doubled() {
    let scene = Scene::new();
    let (port, conf) = three_ways(
        &scene,
        "a1.sinks.k3.channel = c2\na1.channels.c3.capacity = 1\na1.channels.c3.transactionCapacity = 1\n\
         a1.channels.c3.keep-alive = 0",
    );
    let agent = scene.start(&conf);
    let mut nc = Nc::connect(port);
    assert_eq!(nc.ask("fits"), "OK");
    assert!(nc.ask("does not").starts_with("FAILED: "));
    let s = agent.status();
    assert_eq!((s.sources[0].events_accepted, s.sources[0].events_refused), (1, 1));
}

#[test]
fn multiplexing_follows_the_header() {
    for (state, wanted) in [("CZ", [3, 0, 0]), ("US", [0, 3, 3]), ("DE", [0, 0, 3])] {
        let scene = Scene::new();
        let (port, conf) = three_ways(
            &scene,
            &format!(
                "a1.sources.r1.selector.type = multiplexing\na1.sources.r1.selector.header = state\n\
                 a1.sources.r1.selector.mapping.CZ = c1\na1.sources.r1.selector.mapping.US = c2 c3\n\
                 a1.sources.r1.selector.default = c3\na1.sources.r1.interceptors = i1\n\
                 a1.sources.r1.interceptors.i1.type = static\na1.sources.r1.interceptors.i1.key = state\n\
                 a1.sources.r1.interceptors.i1.value = {state}"
            ),
        );
        let agent = scene.start(&conf);
        let mut nc = Nc::connect(port);
        for n in 0..3 {
            assert_eq!(nc.ask(&n.to_string()), "OK");
        }
        let s = agent
            .wait_status("all delivered", |s| delivered(s).iter().sum::<u64>() == wanted.iter().sum::<u64>());
        assert_eq!(delivered(&s), wanted, "state {state}");
    }
}

#[test]
fn load_balancing_gives_each_event_to_one_channel_in_turn() {
    let scene = Scene::new();
    let (port, conf) = three_ways(&scene, "a1.sources.r1.selector.type = load_balancing");
    let agent = scene.start(&conf);
    let mut nc = Nc::connect(port);
    for n in 0..9 {
        assert_eq!(nc.ask(&n.to_string()), "OK");
    }
    agent.wait_status("three each", |s| delivered(s) == [3, 3, 3]);
}

#[test]
fn channels_of_different_sources_and_cores_meet_in_one_sink() {
    let scene = Scene::new();
    let (port, conf) = scene.netcat_conf(
        "a1.sinks.k1.type = null\na1.sources = r1 r2\na1.sources.r2.type = seq\na1.sources.r2.totalEvents = 1000\n\
         a1.sources.r2.batchSize = 50\na1.sources.r2.channels = c1\na1.channels.c1.capacity = 10000",
    );
    let agent = scene.start(&conf);
    let mut nc = Nc::connect(port);
    for n in 0..50 {
        assert_eq!(nc.ask(&n.to_string()), "OK");
    }
    agent.wait_status("all delivered", |s| s.sinks[0].events_delivered == 1050);
}
