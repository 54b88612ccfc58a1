//! `bench results`: everything that RESULTS.md says, measured again, and the page written.

use crate::limits::{self, Limits};
use crate::pipe::{self, Source};
use crate::report::{self, Machine};
use anyhow::Context;
use std::path::PathBuf;

/// Options of `results`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The page to write.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/RESULTS.md"))]
    page: PathBuf,
    /// Folder whose disk is measured.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Runs of each pipe; the median is the result.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Seconds measured in each run.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// The agent's binary; without it the one beside this program is built and used.
    #[arg(long)]
    penstock: Option<PathBuf>,
}

/// A machine that is busier than this before we begin is not ours alone.
const MOST_BUSY_PERCENT: f64 = 5.0;

const INTRODUCTION: &str = "\
# Results

Written by `cargo run --release --bin bench -- results`; nothing here was typed. Generator, agent and probe share the
machine's cores. Each pipe: a new agent for every run, one second to warm up, then the window; medians, with the least and
the most beside them. \"Alone\" is what the machine did without us within the same run. A netcat run counts only when every
line that was sent was delivered exactly once. The probe is a second source on the same channel that is asked 200 times a
second how long a line takes until its `OK`. `batch into channel` and `batch through sink` are the agent's own histograms.
";

/// Measures and writes.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let machine = Machine::here();
    let mut page = format!("{INTRODUCTION}\nMachine: {}.\n\n", machine.line());
    if let Some(busy) = report::busy_percent().filter(|busy| *busy > MOST_BUSY_PERCENT) {
        let warning =
            format!("**Not a quiet machine: others used {busy:.0} % of its CPUs. Measure again.**\n\n");
        page.push_str(&warning);
    }
    let limits = Limits::measure(&limits::Options::of(options.dir.clone(), 3.0));
    page.push_str(&format!("## Limits\n\n{}", limits?.table()));
    let pipe = |source| {
        pipe::Options::of(source, options.runs, options.seconds).with_penstock(options.penstock.clone())
    };
    for (title, pipe) in [
        ("netcat, 4 connections, no acknowledgements", pipe(Source::Netcat)),
        ("netcat, 1 connection, no acknowledgements", pipe(Source::Netcat).with_connections(1)),
        ("netcat, 4 connections, every line acknowledged", pipe(Source::Netcat).with_acks()),
        ("netcat, 4 connections, without io_uring", pipe(Source::Netcat).with_io("epoll")),
        ("seq", pipe(Source::Seq)),
        ("stress", pipe(Source::Stress)),
    ] {
        page.push_str(&format!("\n## {title}\n\n{}", pipe::measure(&pipe)?.text()));
    }
    std::fs::write(&options.page, &page)
        .with_context(|| format!("cannot write {}", options.page.display()))?;
    print!("{page}");
    Ok(())
}
