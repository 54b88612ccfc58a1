//! `ctl check`: what would start, what would not and why. A report over a [`Plan`]; nothing is executed.

pub(super) mod secrets;

use self::secrets::{HIDDEN, Secrets};
use super::plan::{ComponentKind, File, Plan, Verdict};
use crate::config::filters::NothingRuns;
use crate::config::{Diagnostic, Lookups, Place, Severity};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What to check, and how strictly.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only this agent decides the exit code.
    pub agent: Option<String>,
    /// Warnings count, too.
    pub strict: bool,
    /// Values from the environment or a filter are shown.
    pub show_secrets: bool,
}

/// The report. Its JSON is a contract with scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The file, or the files joined by commas.
    pub file: String,
    /// Every property after loading and substitution.
    pub properties: BTreeMap<String, String>,
    /// Every agent.
    pub agents: Vec<AgentReport>,
    /// Everything there is to say.
    pub diagnostics: Vec<Complaint>,
    /// 0: everything named would run; 1: warnings, and they count; 2: something would not run.
    #[serde(skip)]
    pub exit_code: u8,
    #[serde(skip)]
    several_files: bool,
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AgentReport {
    /// Its name.
    pub name: String,
    /// True when Flume's validation leaves something of it.
    pub valid: bool,
    /// Everything that its lists name.
    pub components: Vec<Row>,
}

/// One component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What it is.
    pub kind: ComponentKind,
    /// Its name.
    pub name: String,
    /// The text after `type =`.
    #[serde(rename = "type")]
    pub type_text: Option<String>,
    /// What becomes of it.
    pub verdict: Verdict,
    /// Why; empty when it runs.
    pub why: String,
}

/// One complaint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Complaint {
    /// The file, where several were given.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// Line, counted from 1; 0 when no line is at fault.
    pub line: u32,
    /// The full key, or as much of it as there is.
    pub key: String,
    /// How bad.
    pub severity: Severity,
    /// A stable word.
    pub code: String,
    /// What was found.
    pub message: String,
    /// What to do; may be empty.
    pub help: String,
}

/// Checks configuration files, the later over the earlier ones.
pub fn check(files: &[File], lookups: &Lookups, options: &Options) -> Report {
    let plan = Plan::read(files, lookups, &NothingRuns);
    report(&plan, files, options)
}

/// The report over a plan.
pub fn report(plan: &Plan, files: &[File], options: &Options) -> Report {
    let mut diagnostics = plan.diagnostics.clone();
    let wanted = |name: &str| options.agent.as_deref().is_none_or(|agent| agent == name);
    let mut code = 0;
    if let Some(name) = options.agent.as_deref().filter(|name| plan.agent(name).is_none()) {
        diagnostics.push(unknown_agent(plan, files, name));
    }
    if plan.agents.is_empty() || plan.agents.iter().any(|a| wanted(&a.name) && !a.all_run()) {
        code = 2;
    }
    let others: Vec<String> =
        plan.agents.iter().filter(|a| !wanted(&a.name)).map(|a| format!("{}.", a.name)).collect();
    let counts = |d: &&Diagnostic| !others.iter().any(|o| d.key.starts_with(o) || *d.key == o[..o.len() - 1]);
    let worst = diagnostics.iter().filter(counts).map(|d| d.severity).max();
    code = match worst {
        Some(Severity::Error) => 2,
        Some(Severity::Warning) if options.strict => code.max(1),
        _ => code,
    };
    let several_files = files.len() > 1;
    let secrets = Secrets::of(&plan.properties, options.show_secrets);
    Report {
        file: files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(","),
        properties: properties(plan, &secrets),
        agents: agents(plan, &secrets),
        diagnostics: diagnostics.into_iter().map(|d| complaint(d, several_files, &secrets)).collect(),
        exit_code: code,
        several_files,
    }
}

impl Report {
    /// The report for people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for agent in &self.agents {
            agent.text(&mut out);
        }
        for complaint in &self.diagnostics {
            let file = if self.several_files { &complaint.file } else { &self.file };
            complaint.text(file, &mut out);
        }
        let count = |severity| self.diagnostics.iter().filter(|d| d.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let verdict = match self.exit_code {
            0 => "everything named would run",
            1 => "everything named would run, with warnings",
            _ => "something would not run",
        };
        let plural = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
        line(&mut out, format!("{verdict}: {}, {}", plural(errors, "error"), plural(warnings, "warning")));
        out
    }
}

