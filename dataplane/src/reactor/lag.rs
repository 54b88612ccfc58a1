//! How long a thread keeps others waiting: figures that cost two clock reads a poll and no wake-up.

use super::clock;
use hdrhistogram::Histogram;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use wal::Tick;

/// Task polls after which the loop looks at timers, sockets and other threads' messages again.
pub(super) const POLLS_A_TURN: u32 = 16;
/// A poll longer than this breaks the rule of data cores.
const LONG_POLL_NS: u64 = 1_000_000;

/// How late a thread's loop has been.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lag {
    /// Turns measured: stretches of work in which the loop looks at nothing new. An event of the outside waits for one at
    /// most.
    pub turns: u64,
    /// Half of the turns took at most this, in microseconds.
    pub p50_us: u64,
    /// 90 %.
    pub p90_us: u64,
    /// 99 %.
    pub p99_us: u64,
    /// The longest turn.
    pub max_us: u64,
    /// Polls of one task that took longer than 1 ms.
    pub long_polls: u64,
    /// The task with the longest poll of all, and how long that took, in microseconds.
    pub longest: Option<(String, u64)>,
}

/// One thread's measurement.
pub(super) struct Meter {
    turns: RefCell<Histogram<u64>>,
    /// When the present turn began, and how many polls it has had.
    began: Cell<Tick>,
    polls: Cell<u32>,
    long_polls: Cell<u64>,
    longest_ns: Cell<u64>,
    longest_task: RefCell<String>,
}

impl Default for Meter {
    fn default() -> Self {
        const MINUTE_US: u64 = 60_000_000;
        Meter {
            turns: RefCell::new(
                Histogram::new_with_max(MINUTE_US, 2).expect("bounds are constants that fit"),
            ),
            began: Cell::new(0),
            polls: Cell::new(0),
            long_polls: Cell::new(0),
            longest_ns: Cell::new(0),
            longest_task: RefCell::default(),
        }
    }
}

impl Meter {
    /// The thread is about to sleep: what it did since it woke was a turn.
    pub(super) fn turn_ended(&self) {
        if self.polls.get() > 0 {
            self.record_turn(clock::now());
        }
    }

    fn record_turn(&self, now: Tick) {
        self.turns.borrow_mut().saturating_record(now.saturating_sub(self.began.get()) / 1_000);
        self.polls.set(0);
    }

    fn polled(&self, name: &str, from: Tick, to: Tick) {
        if self.polls.get() == 0 {
            self.began.set(from);
        }
        self.polls.set(self.polls.get() + 1);
        if self.polls.get() == POLLS_A_TURN {
            self.record_turn(to);
        }
        let took = to.saturating_sub(from);
        if took > LONG_POLL_NS {
            self.long_polls.set(self.long_polls.get() + 1);
        }
        if took > self.longest_ns.get() {
            self.longest_ns.set(took);
            let mut longest = self.longest_task.borrow_mut();
            if *longest != name {
                longest.clear();
                longest.push_str(name);
            }
        }
    }

    /// The figures now.
    pub(super) fn lag(&self) -> Lag {
        let turns = self.turns.borrow();
        let longest_us = self.longest_ns.get() / 1_000;
        Lag {
            turns: turns.len(),
            p50_us: turns.value_at_quantile(0.5),
            p90_us: turns.value_at_quantile(0.9),
            p99_us: turns.value_at_quantile(0.99),
            max_us: turns.max(),
            long_polls: self.long_polls.get(),
            longest: (longest_us > 0).then(|| (self.longest_task.borrow().clone(), longest_us)),
        }
    }
}

/// A task whose polls are measured.
pub(super) struct Measured<F> {
    pub(super) meter: Rc<Meter>,
    pub(super) name: Box<str>,
    pub(super) task: F,
}

impl<F: Future + Unpin> Future for Measured<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let from = clock::now();
        let polled = Pin::new(&mut self.task).poll(cx);
        self.meter.polled(&self.name, from, clock::now());
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_sixteen_polls_or_what_came_before_sleep() {
        let meter = Meter::default();
        for n in 0..u64::from(POLLS_A_TURN) {
            meter.polled("a", n * 20_000, n * 20_000 + 10_000);
        }
        assert_eq!((meter.lag().turns, meter.lag().max_us), (1, 311));
        meter.turn_ended();
        assert_eq!(meter.lag().turns, 1);
        meter.polled("slow", 0, 3_000_000);
        meter.turn_ended();
        let lag = meter.lag();
        assert_eq!((lag.turns, lag.long_polls), (2, 1));
        assert_eq!(lag.longest, Some(("slow".to_owned(), 3_000)));
    }
}
