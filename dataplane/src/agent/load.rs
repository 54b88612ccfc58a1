//! From the command line to what is to be started: reads, plans, says what does not run, and decides whether to go on.

use super::check::secrets::Secrets;
use super::check::{self, component_key};
use super::command_line::{AgentArgs, Jvm};
use super::launch::Launch;
use super::origin::{Origin, OriginError, origins};
use super::plan::{AgentPlan, Component, File, Plan, Verdict};
use super::providers::Commands;
use crate::config::{Diagnostic, Lookups, Properties, Severity};
use std::fmt::Write as _;
use std::path::Path;

/// A configuration that was read.
pub(crate) struct Loaded {
    /// What it starts.
    pub(crate) launch: Launch,
    /// Where it came from.
    pub(crate) origins: Vec<Origin>,
}

/// Why nothing is started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The command line lacks something.
    #[error("{0}")]
    Usage(String),
    /// The configuration cannot be had.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// It does not run.
    #[error("{0}")]
    Config(String),
    /// It was only to be looked at: this is what there is to say.
    #[error("{0}")]
    DryRun(String),
}

/// Reads the configuration, plans it and picks the agent.
pub(crate) async fn load(args: &AgentArgs, jvm: &Jvm) -> Result<Loaded, LoadError> {
    let Some(name) = &args.name else {
        return Err(LoadError::Usage("no agent was named: use -n NAME with a name from the file".to_owned()));
    };
    // What the command line lacks or cannot have is its fault; what a file lacks is the configuration's.
    let origins = origins(args).map_err(|e| LoadError::Usage(e.to_string()))?;
    let mut files = Vec::new();
    for origin in &origins {
        if origin.has_refused_extension() {
            tracing::warn!("{}: json, yaml and xml are not read, here as in Flume", origin.shown());
            continue;
        }
        files.push(File { name: origin.shown().to_owned(), bytes: origin.read().await? });
    }
    let lookups = lookups(args, jvm).await?;
    let plan = Plan::read(&files, &lookups, &Commands);
    if args.dryrun {
        let options = check::Options { agent: Some(name.clone()), ..check::Options::default() };
        return Err(LoadError::DryRun(check::report(&plan, &files, &options).text()));
    }
    // What came from the environment or a filter stays out of the log and of status.
    let secrets = Secrets::of(&plan.properties, false);
    let Some(agent) = plan.agent(name) else {
        return Err(LoadError::Config(sentence(&check::unknown_agent(&plan, &files, name), &secrets)));
    };
    say(&plan, name, &secrets);
    if let Some(dir) = &args.backup_directory {
        back_up(dir, name, &plan);
    }
    refuse(agent, args.allow_partial, &secrets)?;
    Ok(Loaded { launch: Launch::new(&plan, agent, &files, &secrets), origins })
}

async fn lookups(args: &AgentArgs, jvm: &Jvm) -> Result<Lookups, LoadError> {
    let mut lookups = Lookups::empty(jiff::Zoned::now());
    lookups.environment = std::env::vars_os()
        .map(|(k, v)| (k.to_string_lossy().into_owned(), v.to_string_lossy().into_owned()))
        .collect();
    lookups.system = jvm.properties.iter().cloned().collect();
    if let Ok(directory) = std::env::current_dir() {
        lookups.add_jvm_properties(&directory.to_string_lossy());
    }
    lookups.bare_names_from_environment = jvm
        .property("propertiesImplementation")
        .is_some_and(|class| class == "org.apache.flume.node.EnvVarResolverProperties");
    if let Some(named) = jvm.property("lookups") {
        let in_conf = args.conf_dir.as_ref().map(|dir| dir.join(named)).filter(|path| path.is_file());
        let path = in_conf.unwrap_or_else(|| named.into());
        let origin = Origin::File { shown: path.display().to_string(), path };
        let mut table = Properties::default();
        for complaint in table.load(origin.shown(), &origin.read().await?) {
            tracing::warn!("{complaint}");
        }
        lookups.read_prefixes(&table);
    }
    Ok(lookups)
}

