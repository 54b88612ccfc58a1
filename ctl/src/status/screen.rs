//! The status as lines of text.

use super::pair::Pair;
use super::verdict::{self, Finding};
use crate::text::{self, Lean::Left, Lean::Right, Table};
use dataplane::control::{AgentState, ComponentState, ThreadRole};

/// How lines may look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Columns of the terminal; texts are wrapped, tables lose columns. None: as wide as they get.
    pub(crate) width: Option<usize>,
    /// Lines that fit; a screen that is too long loses its threads. None: as long as it gets.
    pub(crate) height: Option<usize>,
    /// Whether escape sequences for colours may be printed.
    pub(crate) colours: bool,
}

/// Columns that go first when the terminal is narrow.
const SPARE: &[&str] =
    &["BYTES", "GROUP", "TO", "RESTARTS", "CPU", "TYPE", "PUT P99", "BATCH P99", "IN HAND", "OF"];

/// The whole screen.
pub(crate) fn screen(pair: &Pair<'_>, look: Look) -> Vec<String> {
    let troubles = verdict::troubles(pair);
    let mut lines = vec![paint(look, BOLD, headline(pair, troubles.len()))];
    lines.extend(facts(pair));
    if !troubles.is_empty() {
        lines.push(String::new());
        lines.push(paint(look, RED, "TROUBLE".to_owned()));
        lines.extend(findings(&troubles, look));
    }
    for table in [sources(pair), channels(pair), sinks(pair)] {
        lines.extend(section(&table, look));
    }
    let threads = section(&threads(pair), look);
    let mut end = Vec::new();
    let notes = verdict::notes(pair);
    if !notes.is_empty() {
        end.push(String::new());
        end.push(paint(look, BOLD, "TO KNOW".to_owned()));
        end.extend(findings(&notes, look));
    }
    if look.height.is_none_or(|height| lines.len() + threads.len() + end.len() <= height) {
        lines.extend(threads);
    }
    lines.extend(end);
    lines
}

/// A table below an empty line; nothing when it has no rows.
fn section(table: &Table, look: Look) -> Vec<String> {
    let mut rows = table.lines_within(look.width.unwrap_or(usize::MAX), SPARE).into_iter();
    let heading = rows.next().unwrap_or_default();
    if rows.len() == 0 {
        return Vec::new();
    }
    [String::new(), paint(look, BOLD, heading)].into_iter().chain(rows).collect()
}

fn headline(pair: &Pair<'_>, troubles: usize) -> String {
    let now = pair.now;
    let name = text::clean(&now.agent);
    let rates = |source_sum: f64, sink_sum: f64| match (source_sum > 0.0, sink_sum > 0.0) {
        (false, false) => "no events move right now".to_owned(),
        _ => format!("{} events/s come in, {}/s go out", text::rate(source_sum), text::rate(sink_sum)),
    };
    let into: f64 = now.sources.iter().filter_map(|s| pair.source(s, |s| s.events_accepted)).sum();
    let out: f64 = now.sinks.iter().filter_map(|s| pair.sink(s, |s| s.events_delivered)).sum();
    let flow = if pair.has_rates() { format!("; {}", rates(into, out)) } else { String::new() };
    match (now.state, troubles) {
        (AgentState::Running, 0) => format!("{name} is running{flow}"),
        (AgentState::Running, _) => format!("{name} is running, but not well{flow}"),
        (AgentState::Starting, _) => format!("{name} is starting"),
        (AgentState::Stopping, _) => {
            let left: u64 = now.channels.iter().map(|c| c.events).sum();
            format!("{name} is stopping: {} left in its channels", text::events(left))
        }
        (AgentState::Unknown, _) => format!("{name} is in a state that this ctl does not know{flow}"),
    }
}

fn facts(pair: &Pair<'_>) -> Vec<String> {
    let now = pair.now;
    let mut facts = vec![
        format!("up {}", text::duration_ms(now.uptime_ms)),
        format!("process {}", now.pid),
        format!("penstock {}", text::clean(&now.version)),
    ];
    if now.memory_bytes > 0 {
        facts.push(format!("{} of memory", text::bytes(now.memory_bytes)));
    }
    if let Some(percent) = pair.cpu_percent() {
        facts.push(format!("{percent:.0} % of a CPU"));
    }
    let mut lines = vec![format!("  {}", facts.join(", "))];
    if !now.config_files.is_empty() {
        let times = match now.generation {
            0 | 1 => String::new(),
            n => format!(", configuration {n} since the start"),
        };
        lines.push(format!("  runs {}{times}", text::listing(&now.config_files)));
    }
    lines
}

fn findings(list: &[Finding], look: Look) -> Vec<String> {
    let names: Vec<String> = list.iter().map(|f| text::clean(&f.about)).collect();
    let widest = names.iter().map(|n| n.chars().count()).max().unwrap_or(0).min(24);
    let indent = if widest == 0 { 2 } else { widest + 4 };
    let room = look.width.unwrap_or(usize::MAX).saturating_sub(indent).max(30);
    let mut lines = Vec::new();
    for (name, finding) in names.iter().zip(list) {
        let mut label = format!("  {name:widest$}  ");
        if widest == 0 {
            label = "  ".to_owned();
        }
        for part in text::wrap(&text::clean(&finding.text), room) {
            lines.push(format!("{label}{part}"));
            label = " ".repeat(indent);
        }
    }
    lines
}

