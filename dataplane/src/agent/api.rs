//! The agent as the control socket sees it: status, configuration, stop, log levels.

use super::launch::{Launch, NotRunning};
use super::log::LogHandle;
use super::memory;
use super::order::ThreadReport;
use super::running::Running;
use crate::control::{
    AgentApi, AgentState, ChannelStatus, ComponentState, LogLevelRequest, LogLevels, ProblemStatus, Reply,
    RunningConfig, SinkStatus, SourceStatus, Status, StopOutcome, ThreadStatus,
};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// How urgently the agent shall end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wish {
    /// Not at all.
    Run,
    /// Drain, then end.
    Stop,
    /// End without draining.
    StopNow,
}

/// What the main thread and the control socket share.
pub(super) struct Api {
    launch: Launch,
    log: LogHandle,
    started: Instant,
    started_at_ms: u64,
    state: Mutex<AgentState>,
    running: Mutex<Option<Arc<Running>>>,
    failed: Mutex<Vec<NotRunning>>,
    warnings: Mutex<Vec<ProblemStatus>>,
    wish: watch::Sender<Wish>,
    outcome: watch::Sender<Option<StopOutcome>>,
}

impl Api {
    /// An agent whose threads are not there yet.
    pub(super) fn new(launch: Launch, log: LogHandle, started: Instant) -> Arc<Self> {
        let started_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Arc::new(Api {
            warnings: Mutex::new(launch.warnings.clone()),
            failed: Mutex::new(launch.not_running.clone()),
            launch,
            log,
            started,
            started_at_ms: started_at.as_millis() as u64,
            state: Mutex::new(AgentState::Starting),
            running: Mutex::new(None),
            wish: watch::channel(Wish::Run).0,
            outcome: watch::channel(None).0,
        })
    }

    /// The threads are there.
    pub(super) fn set_running(&self, running: Arc<Running>) {
        *lock(&self.running) = Some(running);
    }

    /// The agent does this now.
    pub(super) fn set_state(&self, state: AgentState) {
        *lock(&self.state) = state;
    }

    /// These components did not start and are not tried again.
    pub(super) fn add_failed(&self, failed: Vec<NotRunning>) {
        lock(&self.failed).extend(failed);
    }

    /// Something to show in status from now on; replaces an earlier warning about the same thing.
    pub(super) fn warn(&self, about: &str, message: String) {
        let mut warnings = lock(&self.warnings);
        warnings.retain(|w| w.about != about);
        warnings.push(ProblemStatus { about: about.to_owned(), message, ..ProblemStatus::default() });
    }

    /// Asks for an end; a stronger wish replaces a weaker one.
    pub(super) fn ask_to_end(&self, wish: Wish) {
        self.wish.send_if_modified(|now| {
            let stronger = wish > *now;
            *now = (*now).max(wish);
            stronger
        });
    }

    /// The wish so far, and what comes.
    pub(super) fn wishes(&self) -> watch::Receiver<Wish> {
        self.wish.subscribe()
    }

    /// Everything has ended.
    pub(super) fn ended(&self, outcome: StopOutcome) {
        self.outcome.send_replace(Some(outcome));
    }

    fn frame(&self) -> Status {
        Status {
            agent: self.launch.agent.clone(),
            state: *lock(&self.state),
            generation: 1,
            uptime_ms: self.started.elapsed().as_millis() as u64,
            started_at_ms: self.started_at_ms,
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            config_files: self.launch.files.clone(),
            stop_timeout_ms: self.launch.stop_timeout.as_millis() as u64,
            memory_bytes: memory::resident_bytes(),
            cpu_ms: memory::cpu_ms(),
            warnings: lock(&self.warnings).clone(),
            ..Status::default()
        }
    }

