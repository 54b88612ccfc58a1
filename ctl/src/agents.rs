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
                vec![
                    version.agent.clone(),
                    version.pid.to_string(),
                    "does not answer".into(),
                    String::new(),
                    String::new(),
                    path,
                ]
            }
            (Found::Stale, _) => {
                let words = "died; the next start replaces its socket";
                vec!["-".into(), String::new(), words.into(), String::new(), String::new(), path]
            }
            (Found::Mute(why), _) => {
                vec!["?".into(), String::new(), why.clone(), String::new(), String::new(), path]
            }
        });
    }
    table
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
        (Found::Mute(why), _) => json!({ "agent": null, "state": "mute", "why": why, "control": path }),
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
