//! The operator's tool: asks agents through their control sockets, and checks configurations without any agent.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "an operator's tool reads files and speaks to its terminal"
)]

mod agents;
mod args;
mod check;
mod client;
mod components;
mod config;
mod failure;
mod find;
mod log_level;
mod output;
mod status;
mod stop;
mod text;

use args::{Arguments, Command};
use clap::Parser;
use failure::{Failure, code};
use output::Output;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return finish(Err(Failure::new(code::AGENT_FAILED, format!("cannot start: {error}")))),
    };
    finish(runtime.block_on(run(&arguments)))
}

async fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let mut out = Output::new();
    let (name, control) = (arguments.name.as_deref(), arguments.control.as_deref());
    match &arguments.command {
        Command::Agents { json } => agents::run(*json, &mut out).await?,
        Command::Status { json, watch } => {
            let wish = status::Wish { json: *json, watch: *watch };
            status::run(name, control, wish, &mut out).await?;
        }
        Command::Stop { now } => return stop::run(name, control, *now, &mut out).await,
        Command::Check { files, json, strict, show_secrets, system } => {
            let wish = check::Wish {
                files,
                agent: name,
                json: *json,
                strict: *strict,
                show_secrets: *show_secrets,
                system,
            };
            return check::run(&wish, &mut out);
        }
        Command::Components { component, json, markdown } => {
            let wish = components::Wish { name: component.as_deref(), json: *json, markdown: *markdown };
            components::run(wish, &mut out)?;
        }
        Command::Config { json } => config::run(name, control, *json, &mut out).await?,
        Command::LogLevel { level } => log_level::run(name, control, level.as_deref(), &mut out).await?,
    }
    Ok(code::OK)
}

fn finish(result: Result<u8, Failure>) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            Output::new().complain(&failure.to_string());
            ExitCode::from(failure.code)
        }
    }
}
