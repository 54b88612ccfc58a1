//! Measures this machine and Penstock on it. `limits` says what the machine can do, `pipe` what a source, a channel and a
//! sink do of that; `smoke` runs both for a moment, to see that they work.
//!
//! Rules: every number of a table comes from the run that prints it; the raw limits beside it come from the same run; a run
//! whose events do not all arrive has no result.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "measuring is reading clocks")]

mod agent;
mod limits;
mod load;
mod pipe;
mod progress;
mod report;
mod results;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "bench", about = "Measures this machine, and Penstock on it")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What this machine can do: loopback TCP, memory copy, disk.
    Limits(limits::Options),
    /// What one pipe of the agent does.
    Pipe(pipe::Options),
    /// Everything that RESULTS.md says, measured again; writes the page.
    Results(results::Options),
    /// A moment of everything, to see that it works; the numbers mean nothing.
    Smoke,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Limits(options) => limits::run(&options),
        Command::Pipe(options) => pipe::run(&options),
        Command::Results(options) => results::run(&options),
        Command::Smoke => {
            limits::run(&limits::Options::moment())?;
            for source in [pipe::Source::Netcat, pipe::Source::Seq, pipe::Source::Stress] {
                pipe::run(&pipe::Options::moment(source))?;
            }
            pipe::run(&pipe::Options::moment(pipe::Source::Netcat).with_acks())
        }
    }
}
