//! What system tests stand on: a folder, the real binaries, their log, their status, and patience with an end.

mod agent;
mod net;
mod scene;

pub(crate) use agent::{Agent, Launch, channel, sink, source};
pub(crate) use net::{Nc, free_port, http_over_unix};
pub(crate) use scene::{Killed, Scene, ctl, penstock};

use std::time::{Duration, Instant};

/// How long anything may take that is expected to happen; generous, because two cores run many agents at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Asks until the answer is there.
///
/// # Panics
/// With `what` when the patience ends.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "waited {} s in vain: {what}", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Asks until it is so.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut ask: impl FnMut() -> bool) {
    wait_for(what, || ask().then_some(()));
}
