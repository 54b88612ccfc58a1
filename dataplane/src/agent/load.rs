//! From the command line to what is to be started.

use super::command_line::{AgentArgs, Jvm};
use super::launch::{Launch, LaunchChannel, LaunchRunner, LaunchSink, LaunchSource};
use super::order::Part;
use super::origin::{Origin, OriginError, origins};
use crate::config::{Kind, Properties, Settings, Value};
use crate::registry;
use std::sync::Arc;
use std::time::Duration;

/// A configuration that was read.
pub(super) struct Loaded {
    /// What it starts.
    pub launch: Launch,
    /// Where it came from.
    pub origins: Vec<Origin>,
}

/// Why nothing can be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    /// The command line lacks something.
    #[error("{0}")]
    Usage(String),
    /// The configuration cannot be had.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// It does not run.
    #[error("{0}")]
    Config(String),
}

/// Reads the configuration and picks the agent of this name.
pub(super) async fn load(args: &AgentArgs, _jvm: &Jvm) -> Result<Loaded, LoadError> {
    let origins = origins(args)?;
    let mut text = Properties::default();
    for origin in &origins {
        if !origin.has_refused_extension() {
            text.load(origin.shown(), &origin.read().await?);
        }
    }
    let name =
        args.name.clone().ok_or_else(|| LoadError::Usage("no agent was named: use -n NAME".to_owned()))?;
    let mut launch = Launch {
        agent: name.clone(),
        files: origins.iter().map(|o| o.shown().to_owned()).collect(),
        stop_timeout: Duration::from_secs(10),
        ..Launch::default()
    };
    for c in names(&text, &format!("{name}.channels")) {
        let channel = part(registry::CHANNELS, settings(&text, format!("{name}.channels.{c}")), "")?;
        launch.channels.push(LaunchChannel { name: Arc::from(c), channel, core: None });
    }
    for k in names(&text, &format!("{name}.sinks")) {
        let settings = settings(&text, format!("{name}.sinks.{k}"));
        let channel = Arc::from(settings.text("channel").unwrap_or_default());
        let sink = part(registry::SINKS, settings, "")?;
        launch.runners.push(LaunchRunner {
            name: Arc::from(k.as_str()),
            is_group: false,
            processor: part(registry::PROCESSORS, Settings::default(), "default")?,
            members: vec![LaunchSink { name: Arc::from(k), sink, channel }],
            core: None,
        });
    }
    for r in names(&text, &format!("{name}.sources")) {
        let settings = settings(&text, format!("{name}.sources.{r}"));
        let channels =
            settings.text("channels").unwrap_or_default().split_whitespace().map(Arc::from).collect();
        let interceptors = settings.text("interceptors").unwrap_or_default().split_whitespace();
        let interceptors = interceptors
            .map(|i| part(registry::INTERCEPTORS, settings.child(&format!("interceptors.{i}.")), ""))
            .collect::<Result<_, _>>()?;
        let selector = part(registry::SELECTORS, settings.child("selector."), "replicating")?;
        let source = part(registry::SOURCES, settings, "")?;
        launch.sources.push(LaunchSource {
            name: Arc::from(r),
            source,
            interceptors,
            selector,
            channels,
            core: None,
        });
    }
    Ok(Loaded { launch, origins })
}

fn names(text: &Properties, key: &str) -> Vec<String> {
    text.get(key).map(|e| e.value.split_whitespace().map(str::to_owned).collect()).unwrap_or_default()
}

fn settings(text: &Properties, prefix: String) -> Settings {
    let below = format!("{prefix}.");
    let entries = text.entries().iter().filter_map(|e| e.key.strip_prefix(&below).map(|k| (k, e)));
    let value =
        |e: &crate::config::Entry| Value { text: e.value.clone(), place: e.place.clone(), secret: false };
    Settings { values: entries.map(|(k, e)| (k.to_owned(), value(e))).collect(), prefix }
}

fn part<C: ?Sized>(
    kinds: &'static [&'static Kind<C>],
    settings: Settings,
    default: &str,
) -> Result<Part<C>, LoadError> {
    let kind = settings.text("type").unwrap_or(default);
    match registry::find(kinds, kind) {
        Some(kind) => Ok(Part { kind, settings }),
        None => Err(LoadError::Config(format!("{}.type: there is no type \"{kind}\"", settings.prefix))),
    }
}