fn sources(pair: &Pair<'_>) -> Table {
    let mut table = Table::new(&[
        ("SOURCE", Left),
        ("TYPE", Left),
        ("STATE", Left),
        ("EVENTS/S", Right),
        ("ACCEPTED", Right),
        ("BYTES", Right),
        ("FILTERED", Right),
        ("REFUSED", Right),
        ("CLIENTS", Right),
        ("RESTARTS", Right),
        ("PUT P99", Right),
        ("CPU", Right),
        ("TO", Left),
        ("LISTENS", Left),
    ]);
    for s in &pair.now.sources {
        table.row(vec![
            s.name.clone(),
            short_type(&s.kind),
            word(s.state),
            rate(pair.source(s, |s| s.events_accepted)),
            text::count(s.events_accepted),
            text::bytes(s.bytes),
            unless_zero(s.events_filtered),
            unless_zero(s.events_refused),
            unless_zero(s.open_connections),
            unless_zero(s.restarts),
            latency(s.put_latency.count, s.put_latency.p99_us),
            cpu(s.core, s.state),
            s.channels.join(" "),
            s.listens.clone(),
        ]);
    }
    table
}

fn channels(pair: &Pair<'_>) -> Table {
    let mut table = Table::new(&[
        ("CHANNEL", Left),
        ("TYPE", Left),
        ("STATE", Left),
        ("IN/S", Right),
        ("OUT/S", Right),
        ("HOLDS", Right),
        ("OF", Right),
        ("FULL", Right),
        ("BYTES", Right),
        ("IN HAND", Right),
        ("OLDEST", Right),
        ("WOULD LOSE", Right),
        ("CPU", Right),
    ]);
    for c in &pair.now.channels {
        let is_bounded = c.capacity_events > 0;
        table.row(vec![
            c.name.clone(),
            short_type(&c.kind),
            word(c.state),
            rate(pair.channel(c, |c| c.put_successes)),
            rate(pair.channel(c, |c| c.take_successes)),
            text::count(c.events),
            if is_bounded { text::count(c.capacity_events) } else { String::new() },
            if is_bounded { percent(c.events, c.capacity_events) } else { String::new() },
            text::bytes(c.bytes),
            unless_zero(c.leased_events),
            if c.events > 0 { text::duration_ms(c.oldest_ms) } else { String::new() },
            unless_zero(c.would_lose_events),
            cpu(c.core, c.state),
        ]);
    }
    table
}

fn sinks(pair: &Pair<'_>) -> Table {
    let mut table = Table::new(&[
        ("SINK", Left),
        ("TYPE", Left),
        ("STATE", Left),
        ("EVENTS/S", Right),
        ("DELIVERED", Right),
        ("BYTES", Right),
        ("FAILURES", Right),
        ("RESTARTS", Right),
        ("BATCH P99", Right),
        ("CPU", Right),
        ("FROM", Left),
        ("GROUP", Left),
    ]);
    for s in &pair.now.sinks {
        table.row(vec![
            s.name.clone(),
            short_type(&s.kind),
            word(s.state),
            rate(pair.sink(s, |s| s.events_delivered)),
            text::count(s.events_delivered),
            text::bytes(s.bytes),
            unless_zero(s.write_failures + s.channel_failures + s.connections_failed),
            unless_zero(s.restarts),
            latency(s.process_latency.count, s.process_latency.p99_us),
            cpu(s.core, s.state),
            s.channel.clone(),
            s.group.clone(),
        ]);
    }
    table
}

fn threads(pair: &Pair<'_>) -> Table {
    let mut table = Table::new(&[
        ("THREAD", Left),
        ("FOR", Left),
        ("CPU", Right),
        ("I/O", Left),
        ("LATE P99", Right),
        ("LATE MAX", Right),
    ]);
    for t in &pair.now.threads {
        let role = match t.role {
            ThreadRole::DataCore => "data",
            ThreadRole::File => "files",
            ThreadRole::Client => "clients, children",
            ThreadRole::Housekeeping => "control, log",
            ThreadRole::Unknown => "?",
        };
        table.row(vec![
            t.name.clone(),
            role.to_owned(),
            t.cpu.map_or("any".to_owned(), |cpu| cpu.to_string()),
            t.io.clone(),
            latency(t.lag.count, t.lag.p99_us),
            latency(t.lag.count, t.lag.max_us),
        ]);
    }
    table
}

/// The last part of a class name; aliases as they are.
fn short_type(kind: &str) -> String {
    kind.rsplit('.').next().unwrap_or(kind).to_owned()
}

fn word(state: ComponentState) -> String {
    match state {
        ComponentState::Starting => "starting",
        ComponentState::Running => "running",
        ComponentState::Retrying => "RETRYING",
        ComponentState::Stopping => "stopping",
        ComponentState::Stopped => "STOPPED",
        ComponentState::Dropped => "DROPPED",
        ComponentState::Unknown => "?",
    }
    .to_owned()
}

fn rate(per_s: Option<f64>) -> String {
    per_s.map(text::rate).unwrap_or_default()
}

fn unless_zero(n: u64) -> String {
    if n == 0 { String::new() } else { text::count(n) }
}

fn latency(count: u64, us: u64) -> String {
    if count == 0 { String::new() } else { text::duration_us(us) }
}

fn cpu(core: Option<u32>, state: ComponentState) -> String {
    match (core, state) {
        (Some(cpu), _) => cpu.to_string(),
        (None, ComponentState::Dropped) => String::new(),
        (None, _) => "any".to_owned(),
    }
}

fn percent(part: u64, whole: u64) -> String {
    // Rounded up: 1 of 1,000 is not empty, and only all of it is 100 %.
    let percent = (u128::from(part) * 100).div_ceil(u128::from(whole).max(1));
    let percent = if part < whole { percent.min(99) } else { percent };
    format!("{percent} %")
}

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[1;31m";

fn paint(look: Look, start: &str, line: String) -> String {
    if look.colours { format!("{start}{line}\x1b[0m") } else { line }
}

#[cfg(test)]
mod tests;
