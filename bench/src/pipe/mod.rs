//! One source, one channel, one sink, under as much load as they take.

mod once;
mod table;

use crate::report::{self, Machine};
use crate::{agent, progress};
use clap::ValueEnum;
use once::Run;
use serde::Serialize;
use std::path::PathBuf;

/// Sources that can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    /// Lines over TCP from generators in this program.
    Netcat,
    /// Numbers that the agent makes.
    Seq,
    /// Events that the agent makes once and sends again and again.
    Stress,
}

/// Channels that can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Channel {
    /// In memory.
    Memory,
}

/// Sinks that can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sink {
    /// Takes and forgets.
    Null,
}

/// Options of `pipe`.
#[derive(Debug, Clone, clap::Args, Serialize)]
pub(crate) struct Options {
    /// Where events come from.
    #[arg(long, value_enum, default_value = "netcat")]
    source: Source,
    /// What keeps them.
    #[arg(long, value_enum, default_value = "memory")]
    channel: Channel,
    /// Where they go.
    #[arg(long, value_enum, default_value = "null")]
    sink: Sink,
    /// Bytes of a line with its line end (netcat) or of a body (stress).
    #[arg(long, default_value_t = 200)]
    size: usize,
    /// Connections of the netcat generator.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Let netcat answer every line, and wait for the answers of each 64 KiB.
    #[arg(long)]
    ack: bool,
    /// Seconds that are measured, after one to warm up.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Runs, each with a new agent; the median is the result.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// `capacity` of the channel.
    #[arg(long, default_value_t = 100_000)]
    channel_capacity: u32,
    /// `transactionCapacity` of the channel.
    #[arg(long, default_value_t = 10_000)]
    transaction_capacity: u32,
    /// `batchSize` of the sink, and of a source that has one.
    #[arg(long, default_value_t = 1_000)]
    batch: u32,
    /// How the agent talks to the kernel: auto, uring or epoll.
    #[arg(long, default_value = "auto")]
    io: String,
    /// The agent's binary; without it the one beside this program is built and used.
    #[arg(long)]
    penstock: Option<PathBuf>,
    /// Where to write the numbers as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

impl Options {
    /// Short enough for a test.
    pub(crate) fn moment(source: Source) -> Self {
        let io = std::env::var("PENSTOCK_IO").unwrap_or_else(|_| "auto".to_owned());
        Options { connections: 2, channel_capacity: 10_000, io, ..Options::of(source, 1, 0.5) }
    }

    /// The usual load.
    pub(crate) fn of(source: Source, runs: usize, seconds: f64) -> Self {
        Options {
            source,
            channel: Channel::Memory,
            sink: Sink::Null,
            size: 200,
            connections: 4,
            ack: false,
            seconds,
            runs,
            channel_capacity: 100_000,
            transaction_capacity: 10_000,
            batch: 1_000,
            io: "auto".to_owned(),
            penstock: None,
            json: None,
        }
    }

    /// The same over so many connections.
    pub(crate) fn with_connections(self, connections: usize) -> Self {
        Options { connections, ..self }
    }

    /// The same with this binary.
    pub(crate) fn with_penstock(self, penstock: Option<PathBuf>) -> Self {
        Options { penstock, ..self }
    }

    /// The same on this back end.
    pub(crate) fn with_io(self, io: &str) -> Self {
        Options { io: io.to_owned(), ..self }
    }

    /// The same with an answer to every line.
    pub(crate) fn with_acks(self) -> Self {
        Options { ack: true, ..self }
    }
}

/// Everything measured.
#[derive(Debug, Serialize)]
pub(crate) struct Results<'a> {
    machine: Machine,
    options: &'a Options,
    /// The median of each figure over all runs.
    median: Run,
    runs: Vec<Run>,
}

impl Results<'_> {
    /// The printed form.
    pub(crate) fn text(&self) -> String {
        table::text(self)
    }
}

/// Measures and prints.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let results = measure(options)?;
    println!("{}\n\n{}", results.machine.line(), results.text());
    match &options.json {
        Some(path) => report::write_json(path, &results),
        None => Ok(()),
    }
}

/// Measures.
pub(crate) fn measure(options: &Options) -> anyhow::Result<Results<'_>> {
    anyhow::ensure!(
        options.runs > 0 && options.connections > 0 && options.seconds > 0.0,
        "nothing to measure"
    );
    let binary = agent::binary(options.penstock.as_deref())?;
    let mut runs = Vec::new();
    for n in 1..=options.runs {
        let phase = |what: &str| progress::say(&format!("run {n} of {}: {what}", options.runs));
        runs.push(once::measure(&binary, options, &phase)?);
    }
    progress::done();
    Ok(Results { machine: Machine::here(), options, median: Run::median(&runs), runs })
}
