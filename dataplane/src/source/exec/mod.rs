//! `exec`: runs a command and makes an event of each line that it prints.
//!
//! A full channel holds the command back: its batch is offered again and again while nothing more is read from the pipe.
//! Flume kills the command there and loses what it had read. The command belongs to us: it ends with the source, with its
//! whole process group, and when this process dies.
//!
//! # Limits
//! A line beyond 16 MiB becomes several events of that size, and the log says so. At most one batch and one open line are
//! held; a batch ends at 1 MiB, too.

mod child;
mod kind;
mod lines;

pub use kind::KIND;

use crate::codec::charset::Charset;
use crate::config::Settings;
use crate::event::{Advice, Error};
use crate::pipeline::{Source, SourceCx};
use crate::reactor::{Child, CommandLine, Core, Fut};
use std::io;
use std::time::Duration;

/// Flume's supervisor tries to start a source again after so long.
const RETRY: Duration = Duration::from_secs(3);
/// Name under which Flume logs what this source says.
const LOGGER: &str = "org.apache.flume.source.ExecSource";

struct Exec {
    /// As it is written in the configuration.
    command: String,
    line: CommandLine,
    restart: bool,
    restart_throttle: Duration,
    log_std_err: bool,
    batch_size_events: u32,
    batch_timeout: Duration,
    charset: Charset,
    child: Option<Box<dyn Child>>,
}

impl Exec {
    fn new(settings: &Settings) -> Self {
        let command = settings.value(&kind::COMMAND);
        let shell = settings.get(&kind::SHELL);
        Exec {
            line: command_line(shell.as_deref(), &command),
            command,
            restart: settings.value(&kind::RESTART),
            restart_throttle: Duration::from_millis(settings.value(&kind::RESTART_THROTTLE)),
            log_std_err: settings.value(&kind::LOG_STD_ERR),
            batch_size_events: u32::try_from(settings.value(&kind::BATCH_SIZE)).unwrap_or(1).max(1),
            batch_timeout: Duration::from_millis(settings.value(&kind::BATCH_TIMEOUT)),
            charset: settings.value(&kind::CHARSET),
            child: None,
        }
    }

    fn start(&self, core: &Core) -> Result<Box<dyn Child>, Error> {
        core.command(&self.line).map_err(|e| {
            let CommandLine { program, args } = &self.line;
            let hint = match e.kind() {
                io::ErrorKind::NotFound => "there is no such program in PATH, or its interpreter is missing",
                io::ErrorKind::PermissionDenied => "the program may not be executed",
                _ => "the system refused",
            };
            let what = format!(
                "cannot start command [{}]: tried program {program:?} with {args:?}: {hint}",
                self.command
            );
            Error::caused(Advice::RetryAfter(RETRY), what, e)
        })
    }

    /// Starts the command again after the pause, as often as it takes. `None` at the stop.
    async fn start_again(&self, cx: &SourceCx) -> Option<Box<dyn Child>> {
        loop {
            if cx.stop.sleep(&cx.core, self.restart_throttle).await {
                return None;
            }
            match self.start(&cx.core) {
                Ok(child) => return Some(child),
                Err(e) => tracing::error!(target: LOGGER, "source {}: {}", cx.name, e.line()),
            }
        }
    }
}

impl Source for Exec {
    fn open<'a>(&'a mut self, cx: &'a SourceCx) -> Fut<'a, Result<String, Error>> {
        Box::pin(async move {
            if let Some(word) = shell_word(&self.line) {
                tracing::warn!(
                    target: LOGGER,
                    "source {}: the command gets {word} as an argument: set shell = /bin/sh -c if a shell shall read it",
                    cx.name
                );
            }
            let child = self.start(&cx.core)?;
            let following = format!("command [{}], process {}", self.command, child.pid());
            self.child = Some(child);
            Ok(following)
        })
    }

    fn run(mut self: Box<Self>, cx: SourceCx) -> Fut<'static, Result<(), Error>> {
        Box::pin(async move {
            let mut child = self.child.take().expect("opened before it runs");
            loop {
                let code = self.read(&cx, child).await?;
                let command = &self.command;
                if !self.restart || cx.stop.is_set() {
                    tracing::info!(target: LOGGER, "Command [{command}] exited with {code}");
                    return Ok(());
                }
                let pause = self.restart_throttle.as_millis();
                tracing::info!(target: LOGGER, "Restarting command [{command}] in {pause}ms, exit code {code}");
                match self.start_again(&cx).await {
                    Some(started) => child = started,
                    None => return Ok(()),
                }
            }
        })
    }
}

/// Flume's way from text to arguments: white space separates, and nothing quotes.
fn command_line(shell: Option<&str>, command: &str) -> CommandLine {
    let words = |text: &str| -> Vec<String> {
        // Java's \s.
        let space = |c| matches!(c, ' ' | '\t' | '\n' | '\x0B' | '\x0C' | '\r');
        text.split(space).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let mut all = match shell {
        Some(shell) => words(shell),
        None => words(command),
    };
    if shell.is_some() {
        all.push(command.to_owned());
    }
    let args = all.split_off(all.len().min(1));
    CommandLine { program: all.pop().unwrap_or_default(), args }
}

/// An argument that only a shell would understand.
fn shell_word(line: &CommandLine) -> Option<&str> {
    const WORDS: [&str; 9] = ["|", "||", "&&", ";", "&", ">", ">>", "<", "2>&1"];
    line.args.iter().map(String::as_str).find(|word| WORDS.contains(word))
}

#[cfg(test)]
mod tests;
