//! One run: a new agent, quiet, then load, then an empty channel.

use super::{Options, Source};
use crate::agent::Agent;
use crate::limits::{memory, tcp};
use crate::load::{Lines, probe, send_answered, send_until};
use crate::report::median;
use anyhow::{Context, ensure};
use dataplane::control::Status;
use dataplane::metrics::Quantiles;
use serde::Serialize;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How often the probe sends its line: 200 times a second, which costs the pipe nothing that could be measured.
const PROBE_EVERY: Duration = Duration::from_millis(5);

/// Figures of one run.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Run {
    /// Events delivered a second.
    pub(crate) events_per_s: f64,
    /// Bytes of their bodies.
    pub(crate) mb_per_s: f64,
    /// What the machine did alone in this run: loopback TCP for netcat, memory copy for the others.
    pub(crate) limit_mb_per_s: f64,
    /// CPU seconds of the agent for a million events.
    pub(crate) cpu_s_per_m: f64,
    /// From starting the process to its ready line.
    pub(crate) start_ms: f64,
    /// Resident memory before the load (sources that wait for a peer only).
    pub(crate) idle_rss_mib: Option<f64>,
    /// CPU time used in a second of doing nothing (likewise), in milliseconds.
    pub(crate) idle_cpu_ms_per_s: Option<f64>,
    /// Most resident memory.
    pub(crate) peak_rss_mib: f64,
    /// A line from the probe until its `OK`, under load.
    pub(crate) probe: Times,
    /// From handing a batch to the channel until it has it, as the agent counts.
    pub(crate) put: Times,
    /// From taking a batch until it is committed, as the agent counts.
    pub(crate) process: Times,
}

/// Quantiles in microseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Times {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) max_us: f64,
}

impl From<Quantiles> for Times {
    fn from(q: Quantiles) -> Self {
        Times { p50_us: q.p50_us as f64, p99_us: q.p99_us as f64, max_us: q.max_us as f64 }
    }
}

impl Run {
    /// The median of each figure by itself.
    pub(crate) fn median(runs: &[Run]) -> Run {
        let of = |get: fn(&Run) -> f64| median(runs.iter().map(get).collect());
        let maybe = |get: fn(&Run) -> Option<f64>| {
            let values: Vec<f64> = runs.iter().filter_map(get).collect();
            (!values.is_empty()).then(|| median(values))
        };
        let times = |get: fn(&Run) -> Times| Times {
            p50_us: median(runs.iter().map(|r| get(r).p50_us).collect()),
            p99_us: median(runs.iter().map(|r| get(r).p99_us).collect()),
            max_us: median(runs.iter().map(|r| get(r).max_us).collect()),
        };
        Run {
            events_per_s: of(|r| r.events_per_s),
            mb_per_s: of(|r| r.mb_per_s),
            limit_mb_per_s: of(|r| r.limit_mb_per_s),
            cpu_s_per_m: of(|r| r.cpu_s_per_m),
            start_ms: of(|r| r.start_ms),
            idle_rss_mib: maybe(|r| r.idle_rss_mib),
            idle_cpu_ms_per_s: maybe(|r| r.idle_cpu_ms_per_s),
            peak_rss_mib: of(|r| r.peak_rss_mib),
            probe: times(|r| r.probe),
            put: times(|r| r.put),
            process: times(|r| r.process),
        }
    }
}

/// Measures once; `phase` is told what goes on.
pub(crate) fn measure(binary: &Path, options: &Options, phase: &dyn Fn(&str)) -> anyhow::Result<Run> {
    let time = Duration::from_secs_f64(options.seconds);
    phase("the machine alone");
    let limit_mb_per_s = match options.source {
        Source::Netcat => tcp::receive(options.connections, time.min(Duration::from_secs(2)))?.mb_per_s,
        Source::Seq | Source::Stress => {
            memory::copy(64 << 10, time.min(Duration::from_secs(1))).gb_per_s * 1e3
        }
    };
    let dir = Folder::new()?;
    let (port, probe_port) = (free_port()?, free_port()?);
    phase("starting the agent");
    let agent = Agent::start(binary, &dir.0, &conf(options, port, probe_port), &options.io)?;
    let mut run =
        Run { limit_mb_per_s, start_ms: agent.start_to_ready.as_secs_f64() * 1e3, ..Run::default() };
    if options.source == Source::Netcat {
        phase("idle");
        measure_idle(&agent, time.min(Duration::from_secs(3)), &mut run)?;
    }
    measure_load(&agent, options, (port, probe_port), time, phase, &mut run)?;
    run.peak_rss_mib = agent.memory_bytes("VmHWM")? as f64 / f64::from(1 << 20);
    phase("stopping the agent");
    agent.stop()?;
    Ok(run)
}

fn measure_idle(agent: &Agent, time: Duration, run: &mut Run) -> anyhow::Result<()> {
    run.idle_rss_mib = Some(agent.memory_bytes("VmRSS")? as f64 / f64::from(1 << 20));
    let (cpu, began) = (agent.cpu_seconds()?, Instant::now());
    std::thread::sleep(time);
    let used = agent.cpu_seconds()? - cpu;
    run.idle_cpu_ms_per_s = Some(used * 1e3 / began.elapsed().as_secs_f64());
    Ok(())
}

