//! Tasks and timers of a simulation.

use super::World;
use crate::reactor::task::panic_text;
use crate::reactor::{Fut, TaskHandle};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use wal::Tick;

/// The task of the body; others count from 1.
const BODY: usize = 0;

/// Timers by when they are due and which was set first.
type Timers = BTreeMap<(Tick, u64), Waker>;

#[derive(Default)]
pub(super) struct Executor {
    now: Cell<Tick>,
    timers: Rc<RefCell<Timers>>,
    next_timer: Cell<u64>,
    tasks: RefCell<BTreeMap<usize, Rc<Task>>>,
    next_task: Cell<usize>,
    ready: Arc<Ready>,
}

/// Tasks that were woken, each once.
#[derive(Default)]
struct Ready(Mutex<Vec<usize>>);

impl Ready {
    fn add(&self, id: usize) {
        let mut list = self.0.lock().expect("nobody panics while holding the lock");
        if !list.contains(&id) {
            list.push(id);
        }
    }
}

struct TaskWaker {
    id: usize,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.add(self.id);
    }
}

struct Task {
    id: usize,
    name: Box<str>,
    /// Absent while it is polled and after its end.
    work: RefCell<Option<Fut<'static, ()>>>,
    aborted: Cell<bool>,
    result: RefCell<Option<Result<(), String>>>,
    joiner: RefCell<Option<Waker>>,
    ready: Arc<Ready>,
}

impl Task {
    fn end(&self, result: Result<(), String>) {
        *self.result.borrow_mut() = Some(result);
        if let Some(joiner) = self.joiner.take() {
            joiner.wake();
        }
    }
}

impl Executor {
    pub(super) fn now(&self) -> Tick {
        self.now.get()
    }

    pub(super) fn sleep(&self, d: Duration) -> impl Future<Output = ()> + use<> {
        let wait_ns = u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        let number = self.next_timer.get();
        self.next_timer.set(number + 1);
        let key = (self.now.get().saturating_add(wait_ns), number);
        let mut timer = Timer { timers: self.timers.clone(), key, set: false };
        poll_fn(move |cx| timer.poll(cx))
    }

    pub(super) fn spawn(&self, name: &str, work: Fut<'static, ()>) -> Handle {
        let id = self.next_task.get().max(BODY + 1);
        self.next_task.set(id + 1);
        let task = Rc::new(Task {
            id,
            name: name.into(),
            work: RefCell::new(Some(work)),
            aborted: Cell::new(false),
            result: RefCell::default(),
            joiner: RefCell::default(),
            ready: self.ready.clone(),
        });
        self.tasks.borrow_mut().insert(id, task.clone());
        self.ready.add(id);
        Handle(task)
    }

    /// Runs until `body` ends.
    pub(super) fn run<T>(&self, world: &World, seed: u64, mut body: Fut<'static, T>) -> T {
        self.ready.add(BODY);
        loop {
            let next = {
                let mut list = self.ready.0.lock().expect("nobody panics while holding the lock");
                let count = list.len();
                (count > 0).then(|| list.swap_remove(world.chance.below(count)))
            };
            match next {
                Some(BODY) => {
                    world.note(format_args!("run body"));
                    let waker = self.waker(BODY);
                    if let Poll::Ready(value) = body.as_mut().poll(&mut Context::from_waker(&waker)) {
                        return value;
                    }
                }
                Some(id) => self.step(world, id),
                None => self.pass_time(seed),
            }
        }
    }

    /// Drops every task that is left, and what their ends spawn.
    pub(super) fn drop_tasks(&self) {
        loop {
            let Some((_, task)) = self.tasks.borrow_mut().pop_first() else { return };
            let work = task.work.take();
            drop(work);
        }
    }

    fn waker(&self, id: usize) -> Waker {
        Waker::from(Arc::new(TaskWaker { id, ready: self.ready.clone() }))
    }

    fn step(&self, world: &World, id: usize) {
        // A waker may outlive its task.
        let Some(task) = self.tasks.borrow().get(&id).cloned() else { return };
        world.note(format_args!("run {} {id}", task.name));
        let work = task.work.take();
        let Some(mut work) = work else { return };
        let mut ended = task.aborted.get().then_some(Ok(()));
        if ended.is_none() {
            let waker = self.waker(id);
            let mut cx = Context::from_waker(&waker);
            ended = match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(&mut cx))) {
                Ok(Poll::Pending) => None,
                Ok(Poll::Ready(())) => Some(Ok(())),
                Err(payload) => Some(Err(panic_text(&*payload))),
            };
        }
        match ended {
            Some(result) => {
                drop(work);
                self.tasks.borrow_mut().remove(&id);
                task.end(result);
            }
            None => *task.work.borrow_mut() = Some(work),
        }
    }

    /// Nobody can run: the next timer's time has come.
    fn pass_time(&self, seed: u64) {
        let due = self.timers.borrow_mut().pop_first();
        let Some(((at, _), waker)) = due else {
            let waiting: Vec<_> = self.tasks.borrow().values().map(|t| t.name.to_string()).collect();
            panic!("simulation with seed {seed}: everybody waits for ever: the body, {}", waiting.join(", "));
        };
        self.now.set(self.now.get().max(at));
        waker.wake();
    }
}

struct Timer {
    timers: Rc<RefCell<Timers>>,
    key: (Tick, u64),
    set: bool,
}

impl Timer {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut timers = self.timers.borrow_mut();
        if self.set && !timers.contains_key(&self.key) {
            return Poll::Ready(());
        }
        timers.insert(self.key, cx.waker().clone());
        self.set = true;
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.timers.borrow_mut().remove(&self.key);
    }
}

pub(super) struct Handle(Rc<Task>);

impl TaskHandle for Handle {
    fn abort(&self) {
        self.0.aborted.set(true);
        self.0.ready.add(self.0.id);
    }

    fn join(&mut self) -> Fut<'_, Result<(), String>> {
        Box::pin(poll_fn(|cx| {
            if let Some(result) = &*self.0.result.borrow() {
                return Poll::Ready(result.clone());
            }
            *self.0.joiner.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        }))
    }
}
