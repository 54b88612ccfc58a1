//! What an agent costs that has nothing to do.

use crate::harness::{Nc, Scene};
use std::time::Duration;

#[test]
fn an_idle_agent_uses_no_cpu_and_little_memory() {
    let scene = Scene::new();
    let conf = "a1.sources = r1 r2\na1.channels = c1 c2\na1.sinks = k1 k2\n";
    let (port, rest) = scene.netcat_conf("a1.sinks.k1.type = logger");
    let tail = scene.folder("in");
    let rest = format!(
        "{rest}a1.channels.c2.type = memory\na1.sources.r2.type = TAILDIR\na1.sources.r2.channels = c2\n\
         a1.sources.r2.filegroups = f1\na1.sources.r2.filegroups.f1 = {}/.*log\na1.sources.r2.positionFile = {}\n\
         a1.sinks.k2.type = null\na1.sinks.k2.channel = c2\n",
        tail.display(),
        scene.path("pos.json").display()
    );
    let skip = rest.lines().skip(3).fold(conf.to_owned(), |text, line| text + line + "\n");
    let agent = scene.start(&skip);
    assert_eq!(Nc::connect(port).ask("awake"), "OK");
    agent.wait_status("it has settled", |s| s.uptime_ms > 500 && s.sinks.iter().any(|k| k.events_taken > 0));
    // Nobody asks it anything meanwhile: answers would be most of what it does.
    let before_ms = agent.cpu_ms();
    std::thread::sleep(Duration::from_secs(2));
    let used_ms = agent.cpu_ms() - before_ms;
    assert!(used_ms <= 40, "{used_ms} ms of CPU in 2 s");
    let memory_bytes = agent.status().memory_bytes;
    assert!(memory_bytes < 20 << 20, "{memory_bytes} bytes");
}