fn measure_load(
    agent: &Agent,
    options: &Options,
    (port, probe_port): (u16, u16),
    time: Duration,
    phase: &dyn Fn(&str),
    run: &mut Run,
) -> anyhow::Result<()> {
    let (stop_load, stop_probe) = (AtomicBool::new(false), AtomicBool::new(false));
    let lines = Lines::new(options.size);
    std::thread::scope(|scope| {
        // Whatever goes wrong below, the threads end.
        let _ends = (SetOnDrop(&stop_load), SetOnDrop(&stop_probe));
        let generators = match options.source {
            Source::Netcat => options.connections,
            Source::Seq | Source::Stress => 0,
        };
        let generate = || -> anyhow::Result<u64> {
            let stream = TcpStream::connect(("127.0.0.1", port)).context("cannot connect a generator")?;
            match options.ack {
                true => send_answered(&stream, &lines, &stop_load),
                false => {
                    let sent = send_until(&stream, &lines, &stop_load);
                    // The agent closes when it has read everything.
                    std::io::copy(&mut &stream, &mut std::io::sink())?;
                    Ok(sent)
                }
            }
        };
        let threads: Vec<_> = (0..generators).map(|_| scope.spawn(generate)).collect();
        let prober = scope.spawn(|| probe(probe_port, PROBE_EVERY, &stop_probe));
        phase("warming up");
        std::thread::sleep(time.min(Duration::from_secs(1)));
        phase("measuring");
        let (before, cpu_before, began) = (agent.status()?, agent.cpu_seconds()?, Instant::now());
        std::thread::sleep(time);
        let (after, cpu_after, took) = (agent.status()?, agent.cpu_seconds()?, began.elapsed());
        let events = delivered(&after)? - delivered(&before)?;
        ensure!(events > 0, "no events were delivered while measuring");
        run.events_per_s = events as f64 / took.as_secs_f64();
        run.mb_per_s = (bytes(&after)? - bytes(&before)?) as f64 / 1e6 / took.as_secs_f64();
        run.cpu_s_per_m = (cpu_after - cpu_before) * 1e6 / events as f64;
        run.put = after.sources.iter().find(|s| s.name == "r1").context("r1 is shown")?.put_latency.into();
        run.process = after.sinks.first().context("k1 is shown")?.process_latency.into();
        stop_probe.store(true, Relaxed);
        let (latency, probed) = prober.join().expect("the probe does not panic")?;
        run.probe = Times {
            p50_us: latency.value_at_quantile(0.5) as f64,
            p99_us: latency.value_at_quantile(0.99) as f64,
            max_us: latency.max() as f64,
        };
        stop_load.store(true, Relaxed);
        if options.source == Source::Netcat {
            phase("waiting until everything arrived");
            let mut sent = probed;
            for thread in threads {
                sent += thread.join().expect("generators do not panic")?;
            }
            wait_until_delivered(agent, sent)?;
        }
        Ok(())
    })
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

fn delivered(status: &Status) -> anyhow::Result<u64> {
    Ok(status.sinks.first().context("k1 is shown")?.events_delivered)
}

fn bytes(status: &Status) -> anyhow::Result<u64> {
    Ok(status.sinks.first().context("k1 is shown")?.bytes)
}

/// Every line that was sent is delivered, none twice: otherwise the run has no result.
fn wait_until_delivered(agent: &Agent, sent: u64) -> anyhow::Result<()> {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let status = agent.status()?;
        let (now, refused) =
            (delivered(&status)?, status.sources.iter().map(|s| s.events_refused).sum::<u64>());
        if now >= sent && status.channels.iter().all(|c| c.events == 0) {
            ensure!(now == sent, "{sent} lines were sent and {now} events delivered");
            return Ok(());
        }
        ensure!(
            Instant::now() < end,
            "{sent} lines were sent, {now} events delivered and {refused} refused: no result"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The agent under measurement. `r2` serves the probe.
fn conf(options: &Options, port: u16, probe_port: u16) -> String {
    let Options { size, batch, channel_capacity, transaction_capacity, ack, .. } = options;
    let source = match options.source {
        Source::Netcat => format!(
            "a1.sources.r1.type = netcat\na1.sources.r1.bind = 127.0.0.1\na1.sources.r1.port = {port}\n\
             a1.sources.r1.ack-every-event = {ack}\na1.sources.r1.max-line-length = {}\n",
            size + 1
        ),
        Source::Seq => format!("a1.sources.r1.type = seq\na1.sources.r1.batchSize = {batch}\n"),
        Source::Stress => format!(
            "a1.sources.r1.type = org.apache.flume.source.StressSource\na1.sources.r1.size = {size}\n\
             a1.sources.r1.batchSize = {batch}\n"
        ),
    };
    format!(
        "a1.sources = r1 r2\na1.channels = c1\na1.sinks = k1\n{source}a1.sources.r1.channels = c1\n\
         a1.sources.r2.type = netcat\na1.sources.r2.bind = 127.0.0.1\na1.sources.r2.port = {probe_port}\n\
         a1.sources.r2.channels = c1\n\
         a1.channels.c1.type = memory\na1.channels.c1.capacity = {channel_capacity}\n\
         a1.channels.c1.transactionCapacity = {transaction_capacity}\n\
         a1.sinks.k1.type = null\na1.sinks.k1.batchSize = {batch}\na1.sinks.k1.channel = c1\n"
    )
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A folder that vanishes with its run.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("penstock-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}
