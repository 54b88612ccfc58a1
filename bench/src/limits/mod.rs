//! What the machine can do, without us: the ceiling of every other number.

pub(crate) mod disk;
pub(crate) mod memory;
pub(crate) mod tcp;

use crate::progress;
use crate::report::{self, Machine};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// Options of `limits`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Folder whose disk is measured; a file of 256 MiB is made there and removed.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Seconds for each measurement.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Connections of the TCP measurement, beside a single one.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Where to write the numbers as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

impl Options {
    /// Short enough for a test.
    pub(crate) fn moment() -> Self {
        Options { connections: 2, ..Options::of(std::env::temp_dir(), 0.2) }
    }

    /// With the usual number of connections.
    pub(crate) fn of(dir: PathBuf, seconds: f64) -> Self {
        Options { dir, seconds, connections: 4, json: None }
    }
}

/// Everything measured.
#[derive(Debug, Serialize)]
pub(crate) struct Limits {
    machine: Machine,
    tcp: Vec<tcp::Received>,
    copy: Vec<memory::Copied>,
    disk: Result<disk::Disk, String>,
}

/// Measures and prints.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let limits = Limits::measure(options)?;
    println!("{}\n\n{}", limits.machine.line(), limits.table());
    match &options.json {
        Some(path) => report::write_json(path, &limits),
        None => Ok(()),
    }
}

impl Limits {
    /// Measures. A disk that cannot be measured is part of the result.
    pub(crate) fn measure(options: &Options) -> anyhow::Result<Self> {
        let time = Duration::from_secs_f64(options.seconds);
        let mut tcp = Vec::new();
        let mut counts = vec![1, options.connections];
        counts.dedup();
        for connections in counts {
            progress::say("loopback TCP");
            tcp.push(tcp::receive(connections, time)?);
        }
        progress::say("memory copy");
        let copy = vec![memory::copy(64 << 10, time / 2), memory::copy(64 << 20, time / 2)];
        progress::say("disk");
        let disk = disk::measure(&options.dir, time).map_err(|e| format!("{e:#}"));
        progress::done();
        Ok(Limits { machine: Machine::here(), tcp, copy, disk })
    }

    /// The printed form.
    pub(crate) fn table(&self) -> String {
        let mut rows = vec![vec!["limit".to_owned(), "value".to_owned(), "how".to_owned()]];
        let mut row = |what: String, value: String, how: &str| rows.push(vec![what, value, how.to_owned()]);
        for t in &self.tcp {
            row(
                format!("loopback TCP, {}", report::count(t.connections, "connection")),
                format!(
                    "{:.0} MB/s, {} lines/s of 200 B",
                    t.mb_per_s,
                    report::short(t.mb_per_s * 1e6 / 200.0)
                ),
                "64 KiB writes, 64 KiB reads, nothing done with the bytes; sender on the same cores",
            );
        }
        for c in &self.copy {
            row(
                format!("memory copy, {} KiB", c.block_bytes >> 10),
                format!("{:.1} GB/s", c.gb_per_s),
                "one thread",
            );
        }
        match &self.disk {
            Ok(d) => {
                row(
                    "disk, sequential".to_owned(),
                    format!("{:.0} MB/s", d.write_mb_per_s),
                    "O_DIRECT, 512 KiB a write, one at a time, file written before",
                );
                row(
                    "disk, durable 4 KiB".to_owned(),
                    format!(
                        "p50 {} us, p99 {} us ({} writes)",
                        d.dsync_p50_us, d.dsync_p99_us, d.dsync_writes
                    ),
                    "O_DIRECT and O_DSYNC, one at a time, file written before",
                );
            }
            Err(e) => row("disk".to_owned(), "not measured".to_owned(), e),
        }
        report::table(&rows)
    }
}
