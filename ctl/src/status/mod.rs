//! `ctl status`: one screen, or one again and again.

mod pair;
mod screen;
mod verdict;

use crate::client::AskError;
use crate::failure::Failure;
use crate::find::{self, Target};
use crate::output::Output;
use crate::text;
use dataplane::control::{AgentState, Status};
use pair::Pair;
use screen::{Look, screen};
use std::path::Path;
use std::time::Duration;

/// Between the two looks that give the rates of a single screen.
const GLANCE: Duration = Duration::from_millis(500);

/// What `ctl status` was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    /// The agent's own JSON instead of a screen.
    pub(crate) json: bool,
    /// Again and again with this pause.
    pub(crate) watch: Option<Duration>,
}

/// Prints the status once, or until the reader goes away.
pub(crate) async fn run(
    name: Option<&str>,
    control: Option<&Path>,
    wish: Wish,
    out: &mut Output,
) -> Result<(), Failure> {
    let target = find::target(name, control).await?;
    match wish.watch {
        Some(pause) => watch(target, control, pause, wish.json, out).await,
        None if wish.json => json_once(&target, out).await,
        None => {
            let first = ask(&target).await?;
            tokio::time::sleep(GLANCE).await;
            // An agent that went away in between was still there: its last screen is the answer.
            let second = ask(&target).await.ok();
            let pair = Pair::new(second.as_ref().unwrap_or(&first), Some(&first));
            out.lines(&screen(&pair, look(out)));
            Ok(())
        }
    }
}

async fn ask(target: &Target) -> Result<Status, Failure> {
    target.client.get("/status").await.map_err(|e| e.explain(&target.name, target.client.path()))
}

/// As the agent said it: fields that this ctl does not know stay in.
async fn json_once(target: &Target, out: &mut Output) -> Result<(), Failure> {
    let status: serde_json::Value =
        target.client.get("/status").await.map_err(|e| e.explain(&target.name, target.client.path()))?;
    out.json(&status);
    Ok(())
}

fn look(out: &Output) -> Look {
    Look { width: out.width(), height: None, colours: out.colours() }
}

async fn watch(
    mut target: Target,
    control: Option<&Path>,
    pause: Duration,
    json: bool,
    out: &mut Output,
) -> Result<(), Failure> {
    let mut before: Option<Status> = None;
    let mut tick = tokio::time::interval(pause);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !out.is_closed() {
        tick.tick().await;
        if json {
            match target.client.get::<serde_json::Value>("/status").await {
                Ok(status) => out.json_line(&status),
                Err(error) => target = again(target, control, &error, out).await,
            }
            continue;
        }
        match target.client.get::<Status>("/status").await {
            Ok(now) => {
                let pair = Pair::new(&now, before.as_ref());
                let look = Look { height: out.page_rows(), ..look(out) };
                out.page(&screen(&pair, look), pause);
                // The rates of a first screen are those since the start of nothing: look again soon.
                if before.is_none() && now.state != AgentState::Stopping {
                    tick.reset_after(GLANCE.min(pause));
                }
                before = Some(now);
            }
            Err(error) => target = again(target, control, &error, out).await,
        }
    }
    Ok(())
}

/// Says that the agent did not answer, and looks where it may be now: it may have been started again elsewhere.
async fn again(target: Target, control: Option<&Path>, error: &AskError, out: &mut Output) -> Target {
    let why = error.explain(&target.name, target.client.path()).message;
    out.complain(&format!("{}; trying again", text::clean(&why)));
    if error.is_gone() {
        return find::target(Some(&target.name), control).await.unwrap_or(target);
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn every_field_of_the_json_is_in_the_readme() {
        let readme = include_str!("../../README.md");
        let status = Status {
            threads: vec![Default::default()],
            sources: vec![Default::default()],
            channels: vec![Default::default()],
            sinks: vec![Default::default()],
            warnings: vec![Default::default()],
            ..Status::default()
        };
        let mut rest = vec![serde_json::to_value(&status).unwrap()];
        while let Some(value) = rest.pop() {
            match value {
                Value::Object(fields) => {
                    for (name, value) in fields {
                        assert!(readme.contains(&format!("`{name}`")), "{name} is not in ctl/README.md");
                        rest.push(value);
                    }
                }
                Value::Array(values) => rest.extend(values),
                _ => {}
            }
        }
    }
}
