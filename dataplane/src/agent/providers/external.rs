//! Runs the command of an `external` config filter, as Flume's ExternalProcessConfigFilter does.

use crate::config::filters::{Answer, ExternalCommand};
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Flume waits for ever; a start that hangs on a password helper is no help to anybody.
const LONGEST: Duration = Duration::from_secs(60);

/// A first line longer than this is no secret or host name.
const MOST_BYTES: u64 = 1 << 20;

/// Runs commands for real: for starting agents, never for checks.
pub(crate) struct Commands;

impl ExternalCommand for Commands {
    fn first_line(&self, command: &[String], charset: &str, key: &str) -> Answer {
        match run(command, key) {
            Ok(output) => decode(&output, charset),
            Err(why) => Answer::Nothing(why),
        }
    }
}

/// What the command printed, if it ended well in time.
#[expect(
    clippy::disallowed_methods,
    reason = "runs before the reactor does, on the main thread, once a value"
)]
fn run(command: &[String], key: &str) -> Result<Vec<u8>, String> {
    let Some((program, arguments)) = command.split_first() else {
        return Err("its command is empty".to_owned());
    };
    let mut child = Command::new(program)
        .args(arguments)
        .arg(key)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("{program} cannot be started: {e}"))?;
    let out = child.stdout.take().expect("it was piped");
    let (sender, receiver) = std::sync::mpsc::channel();
    // The pipe may stay open in a grandchild after the child has gone, so reading has a thread and a deadline of its own.
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = out.take(MOST_BYTES).read_to_end(&mut bytes).map(|_| bytes);
        sender.send(read).ok();
    });
    let until = Instant::now() + LONGEST;
    let read = receiver.recv_timeout(LONGEST);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if read.is_ok() && Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(2))
            }
            outcome => {
                child.kill().ok();
                child.wait().ok();
                let why = outcome.err().map_or_else(|| "no end".to_owned(), |e| e.to_string());
                return Err(format!("{program} {key}: {why} within {} s", LONGEST.as_secs()));
            }
        }
    };
    if !status.success() {
        return Err(format!("{program} {key}: {status}"));
    }
    match read {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(e)) => Err(format!("{program} {key}: its output cannot be read: {e}")),
        Err(_) => Err(format!("{program} {key}: its output did not end")),
    }
}

/// The first line in this charset.
fn decode(output: &[u8], charset: &str) -> Answer {
    let Some(encoding) = encoding_rs::Encoding::for_label(charset.as_bytes()) else {
        return Answer::Nothing(format!("charset \"{charset}\" is not known"));
    };
    let (text, _, _) = encoding.decode(output);
    match text.lines().next() {
        Some(line) => Answer::Value(line.to_owned()),
        None => Answer::Nothing("the command printed nothing".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(command: &str, key: &str) -> Answer {
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        Commands.first_line(&words, "UTF-8", key)
    }

    #[test]
    fn the_first_line_is_the_value_and_the_key_the_last_argument() {
        assert_eq!(ask("printf %s\\nsecond", "first"), Answer::Value("first".to_owned()));
    }

    #[test]
    fn what_goes_wrong_is_said() {
        for (command, word) in
            [("false", "exit status: 1"), ("/nowhere/x", "cannot be started"), ("true", "printed nothing")]
        {
            let Answer::Nothing(why) = ask(command, "k") else { panic!("{command} gave a value") };
            assert!(why.contains(word), "{command}: {why}");
        }
        assert_eq!(
            Commands.first_line(&["echo".to_owned()], "no-such", "k"),
            Answer::Nothing("charset \"no-such\" is not known".to_owned())
        );
    }
}