impl AgentReport {
    fn text(&self, out: &mut String) {
        line(out, format!("agent {}{}", self.name, if self.valid { "" } else { "  (removed)" }));
        let width = self.components.iter().map(|c| c.name.chars().count()).max().unwrap_or(0);
        for row in &self.components {
            let word = row.kind.word();
            let verdict = row.verdict.word();
            let shown = format!("  {word:<11} {:<width$}  {verdict:<11}", row.name);
            let type_text = row.type_text.as_deref().unwrap_or("-");
            let why = if row.why.is_empty() { String::new() } else { format!("  ({})", row.why) };
            line(out, format!("{shown} {type_text}{why}"));
        }
        out.push('\n');
    }
}

impl Complaint {
    fn text(&self, file: &str, out: &mut String) {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Hint => "hint",
        };
        let place = if self.line == 0 { file.to_owned() } else { format!("{file}:{}", self.line) };
        line(out, format!("{place}: {severity}: {}", self.message));
        if !self.key.is_empty() {
            line(out, format!("    at {} [{}]", self.key, self.code));
        }
        if !self.help.is_empty() {
            line(out, format!("    help: {}", self.help));
        }
    }
}

fn line(out: &mut String, text: String) {
    // Names and values come from a file: control characters must not reach a terminal.
    let clean = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c });
    let clean: String = clean.collect();
    writeln!(out, "{}", clean.trim_end()).expect("writing to a String cannot fail");
}

fn properties(plan: &Plan, secrets: &Secrets<'_>) -> BTreeMap<String, String> {
    let shown = plan.properties.iter().map(|p| {
        let text = if secrets.hides(&p.key) { HIDDEN } else { &p.text };
        (p.key.clone(), text.to_owned())
    });
    shown.collect()
}

fn agents(plan: &Plan, secrets: &Secrets<'_>) -> Vec<AgentReport> {
    let row = |agent: &str, c: &super::plan::Component| {
        let key = component_key(agent, c);
        Row {
            kind: c.kind,
            name: c.name.clone(),
            type_text: c.type_text.as_ref().map(|text| secrets.hide(&key, text)),
            verdict: c.verdict,
            why: secrets.hide(&key, &c.why),
        }
    };
    let agent = |a: &super::plan::AgentPlan| AgentReport {
        name: a.name.clone(),
        valid: a.valid,
        components: a.components.iter().map(|c| row(&a.name, c)).collect(),
    };
    plan.agents.iter().map(agent).collect()
}

/// The component of which a row speaks: `a1.sources.r1` also for its interceptors and its selector.
pub(super) fn component_key(agent: &str, component: &super::plan::Component) -> String {
    let list = match component.kind {
        ComponentKind::Source | ComponentKind::Interceptor | ComponentKind::Selector => "sources",
        ComponentKind::Channel => "channels",
        ComponentKind::Sink => "sinks",
        ComponentKind::Sinkgroup => "sinkgroups",
    };
    let name = component.name.split('.').next().unwrap_or_default();
    format!("{agent}.{list}.{name}")
}

fn complaint(diagnostic: Diagnostic, several_files: bool, secrets: &Secrets<'_>) -> Complaint {
    Complaint {
        file: if several_files { diagnostic.place.file.to_string() } else { String::new() },
        line: diagnostic.place.line,
        severity: diagnostic.severity,
        code: diagnostic.code.to_owned(),
        message: secrets.hide(&diagnostic.key, &diagnostic.message),
        help: secrets.hide(&diagnostic.key, &diagnostic.help),
        key: diagnostic.key,
    }
}

/// The name after `-n` is in no file.
pub fn unknown_agent(plan: &Plan, files: &[File], name: &str) -> Diagnostic {
    let names: Vec<&str> = plan.agents.iter().map(|a| a.name.as_str()).collect();
    let help = match names[..] {
        [] => "the file names no agent: a property is written agent.sources.name.key = value".to_owned(),
        [one] => format!("the only agent in the file is {one}: start it with -n {one}"),
        _ => format!("the agents in the file are {}", names.join(", ")),
    };
    Diagnostic {
        place: Place { file: files.first().map_or("", |f| f.name.as_str()).into(), line: 0 },
        key: String::new(),
        severity: Severity::Error,
        code: "unknown-agent",
        message: format!("there is no agent {name} in the configuration"),
        help,
    }
}

#[cfg(test)]
mod tests;
