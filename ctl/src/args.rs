//! The command line.

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

const AFTER: &str = "\
Examples:
  ctl agents                       what runs here
  ctl status                       the only agent that runs here
  ctl -n a1 status --watch         one of several, every two seconds
  ctl check a1.conf                would this file run, and what is wrong with it
  ctl components netcat            what can be set
  ctl -n a1 stop                   drain, end, and wait until it is gone

An agent is found by its name in /run/penstock (root), $XDG_RUNTIME_DIR/penstock or a penstock-UID folder under the
system's temporary folder. -n may be left out while only one agent runs.

Exit codes:
  0  done; check: everything named would run
  1  check --strict: there are warnings; stop: stopped, but events were lost or something failed
  2  check: something would not run; otherwise: wrong arguments
  3  no agent was reached
  4  the agent refused, failed or did not answer in time";

/// Asks Penstock agents how they are, and stops them.
#[derive(Debug, Parser)]
#[command(name = "ctl", version, after_help = AFTER, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Name of the agent.
    #[arg(short = 'n', long, value_name = "NAME", global = true)]
    pub(crate) name: Option<String>,
    /// Control socket of the agent, for one that was started with --control.
    #[arg(long, value_name = "PATH", global = true)]
    pub(crate) control: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the agents that run here.
    Agents {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// One screen: what is stuck and why, what flows, where it runs.
    #[command(after_help = STATUS_HELP)]
    Status {
        /// The agent's own JSON; with --watch one line each time.
        #[arg(long)]
        json: bool,
        /// Again and again, every SECONDS (2 without a number).
        #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = seconds)]
        watch: Option<Duration>,
    },
    /// Stop an agent: sources end, channels drain, and ctl waits until the process is gone.
    Stop {
        /// Do not wait for channels to drain: what they hold in memory is lost.
        #[arg(long)]
        now: bool,
    },
    /// Say what a configuration would start, what not, and why. Needs no agent, executes nothing.
    #[command(after_help = CHECK_HELP)]
    Check {
        /// Configuration file; several are merged as the agent does with several -f, later ones over earlier ones.
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// Warnings count: exit code 1.
        #[arg(long)]
        strict: bool,
        /// Show values that came from the environment or from a config filter, instead of ***.
        #[arg(long)]
        show_secrets: bool,
        /// A JVM property, as given to the agent.
        #[arg(short = 'D', value_name = "NAME=VALUE")]
        system: Vec<String>,
    },
    /// List the types of components, or show the settings of one. Needs no agent.
    Components {
        /// A type (netcat), a class name, or a role and a type (sink/null).
        #[arg(value_name = "NAME")]
        component: Option<String>,
        /// As JSON.
        #[arg(long, conflicts_with = "markdown")]
        json: bool,
        /// As the page conf/REFERENCE.md.
        #[arg(long)]
        markdown: bool,
    },
    /// Print the properties that an agent runs with, secrets hidden.
    Config {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show or change how much the agent's own log says.
    #[command(
        after_help = "Examples:\n  ctl log-level\n  ctl log-level DEBUG\n  ctl log-level org.apache.flume.source=TRACE"
    )]
    LogLevel {
        /// A level for everything, or LOGGER=LEVEL: OFF, ERROR, WARN, INFO, DEBUG, TRACE.
        #[arg(value_name = "LEVEL|LOGGER=LEVEL")]
        level: Option<String>,
    },
}

const CHECK_HELP: &str = "\
With -n NAME only that agent decides the exit code; the others are reported all the same.

Each component that the lists name gets a verdict:
  runs         it would start
  dropped      Flume's own validation removes it, and so does penstock
  fails        it is valid, and cannot be built
  third-party  its type is a Java class that is not Flume's
  unsupported  its type is Flume's, and not here yet

Examples:
  ctl check conf/a1.conf
  ctl check conf/base.conf conf/site.conf -n a1 --strict
  ctl check --json x.conf | jq '.diagnostics[] | select(.severity == \"error\")'

Exit codes: 0 everything named would run; 1 it would, with warnings, under --strict; 2 something would not run, or a
file cannot be read.";

const STATUS_HELP: &str = "\
Rates are those between two looks half a second apart, with --watch those since the last screen. PUT P99 and BATCH P99:
99 of 100 batches were put into all channels, or delivered and committed, within that time. WOULD LOSE: events that
would be gone if the process died now. LATE: how late a thread came back to its work.";

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text:?} is not a number of seconds"))?;
    if !(0.1..=86_400.0).contains(&seconds) {
        return Err("0.1 to 86400 seconds".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_agent_may_be_named_before_or_after_the_command() {
        for line in [["ctl", "-n", "a1", "status"], ["ctl", "status", "-n", "a1"]] {
            assert_eq!(Arguments::try_parse_from(line).unwrap().name.as_deref(), Some("a1"));
        }
    }

    #[test]
    fn watch_takes_seconds_or_nothing() {
        let watch = |line: &[&str]| match Arguments::try_parse_from(line).map(|a| a.command) {
            Ok(Command::Status { watch, .. }) => watch.map(|d| d.as_millis()),
            other => panic!("{other:?}"),
        };
        assert_eq!(watch(&["ctl", "status"]), None);
        assert_eq!(watch(&["ctl", "status", "--watch"]), Some(2_000));
        assert_eq!(watch(&["ctl", "status", "--watch", "0.5"]), Some(500));
        assert!(Arguments::try_parse_from(["ctl", "status", "--watch", "0"]).is_err());
    }
}