    /// Puts the reports of the threads into the order of the file and adds what does not run.
    fn fill(&self, status: &mut Status, threads: &[ThreadStatus], reports: Vec<Option<ThreadReport>>) {
        let silent: Vec<&str> =
            threads.iter().zip(&reports).filter(|(_, r)| r.is_none()).map(|(t, _)| t.name.as_str()).collect();
        for thread in &silent {
            status.warnings.push(ProblemStatus {
                about: (*thread).to_owned(),
                message: format!(
                    "thread {thread} does not answer: its components are not shown, or shown without figures"
                ),
                ..ProblemStatus::default()
            });
        }
        status.threads = threads.to_vec();
        for (thread, report) in status.threads.iter_mut().zip(&reports) {
            if let Some(report) = report {
                thread.lag = report.lag;
            }
        }
        for report in reports.into_iter().flatten() {
            status.sources.extend(report.sources);
            status.channels.extend(report.channels);
            status.sinks.extend(report.sinks);
        }
        let place =
            |names: Vec<&str>, name: &str| names.iter().position(|n| *n == name).unwrap_or(usize::MAX);
        let l = &self.launch;
        status.sources.sort_by_key(|s| place(l.sources.iter().map(|x| &*x.name).collect(), &s.name));
        status.channels.sort_by_key(|c| place(l.channels.iter().map(|x| &*x.name).collect(), &c.name));
        let sinks = || l.runners.iter().flat_map(|r| &r.members).map(|m| &*m.name).collect();
        status.sinks.sort_by_key(|s| place(sinks(), &s.name));
        for missing in lock(&self.failed).iter() {
            show_missing(status, missing);
        }
    }
}

fn show_missing(status: &mut Status, missing: &NotRunning) {
    let (name, kind, why) = (missing.name.clone(), missing.kind.clone(), missing.why.clone());
    let state = ComponentState::Dropped;
    match missing.role {
        "source" => status.sources.push(SourceStatus { name, kind, why, state, ..SourceStatus::default() }),
        "channel" => {
            status.channels.push(ChannelStatus { name, kind, why, state, ..ChannelStatus::default() })
        }
        _ => status.sinks.push(SinkStatus { name, kind, why, state, ..SinkStatus::default() }),
    }
}

/// A handle to the shared agent, as the control server wants it.
#[derive(Clone)]
pub(super) struct ApiHandle(pub Arc<Api>);

impl AgentApi for ApiHandle {
    fn status(&self) -> Reply<Status> {
        let api = self.0.clone();
        Box::pin(async move {
            let mut status = api.frame();
            let running = lock(&api.running).clone();
            let (threads, reports) = match &running {
                Some(running) => (running.threads().to_vec(), running.reports().await),
                None => (Vec::new(), Vec::new()),
            };
            api.fill(&mut status, &threads, reports);
            status
        })
    }

    fn config(&self) -> RunningConfig {
        RunningConfig {
            agent: self.0.launch.agent.clone(),
            generation: 1,
            files: self.0.launch.files.clone(),
            properties: self.0.launch.properties.clone(),
        }
    }

    fn stop(&self, now: bool) -> Reply<StopOutcome> {
        self.0.ask_to_end(if now { Wish::StopNow } else { Wish::Stop });
        let mut outcome = self.0.outcome.subscribe();
        Box::pin(async move {
            match outcome.wait_for(Option::is_some).await {
                Ok(outcome) => outcome.clone().expect("waited for it"),
                Err(_) => StopOutcome::default(),
            }
        })
    }

    fn log_levels(&self) -> LogLevels {
        let mut levels = LogLevels::default();
        for (logger, level) in self.0.log.levels() {
            match logger.as_str() {
                "" | "root" => levels.root = level,
                _ => {
                    levels.loggers.insert(logger, level);
                }
            }
        }
        levels
    }

    fn set_log_level(&self, wish: LogLevelRequest) -> Result<LogLevels, String> {
        let logger = wish.logger.as_deref().unwrap_or("root");
        self.0.log.set_level(logger, &wish.level).map_err(|e| e.to_string())?;
        Ok(self.log_levels())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics while holding the lock")
}
