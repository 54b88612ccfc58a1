//! The agent's binary: arguments and exit code.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "the program itself reads files and speaks to its terminal"
)]

use clap::Parser;
use clap::error::ErrorKind;
use dataplane::agent::command_line::{self, Command, CommandLine};
use dataplane::agent::{EXIT_USAGE, option_file, run};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let started = Instant::now();
    let (mut jvm, arguments) =
        command_line::split(std::env::args_os().map(|a| a.to_string_lossy().into_owned()));
    for name in ["JAVA_OPTS", "FLUME_JAVA_OPTS"] {
        if let Ok(text) = std::env::var(name) {
            jvm.add_environment(&text);
        }
    }
    let arguments = option_file::with_defaults(arguments);
    match arguments.get(1).map(String::as_str) {
        None => {
            eprintln!("Error: No command given, or an unknown one\n\n{}", command_line::help());
            return ExitCode::from(EXIT_USAGE);
        }
        Some("avro-client" | "tool" | "password") => {
            eprintln!("Error: {} is not there yet; this release runs agents", arguments[1]);
            return ExitCode::from(EXIT_USAGE);
        }
        Some(_) => {}
    }
    match CommandLine::try_parse_from(&arguments) {
        Ok(CommandLine { command: Command::Agent(args) }) => run(*args, jvm, started),
        Ok(CommandLine { command: Command::Version }) => {
            println!("{}", command_line::version());
            ExitCode::SUCCESS
        }
        Err(e) => {
            // Help goes to standard output and is no error, as with Flume's script.
            let asked = matches!(e.kind(), ErrorKind::DisplayHelp);
            drop(e.print());
            if asked { ExitCode::SUCCESS } else { ExitCode::from(EXIT_USAGE) }
        }
    }
}
