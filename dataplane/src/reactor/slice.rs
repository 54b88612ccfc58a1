//! Sharing a thread: tasks that always have something to do give way to the others.

use super::{Core, Tick};
use std::task::Poll;

/// Longest time that a task works before it gives way: half of the millisecond that no task of a data core may exceed, so
/// that the step in which the limit is passed fits too.
const LONGEST_NS: u64 = 500_000;

/// Lets every other task that can run do so once.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// How long a task has been working since it last gave way.
#[derive(Debug)]
pub struct Slice {
    began: Tick,
}

impl Slice {
    /// Begins now.
    pub fn begin(core: &Core) -> Self {
        Slice { began: core.now() }
    }

    /// Gives way when the task has worked for half a millisecond. Waits inside the slice count as work: giving way too
    /// often costs little.
    pub async fn pause_if_over(&mut self, core: &Core) {
        if core.now().saturating_sub(self.began) >= LONGEST_NS {
            yield_now().await;
            self.began = core.now();
        }
    }
}
