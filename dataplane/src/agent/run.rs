//! One agent from its command line to its exit code.

use super::api::{Api, ApiHandle, Wish};
use super::command_line::{AgentArgs, IoArg, Jvm};
use super::launch::Launch;
use super::load::{self, LoadError};
use super::log::{self, LogHandle, LogOptions};
use super::placement::{place, wanted};
use super::running::Running;
use super::{memory, notify::notify, watch::Watch};
use crate::control::{AgentState, ControlSocket, Server, StopOutcome};
use crate::reactor::{self, CoreClaim, IoChoice};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The command line was wrong.
pub const EXIT_USAGE: u8 = 1;
/// The configuration does not run.
pub const EXIT_CONFIG: u8 = 2;
/// The agent could not start, or failed.
pub const EXIT_FAILED: u8 = 3;

/// Flume's switch that prints the configuration, at debug level.
const PRINT_CONFIG: &str = "org.apache.flume.log.printconfig";

/// How long the log may take to print its last lines.
const LAST_LINES: Duration = Duration::from_secs(2);

/// How long threads, channels and the control socket may take to end when nothing is drained any more.
const END: Duration = Duration::from_secs(2);

/// Runs an agent until it is told to stop.
pub fn run(args: AgentArgs, jvm: Jvm, started: Instant) -> ExitCode {
    let options = LogOptions::from_properties(|key| jvm.property(key), log::stderr_leads_nowhere());
    let notes = options.notes.clone();
    let log = match log::start(options) {
        Ok(log) => log,
        Err(e) => {
            #[expect(clippy::disallowed_macros, reason = "there is no log to say it in")]
            {
                eprintln!("penstock: the log cannot be started: {e}");
            }
            return ExitCode::from(EXIT_FAILED);
        }
    };
    for note in notes {
        tracing::warn!("{note}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let code = match runtime {
        Ok(runtime) => runtime.block_on(live(&args, &jvm, &log, started)),
        Err(e) => {
            tracing::error!("the runtime cannot be started: {e}");
            EXIT_FAILED
        }
    };
    log.flush(LAST_LINES);
    ExitCode::from(code)
}

async fn live(args: &AgentArgs, jvm: &Jvm, log: &LogHandle, started: Instant) -> u8 {
    say_what_means_nothing(args, jvm);
    let loaded = match load::load(args, jvm).await {
        Ok(loaded) => loaded,
        Err(LoadError::DryRun(report)) => {
            log.flush(LAST_LINES);
            print(&report);
            return 0;
        }
        Err(e) => {
            // A usage error and a configuration error look the same to a person and different to a script.
            tracing::error!("{e}");
            return if matches!(e, LoadError::Usage(_)) { EXIT_USAGE } else { EXIT_CONFIG };
        }
    };
    if jvm.property(PRINT_CONFIG).is_some_and(|v| v.eq_ignore_ascii_case("true")) {
        for property in &loaded.launch.properties {
            tracing::debug!("{} = {}", property.key, property.value);
        }
    }
    // Signals are caught from here on, so that a stop during the start is a clean one.
    let signals = match Signals::new() {
        Ok(signals) => signals,
        Err(e) => {
            tracing::error!("signals cannot be caught: {e}");
            return EXIT_FAILED;
        }
    };
    let api = Api::new(loaded.launch.clone(), log.clone(), started);
    match start(args, jvm, log, &api, &loaded.launch).await {
        Ok((running, control)) => {
            let took = started.elapsed();
            ready(&loaded.launch, &running, took).await;
            let watch = Watch::new(args, &loaded.origins);
            wait(&api, signals, watch).await;
            stop(&api, &running, control, loaded.launch.stop_timeout).await
        }
        Err(e) => {
            tracing::error!("{e}");
            EXIT_FAILED
        }
    }
}

#[expect(clippy::disallowed_macros, reason = "the report of a dry run is what was asked for, not a log line")]
fn print(text: &str) {
    print!("{text}");
}

/// Options that people carry over from the JVM: each is named once, so that nobody wonders.
fn say_what_means_nothing(args: &AgentArgs, jvm: &Jvm) {
    let mut ignored: Vec<String> = jvm.ignored.clone();
    ignored.extend(args.classpath.iter().map(|c| format!("--classpath {c}")));
    ignored.extend(args.plugins_path.iter().map(|p| format!("--plugins-path {p}")));
    if !ignored.is_empty() {
        tracing::info!("no meaning here, since there is no JVM: {}", ignored.join(" "));
    }
    if let Some(dir) = &args.conf_dir
        && dir.join("flume-env.sh").is_file()
    {
        tracing::info!(
            "{} is not run: JAVA_OPTS and class paths have no meaning here",
            dir.join("flume-env.sh").display()
        );
    }
    const KNOWN: &[&str] = &[
        "flume.root.logger",
        "flume.log.dir",
        "flume.log.file",
        "lookups",
        "propertiesImplementation",
        PRINT_CONFIG,
    ];
    for (name, value) in &jvm.properties {
        if name.starts_with("flume.monitoring.") {
            tracing::warn!("-D{name}={value}: metrics over HTTP come with a later release; use ctl status");
        } else if name.starts_with("javax.net.ssl.") || name.starts_with("flume.ssl.") {
            tracing::warn!("-D{name}: TLS comes with a later release");
        } else if !KNOWN.contains(&name.as_str()) {
            tracing::info!("-D{name} is only known to ${{sys:{name}}} in the configuration");
        }
    }
}

async fn start(
    args: &AgentArgs,
    jvm: &Jvm,
    log: &LogHandle,
    api: &Arc<Api>,
    launch: &Launch,
) -> anyhow::Result<(Arc<Running>, Option<Server>)> {
    use anyhow::Context as _;
    let control = open_control(args, launch, api);
    let claims = claim(launch, api);
    let cpus: Vec<Option<u32>> = match claims.is_empty() {
        true => vec![None; wanted(launch).0.min(reactor::allowed_cpus().len()).max(1)],
        false => claims.iter().map(|c| u32::try_from(c.cpu()).ok()).collect(),
    };
    let io = match args.io {
        IoArg::Auto => IoChoice::Auto,
        IoArg::Uring => IoChoice::Uring,
        IoArg::Epoll => IoChoice::Epoll,
    };
    if io == IoChoice::Auto
        && let Err(why) = reactor::probe_io_uring()
    {
        let sentence = format!("io_uring cannot be used ({why}): running on epoll");
        tracing::warn!("{sentence}");
        api.warn("io_uring", sentence);
    }
    let placement = place(launch, &cpus);
    let running = Running::start_threads(placement, claims, io, &log.events(), launch.stop_timeout)
        .context("the threads of the data plane cannot be started")?;
    let running = Arc::new(running);
    api.set_running(running.clone());
    let heap = jvm.max_heap_bytes.unwrap_or_else(|| memory::granted_bytes() / 4);
    let failed = running.start_components(launch, heap).await;
    api.add_failed(failed);
    api.set_state(AgentState::Running);
    Ok((running, control))
}

/// An agent runs without its control socket when it cannot be had, and says so.
fn open_control(args: &AgentArgs, launch: &Launch, api: &Arc<Api>) -> Option<Server> {
    let opened = ControlSocket::bind(&launch.agent, args.control.as_deref())
        .map_err(|e| e.to_string())
        .and_then(|socket| {
            Server::start(socket, Arc::new(ApiHandle(api.clone())), super::catalogue::catalogue())
                .map_err(|e| e.to_string())
        });
    match opened {
        Ok(server) => {
            tracing::info!("control socket {}", server.path().display());
            Some(server)
        }
        Err(e) => {
            let sentence = format!("no control socket, ctl cannot reach this agent: {e}");
            tracing::error!("{sentence}");
            api.warn("control", sentence);
            None
        }
    }
}

/// The CPUs for the data cores: those that components name, then others that no agent on this host has.
fn claim(launch: &Launch, api: &Arc<Api>) -> Vec<CoreClaim> {
    let (count, named) = wanted(launch);
    let named: Vec<usize> = named.iter().map(|cpu| *cpu as usize).collect();
    let allowed = reactor::allowed_cpus();
    for cpu in named.iter().filter(|cpu| !allowed.contains(cpu)) {
        let sentence = format!("core = {cpu}: this process may not use that CPU; it has {allowed:?}");
        tracing::warn!("{sentence}");
        api.warn("cores", sentence);
    }
    let (first, rest): (Vec<usize>, Vec<usize>) = allowed.iter().partition(|cpu| named.contains(cpu));
    let claimed = reactor::claim_cores(&lock_folder(), first.len(), &first).and_then(|mut claims| {
        claims.extend(reactor::claim_cores(&lock_folder(), count.saturating_sub(claims.len()), &rest)?);
        claims.sort_by_key(CoreClaim::cpu);
        Ok(claims)
    });
    let sentence = match claimed {
        Ok(claims) if !claims.is_empty() => return claims,
        Ok(_) => "every CPU is taken by other agents on this host: the data cores run unpinned".to_owned(),
        Err(e) => format!(
            "CPUs cannot be claimed in {} ({e}): the data cores run unpinned",
            lock_folder().display()
        ),
    };
    tracing::warn!("{sentence}");
    api.warn("cores", sentence);
    Vec::new()
}

/// Where agents lock the cores they pin: one folder for the host, so that they see each other.
fn lock_folder() -> PathBuf {
    if rustix::process::geteuid().is_root() { PathBuf::from("/run/penstock") } else { std::env::temp_dir() }
        .join("penstock-cores")
}

async fn ready(launch: &Launch, running: &Running, took: Duration) {
    let reports = running.reports().await;
    let sources = || reports.iter().flatten().flat_map(|r| &r.sources);
    let listens: Vec<String> =
        sources().filter(|s| !s.listens.is_empty()).map(|s| format!("{} {}", s.name, s.listens)).collect();
    let listens = if listens.is_empty() { String::new() } else { format!("; {}", listens.join("; ")) };
    tracing::info!(
        "agent {} is ready after {} ms: {} sources, {} channels, {} sinks{listens}",
        launch.agent,
        took.as_millis(),
        launch.sources.len(),
        launch.channels.len(),
        launch.runners.iter().map(|r| r.members.len()).sum::<usize>(),
    );
    notify("READY=1");
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// Until somebody wants an end. Signals are listened to from a task of its own, so that a second one is seen while the first
/// is being obeyed.
async fn wait(api: &Arc<Api>, mut signals: Signals, mut watch: Watch) {
    let seen = api.clone();
    tokio::spawn(async move {
        let mut stops = 0;
        loop {
            let name = tokio::select! {
                _ = signals.terminate.recv() => "SIGTERM",
                _ = signals.interrupt.recv() => "SIGINT",
                _ = signals.hangup.recv() => {
                    tracing::warn!("SIGHUP: a reload comes with a later release; restart to apply changes");
                    continue;
                }
            };
            stops += 1;
            tracing::info!("{name}: {}", if stops == 1 { "stopping" } else { "stopping now" });
            seen.ask_to_end(if stops == 1 { Wish::Stop } else { Wish::StopNow });
        }
    });
    let mut wishes = api.wishes();
    tokio::select! {
        _ = wishes.wait_for(|w| *w != Wish::Run) => {}
        () = watch.announce_changes(api) => {}
    }
}

/// Sources end, channels drain, sinks end, threads end. A wish to stop now cuts each wait short.
async fn stop(api: &Arc<Api>, running: &Arc<Running>, control: Option<Server>, timeout: Duration) -> u8 {
    notify("STOPPING=1");
    api.set_state(AgentState::Stopping);
    let began = Instant::now();
    let mut problems = Vec::new();
    let mut wishes = api.wishes();
    let left = |began: Instant| timeout.saturating_sub(began.elapsed());
    let orderly = async {
        if !running.stop_sources(timeout).await {
            problems.push(format!("not every source ended within {} ms", timeout.as_millis()));
        }
        drain(running, left(began)).await;
        if !running.stop_runners(left(began).max(END)).await {
            problems.push("not every sink ended in time: what it held goes back to its channel".to_owned());
        }
    };
    let cut_short = tokio::select! {
        () = orderly => false,
        _ = wishes.wait_for(|w| *w == Wish::StopNow) => true,
    };
    if cut_short {
        problems.push("stopped without draining".to_owned());
    }
    let end = running.end(END).await;
    problems.extend(end.problems);
    for problem in &problems {
        tracing::warn!("{problem}");
    }
    let took_ms = began.elapsed().as_millis() as u64;
    tracing::info!("stopped after {took_ms} ms");
    let (lost_events, kept_events) = (end.lost_events, end.kept_events);
    api.ended(StopOutcome { exit_code: 0, took_ms, lost_events, kept_events, problems });
    if let Some(control) = control {
        control.close().await;
    }
    0
}

/// Until no channel holds events that would be lost, or the time is over. Says every second how far it is.
async fn drain(running: &Running, deadline: Duration) {
    let empty = async {
        let mut pause = Duration::from_millis(1);
        let mut said = Instant::now();
        loop {
            let events = running.stored_events().await;
            if events == 0 {
                return;
            }
            if said.elapsed() > Duration::from_secs(1) {
                said = Instant::now();
                tracing::info!("stopping: {events} events are still in memory channels");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    };
    // What is left is counted and said when the channels are closed.
    tokio::time::timeout(deadline, empty).await.ok();
}
