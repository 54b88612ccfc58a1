//! `ctl agents`: what runs here.

use crate::failure::Failure;
use crate::find::{self, Found, Socket};
use crate::output::Output;
use crate::text::{self, Lean, Table};
use dataplane::control::{AgentState, Status, Surroundings};
use serde_json::{Value, json};

/// Lists every socket in the folders where agents put them.
pub(crate) async fn run(json: bool, out: &mut Output) -> Result<(), Failure> {
    let survey = find::survey(&Surroundings::of_process()).await;
    let mut rows = Vec::new();
    for socket in &survey.sockets {
        rows.push((socket, status(socket).await));
    }
    if json {
        let values: Vec<Value> =
            rows.iter().map(|(socket, status)| as_json(socket, status.as_ref())).collect();
        out.json(&values);
        return Ok(());
    }
    if rows.is_empty() {
        out.line("no agent is running");
    } else {
        out.lines(&table(&rows).lines());
    }
    let folders = |list: &[std::path::PathBuf]| {
        text::listing(&list.iter().map(|f| f.display().to_string()).collect::<Vec<_>>())
    };
    if rows.is_empty() {
        out.line(&format!("  looked into {}", folders(&survey.folders)));
    }
    if !survey.closed.is_empty() {
        out.line(&format!("  {} is closed to you: try with sudo", folders(&survey.closed)));
    }
    Ok(())
}

async fn status(socket: &Socket) -> Option<Status> {
    match socket.found {
        Found::Alive(_) => crate::client::Client::new(&socket.path).get("/status").await.ok(),
        _ => None,
    }
}

fn table(rows: &[(&Socket, Option<Status>)]) -> Table {
    let left = Lean::Left;
    let mut table = Table::new(&[
        ("AGENT", left),
        ("PROCESS", Lean::Right),
        ("STATE", left),
        ("UP", Lean::Right),
        ("CONFIGURATION", left),
        ("SOCKET", left),
    ]);
    for (socket, status) in rows {
        let path = socket.path.display().to_string();
        table.row(match (&socket.found, status) {
            (Found::Alive(version), Some(status)) => vec![
                version.agent.clone(),
                version.pid.to_string(),
                word(status.state).to_owned(),
                text::duration_ms(status.uptime_ms),
                status.config_files.join(" "),
                path,
            ],
            (Found::Alive(version), None) => {
                without_answer(version.agent.clone(), version.pid.to_string(), "does not answer", path)
            }
            (Found::Stale, _) => {
                without_answer(socket.stem(), String::new(), "died; the next start replaces its socket", path)
            }
            (Found::Mute { why, pid }, _) => {
                without_answer(socket.stem(), pid.map(|p| p.to_string()).unwrap_or_default(), why, path)
            }
        });
    }
    table
}

fn without_answer(name: String, pid: String, state: &str, path: String) -> Vec<String> {
    vec![name, pid, state.to_owned(), String::new(), String::new(), path]
}

fn as_json(socket: &Socket, status: Option<&Status>) -> Value {
    let path = socket.path.display().to_string();
    match (&socket.found, status) {
        (Found::Alive(version), status) => json!({
            "agent": version.agent,
            "pid": version.pid,
            "version": version.version,
            "state": status.map(|s| s.state),
            "uptime_ms": status.map(|s| s.uptime_ms),
            "config_files": status.map(|s| &s.config_files),
            "control": path,
        }),
        (Found::Stale, _) => json!({ "agent": null, "state": "dead", "control": path }),
        (Found::Mute { why, pid }, _) => {
            json!({ "agent": null, "pid": pid, "state": "mute", "why": why, "control": path })
        }
    }
}

fn word(state: AgentState) -> &'static str {
    match state {
        AgentState::Starting => "starting",
        AgentState::Running => "running",
        AgentState::Stopping => "stopping",
        AgentState::Unknown => "?",
    }
}
