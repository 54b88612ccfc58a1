//! `ctl stop`: asks the agent to end, waits until it is gone, and says what happened.

use crate::client::{AskError, PATIENCE};
use crate::failure::{Failure, code};
use crate::find::{self, Target};
use crate::output::Output;
use crate::text;
use dataplane::control::{Status, StopOutcome, StopRequest};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// What an agent may need beyond its own `stopTimeout` to settle, sync and exit.
const GRACE: Duration = Duration::from_secs(10);
/// Between two words about a drain.
const NEWS: Duration = Duration::from_secs(2);

/// Stops the agent; the result is the exit code.
pub(crate) async fn run(
    name: Option<&str>,
    control: Option<&Path>,
    now: bool,
    out: &mut Output,
) -> Result<u8, Failure> {
    let target = find::target(name, control).await?;
    let begun = Instant::now();
    let process = Process::behind(&target).await;
    // Only for the time limit: an agent too busy to tell its status can still be stopped.
    let status: Option<Status> = target.client.get("/status").await.ok();
    let drain = Duration::from_millis(status.map_or(10_000, |s| s.stop_timeout_ms));
    let answer = ask(&target, now, drain + GRACE, out).await;
    let outcome = match answer {
        Ok(outcome) => Some(outcome),
        // It ended before its answer was out: whether it is gone shows below.
        Err(error) if error.is_gone() => None,
        Err(error) => {
            return Err(error.explain(&target.name, target.client.path()).help(
                "it was asked to stop and may still do so; ctl stop --now skips the drain, kill -9 ends it hard",
            ));
        }
    };
    if !process.wait(&target, PATIENCE).await {
        return Err(Failure::new(
            code::AGENT_FAILED,
            format!("{} has stopped its work, yet its process{} is still there", target.name, process.name()),
        )
        .help("kill -9 ends it; everything that it promised is safe"));
    }
    Ok(report(&target.name, begun.elapsed(), outcome, out))
}

/// Sends the wish and tells what is left while it is carried out.
async fn ask(
    target: &Target,
    now: bool,
    patience: Duration,
    out: &mut Output,
) -> Result<StopOutcome, AskError> {
    let wish = StopRequest { now };
    let answer = target.client.post("/stop", &wish, patience);
    tokio::pin!(answer);
    loop {
        tokio::select! {
            answer = answer.as_mut() => return answer,
            () = tokio::time::sleep(NEWS) => {}
        }
        if let Ok(status) = target.client.get::<Status>("/status").await {
            let left: u64 = status.channels.iter().map(|c| c.events).sum();
            out.complain(&format!("{} is stopping: {} left", text::clean(&target.name), text::events(left)));
        }
    }
}

fn report(name: &str, took: Duration, outcome: Option<StopOutcome>, out: &mut Output) -> u8 {
    let name = text::clean(name);
    let took = text::duration_ms(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    let Some(outcome) = outcome else {
        out.line(&format!("{name} is gone after {took}, without a last word: see the end of its log"));
        return code::WARNINGS;
    };
    let mut line = format!("{name} has stopped after {took}");
    if outcome.lost_events > 0 {
        line.push_str(&format!("; {} that were in memory only are lost", text::events(outcome.lost_events)));
    }
    if outcome.kept_events > 0 {
        line.push_str(&format!(
            "; {} wait in durable channels for the next start",
            text::events(outcome.kept_events)
        ));
    }
    out.line(&line);
    for problem in &outcome.problems {
        out.line(&format!("  {}", text::clean(problem)));
    }
    let is_clean = outcome.lost_events == 0 && outcome.problems.is_empty() && outcome.exit_code == 0;
    if is_clean { code::OK } else { code::WARNINGS }
}

/// The agent's process, so that its end can be awaited.
enum Process {
    /// Its end makes the descriptor readable.
    Known(OwnedFd, i32),
    /// It lives in another process namespace, or the kernel cannot tell: its socket has to do.
    Unknown,
}

impl Process {
    async fn behind(target: &Target) -> Process {
        let Some(number) = target.client.pid().await else { return Process::Unknown };
        match Pid::from_raw(number).map(|pid| pidfd_open(pid, PidfdFlags::empty())) {
            Some(Ok(fd)) => Process::Known(fd, number),
            _ => Process::Unknown,
        }
    }

    fn name(&self) -> String {
        match self {
            Process::Known(_, number) => format!(" {number}"),
            Process::Unknown => String::new(),
        }
    }

    /// True when it has ended within `patience`.
    async fn wait(&self, target: &Target, patience: Duration) -> bool {
        match self {
            Process::Known(fd, _) => {
                let mut fds = [PollFd::new(fd, PollFlags::IN)];
                let timeout = Timespec::try_from(patience).ok();
                poll(&mut fds, timeout.as_ref()).is_ok_and(|ready| ready > 0)
            }
            Process::Unknown => {
                let deadline = Instant::now() + patience;
                while target.client.pid().await.is_some() || target.client.path().exists() {
                    if Instant::now() >= deadline {
                        return false;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                true
            }
        }
    }
}
