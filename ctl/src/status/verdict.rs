//! What a tired person should hear first: what is stuck and why, then what else is worth a thought.

use super::pair::Pair;
use crate::text;
use dataplane::control::{
    AgentState, ChannelStatus, ComponentState, SinkStatus, SourceStatus, ThreadRole, ThreadStatus,
};

/// A channel this full is about to refuse events.
const FULL_PERCENT: u64 = 90;
/// Events that wait longer than this, while nothing leaves, are stuck: longer than any sink's pause (5 s).
const STUCK_MS: u64 = 10_000;
/// A data core that is this late does not do its work.
const LATE_US: u64 = 50_000;
/// Fewer turns than this say little about 1 of 100.
const SURE_TURNS: u64 = 1_000;

/// A name and what is the matter with it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The component; empty for the agent.
    pub(crate) about: String,
    /// What is the matter.
    pub(crate) text: String,
}

/// What hinders events now, the causes before their effects.
pub(crate) fn troubles(pair: &Pair<'_>) -> Vec<Finding> {
    let now = pair.now;
    let mut found = Vec::new();
    let mut add = |about: &str, text: String| found.push(Finding { about: about.to_owned(), text });
    for sink in &now.sinks {
        if let Some(text) = not_running("sink", sink.state, &sink.why) {
            add(&sink.name, text);
        } else if is_growing(pair.sink(sink, |s| s.write_failures)) {
            add(&sink.name, format!("fails to deliver{}", because(&sink.why)));
        }
    }
    for channel in &now.channels {
        if let Some(text) = not_running("channel", channel.state, &channel.why) {
            add(&channel.name, text);
        } else if let Some(text) = channel_trouble(pair, channel) {
            add(&channel.name, text);
        }
    }
    for source in &now.sources {
        if let Some(text) = not_running("source", source.state, &source.why) {
            add(&source.name, text);
        } else if is_growing(pair.source(source, |s| s.events_refused)) {
            let total = text::events(source.events_refused);
            add(
                &source.name,
                format!("refuses events right now: {total} since the start{}", because(&source.why)),
            );
        }
    }
    let is_late = |t: &&ThreadStatus| {
        t.role == ThreadRole::DataCore && t.lag.count >= SURE_TURNS && t.lag.p99_us >= LATE_US
    };
    for thread in now.threads.iter().filter(is_late) {
        let lag = text::duration_us(thread.lag.p99_us);
        add(
            &thread.name,
            format!("thread comes back late: {lag} in 1 of 100 turns; its CPU is busy or taken away"),
        );
    }
    found
}

/// What is worth knowing and hinders nothing now.
pub(crate) fn notes(pair: &Pair<'_>) -> Vec<Finding> {
    let now = pair.now;
    let mut found = Vec::new();
    let mut add = |about: &str, text: String| found.push(Finding { about: about.to_owned(), text });
    let is_over = |state| state == ComponentState::Stopped && now.state == AgentState::Running;
    for source in now.sources.iter().filter(|s| is_over(s.state)) {
        add(&source.name, format!("source has ended{}", because(&source.why)));
    }
    for channel in now.channels.iter().filter(|c| c.would_lose_events > 0) {
        let events = text::events(channel.would_lose_events);
        add(&channel.name, format!("would lose {events} if the process died now"));
    }
    for source in &now.sources {
        let refused = source.events_refused > 0 && !is_growing(pair.source(source, |s| s.events_refused));
        if refused {
            add(&source.name, format!("has refused {} since the start", text::events(source.events_refused)));
        }
        if source.state == ComponentState::Running && !source.why.is_empty() {
            add(&source.name, format!("last trouble: {}", source.why));
        }
    }
    for sink in now.sinks.iter().filter(|s| s.state == ComponentState::Running && !s.why.is_empty()) {
        add(&sink.name, format!("last trouble: {}", sink.why));
    }
    for warning in &now.warnings {
        let mut text = warning.message.clone();
        if !warning.help.is_empty() {
            text = format!("{text}; {}", warning.help);
        }
        if !warning.file.is_empty() {
            text = format!("{text} ({}:{})", warning.file, warning.line);
        }
        add(&warning.about, text);
    }
    found
}

