//! Tasks that one owner started and that come and go, such as a server's connections.

use super::{Core, Signal, Task};
use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::rc::Rc;

/// Tasks of one owner. Dropping the set aborts them all.
pub struct TaskSet {
    core: Core,
    running: HashMap<u64, Task>,
    next: u64,
    ended: Rc<Ended>,
}

/// Numbers of tasks that have ended and were not reaped yet.
#[derive(Default)]
struct Ended {
    numbers: RefCell<Vec<u64>>,
    changed: Signal,
}

/// Tells of the end of a task, however it comes.
struct Farewell {
    number: u64,
    ended: Rc<Ended>,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        self.ended.numbers.borrow_mut().push(self.number);
        self.ended.changed.notify_one();
    }
}

impl TaskSet {
    /// An empty set on this core.
    pub fn new(core: &Core) -> Self {
        TaskSet { core: core.clone(), running: HashMap::new(), next: 0, ended: Rc::default() }
    }

    /// Starts a task.
    pub fn start(&mut self, name: &str, task: impl Future<Output = ()> + 'static) {
        let farewell = Farewell { number: self.next, ended: self.ended.clone() };
        let task = async move {
            let _farewell = farewell;
            task.await;
        };
        self.running.insert(self.next, self.core.task(name, task));
        self.next += 1;
    }

    /// Tasks that have not been reaped.
    pub fn len(&self) -> usize {
        self.running.len()
    }

    /// True when every task was reaped.
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Reaps a task that has ended: `Err` with the panic's text if it panicked. Never resolves while none ends.
    ///
    /// # Cancel safety
    /// May be dropped and called again.
    pub async fn reap(&mut self) -> Result<(), String> {
        loop {
            let changed = self.ended.changed.wait();
            let number = self.ended.numbers.borrow().last().copied();
            let Some(number) = number else {
                changed.await;
                continue;
            };
            let task = self.running.get_mut(&number).expect("a task is reaped once, and says farewell once");
            let result = task.join().await;
            self.running.remove(&number);
            self.ended.numbers.borrow_mut().retain(|n| *n != number);
            return result;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::{IoChoice, block_on};
    use std::time::Duration;

    #[test]
    fn every_end_is_reaped_once_and_a_panic_is_told() {
        block_on(IoChoice::Epoll, |core| async move {
            let mut set = TaskSet::new(&core);
            set.start("a", async {});
            set.start("b", async { panic!("as planned") });
            set.start("c", std::future::pending());
            let mut ends = Vec::new();
            for _ in 0..2 {
                ends.push(core.timeout(Duration::from_secs(9), set.reap()).await.expect("two tasks end"));
            }
            ends.sort();
            assert_eq!(ends, [Ok(()), Err("as planned".to_owned())]);
            assert_eq!(set.len(), 1);
            assert_eq!(core.timeout(Duration::from_millis(1), set.reap()).await, None);
        })
        .unwrap();
    }

    #[test]
    fn dropping_the_set_drops_what_its_tasks_hold() {
        block_on(IoChoice::Epoll, |core| async move {
            let held = Rc::new(());
            let mut set = TaskSet::new(&core);
            let inside = held.clone();
            set.start("a", async move {
                std::future::pending::<()>().await;
                drop(inside);
            });
            drop(set);
            while Rc::strong_count(&held) > 1 {
                crate::reactor::yield_now().await;
            }
        })
        .unwrap();
    }
}