/// Says what concerns this agent; what concerns another one is not its business.
fn say(plan: &Plan, agent: &str, secrets: &Secrets<'_>) {
    for complaint in &plan.diagnostics {
        let other = complaint
            .key
            .split_once('.')
            .is_some_and(|(first, _)| first != agent && plan.agent(first).is_some());
        if other {
            continue;
        }
        match complaint.severity {
            Severity::Error => tracing::error!("{}", sentence(complaint, secrets)),
            Severity::Warning => tracing::warn!("{}", sentence(complaint, secrets)),
            Severity::Hint => tracing::debug!("{}", sentence(complaint, secrets)),
        }
    }
}

fn sentence(complaint: &Diagnostic, secrets: &Secrets<'_>) -> String {
    let text = match complaint.help.is_empty() {
        true => complaint.to_string(),
        false => format!("{complaint}; {}", complaint.help),
    };
    secrets.hide(&complaint.key, &text)
}

/// Types that cannot be had end a start; so does an agent of which nothing is left.
fn refuse(agent: &AgentPlan, allow_partial: bool, secrets: &Secrets<'_>) -> Result<(), LoadError> {
    let missing: Vec<&Component> = agent.missing_types().collect();
    if !missing.is_empty() && !allow_partial {
        let mut text = format!(
            "agent {} does not start, because {} of its components cannot be had here (--allow-partial runs the rest):",
            agent.name,
            missing.len()
        );
        for component in missing {
            // Writing to a String cannot fail.
            write!(text, "\n{}", component_sentence(agent, component, secrets)).ok();
        }
        return Err(LoadError::Config(text));
    }
    if agent.sources.is_empty() && agent.runners.is_empty() {
        let mut text = format!("agent {}: nothing of it would run", agent.name);
        for component in agent.components.iter().filter(|c| c.verdict != Verdict::Runs) {
            write!(text, "\n{}", component_sentence(agent, component, secrets)).ok();
        }
        return Err(LoadError::Config(text));
    }
    Ok(())
}

fn component_sentence(agent: &AgentPlan, component: &Component, secrets: &Secrets<'_>) -> String {
    let Component { kind, name, why, help, place, .. } = component;
    let help = if help.is_empty() { String::new() } else { format!("; {help}") };
    secrets.hide(
        &component_key(&agent.name, component),
        &format!("{place}: {} {name}: {why}{help}", kind.word()),
    )
}

/// Flume's `-b`: what was loaded, merged and substituted, as `.NAME.properties`. It holds secrets: readable by its owner only.
fn back_up(dir: &Path, agent: &str, plan: &Plan) {
    use std::os::unix::fs::OpenOptionsExt;
    let path = dir.join(format!(".{agent}.properties"));
    let text: String = plan
        .properties
        .iter()
        .map(|p| format!("{}={}\n", escape(&p.key, true), escape(&p.text, false)))
        .collect();
    let written = std::fs::create_dir_all(dir).and_then(|()| {
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        std::io::Write::write_all(&mut file, text.as_bytes())
    });
    if let Err(e) = written {
        tracing::error!("the configuration cannot be kept as {}: {e}", path.display());
    }
}

/// Text as a properties file spells it.
fn escape(text: &str, key: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for (i, c) in text.chars().enumerate() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' ' if key || i == 0 => out.push_str("\\ "),
            '=' | ':' if key => out.extend(['\\', c]),
            '#' | '!' if key && i == 0 => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c => {
                let mut units = [0u16; 2];
                for unit in c.encode_utf16(&mut units) {
                    write!(out, "\\u{unit:04X}").ok();
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_reads_back_as_it_was() {
        let pairs = [("a1.x y", " v=1 #"), ("#k", "back\\slash\n\ttab"), ("a:b=c", "größe 😀")];
        let text: String =
            pairs.iter().map(|(k, v)| format!("{}={}\n", escape(k, true), escape(v, false))).collect();
        let mut read = Properties::default();
        assert_eq!(read.load("x", text.as_bytes()), []);
        for (key, value) in pairs {
            assert_eq!(read.get(key).map(|e| e.value.as_str()), Some(value), "{text}");
        }
    }
}