fn not_running(kind: &str, state: ComponentState, why: &str) -> Option<String> {
    let because = because(why);
    match state {
        ComponentState::Running | ComponentState::Stopping => None,
        ComponentState::Starting => (!why.is_empty()).then(|| format!("{kind} is still starting{because}")),
        // It came to its end: a note, no trouble. What ends with an error is tried again.
        ComponentState::Stopped => None,
        ComponentState::Retrying => Some(format!("{kind} does not run, and is tried again{because}")),
        ComponentState::Dropped => Some(format!("{kind} will not run until the file changes{because}")),
        ComponentState::Unknown => Some(format!("{kind} is in a state that this ctl does not know{because}")),
    }
}

fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}

fn is_growing(rate: Option<f64>) -> bool {
    rate.is_some_and(|r| r > 0.0)
}

fn channel_trouble(pair: &Pair<'_>, channel: &ChannelStatus) -> Option<String> {
    if pair.now.state != AgentState::Running {
        return None;
    }
    let sinks: Vec<&SinkStatus> = pair.now.sinks.iter().filter(|s| s.channel == channel.name).collect();
    let out = pair.channel(channel, |c| c.take_successes);
    let holds = holding(pair, channel);
    let is_full =
        channel.capacity_events > 0 && channel.events * 100 >= channel.capacity_events * FULL_PERCENT;
    let is_refusing = is_growing(pair.channel(channel, |c| c.full_refusals));
    if sinks.is_empty() {
        return (channel.events > 0).then(|| format!("has no sink, so nothing leaves it; {holds}"));
    }
    if channel.events > 0 && !sinks.iter().any(|s| s.state == ComponentState::Running) {
        let names: Vec<&str> = sinks.iter().map(|s| s.name.as_str()).collect();
        return Some(format!("nothing leaves it while {} does not run; {holds}", text::listing(&names)));
    }
    if is_full || is_refusing {
        let refusing = if is_refusing { ", and refuses more" } else { "" };
        return Some(match (pair.channel(channel, |c| c.put_successes), out) {
            (Some(put), Some(out)) => format!(
                "{holds}{refusing}: {} events/s come in, {}/s leave",
                text::rate(put),
                text::rate(out)
            ),
            _ => format!("{holds}{refusing}"),
        });
    }
    let is_stuck = channel.events > 0 && channel.oldest_ms >= STUCK_MS && out == Some(0.0);
    is_stuck.then(|| {
        let names: Vec<&str> = sinks.iter().map(|s| s.name.as_str()).collect();
        format!("nothing leaves it, though {} runs; {holds}", text::listing(&names))
    })
}

/// `holds 1,000 of 1,000 events, the oldest 42 s old; r1 has to wait`.
fn holding(pair: &Pair<'_>, channel: &ChannelStatus) -> String {
    let of = match channel.capacity_events {
        0 => text::events(channel.events),
        capacity => format!("{} of {}", text::count(channel.events), text::events(capacity)),
    };
    let mut holds = format!("holds {of}, the oldest {} old", text::duration_ms(channel.oldest_ms));
    if channel.capacity_events > 0 && channel.events >= channel.capacity_events {
        let feeds =
            |s: &&SourceStatus| s.state == ComponentState::Running && s.channels.contains(&channel.name);
        let names: Vec<&str> = pair.now.sources.iter().filter(feeds).map(|s| s.name.as_str()).collect();
        if !names.is_empty() {
            let verb = if names.len() == 1 { "has" } else { "have" };
            holds.push_str(&format!("; {} {verb} to wait", text::listing(&names)));
        }
    }
    holds
}
