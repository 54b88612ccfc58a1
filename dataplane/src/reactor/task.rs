//! Tasks of a thread's local set.

use super::{Fut, TaskHandle};
use std::any::Any;
use std::future::Future;
use tokio::task::{AbortHandle, JoinError, JoinHandle};

/// Starts a task on this thread's local set.
pub(super) fn spawn(task: impl Future<Output = ()> + 'static) -> Box<dyn TaskHandle> {
    let join = tokio::task::spawn_local(task);
    Box::new(LocalTask { abort: join.abort_handle(), state: State::Running(join) })
}

/// What a panic said.
pub(super) fn panic_text(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a text".to_owned()
    }
}

struct LocalTask {
    abort: AbortHandle,
    state: State,
}

enum State {
    Running(JoinHandle<()>),
    Ended(Result<(), String>),
}

impl TaskHandle for LocalTask {
    fn abort(&self) {
        self.abort.abort();
    }

    fn join(&mut self) -> Fut<'_, Result<(), String>> {
        Box::pin(async move {
            if let State::Running(join) = &mut self.state {
                self.state = State::Ended(match join.await {
                    Ok(()) => Ok(()),
                    Err(e) => ended_early(e),
                });
            }
            match &self.state {
                State::Ended(result) => result.clone(),
                State::Running(_) => unreachable!("set above"),
            }
        })
    }
}

fn ended_early(e: JoinError) -> Result<(), String> {
    match e.try_into_panic() {
        Ok(payload) => Err(panic_text(&*payload)),
        Err(_aborted) => Ok(()),
    }
}
