//! Tables for people, JSON for programs, and where the numbers come from.

use anyhow::Context;
use serde::Serialize;
use std::fs;
use std::path::Path;

/// The machine a number was measured on.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cpu: String,
    cpus: usize,
    memory_bytes: u64,
    kernel: String,
    build: &'static str,
}

impl Machine {
    pub(crate) fn here() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpuinfo.lines().find(|l| l.starts_with("model name")).and_then(|l| l.split_once(": "));
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let memory = meminfo.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok());
        Machine {
            cpu: cpu.map_or("unknown", |(_, name)| name).to_owned(),
            cpus: std::thread::available_parallelism().map_or(0, usize::from),
            memory_bytes: memory.unwrap_or(0) * 1024,
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            build: if cfg!(debug_assertions) {
                "debug build: the numbers mean nothing"
            } else {
                "release build"
            },
        }
    }

    /// One line above a table.
    pub(crate) fn line(&self) -> String {
        format!(
            "{} x {}, {} GiB, Linux {}, {}",
            self.cpus,
            self.cpu,
            self.memory_bytes >> 30,
            self.kernel,
            self.build
        )
    }
}

/// How much of the machine others use right now, in per cent: looked at for one second.
pub(crate) fn busy_percent() -> Option<f64> {
    let (busy, all) = cpu_ticks()?;
    std::thread::sleep(std::time::Duration::from_secs(1));
    let (busy_then, all_then) = cpu_ticks()?;
    Some(100.0 * (busy_then - busy) / (all_then - all).max(1.0))
}

/// Busy and all ticks of all CPUs since the start of the machine.
fn cpu_ticks() -> Option<(f64, f64)> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<f64> =
        stat.lines().next()?.split_whitespace().skip(1).filter_map(|t| t.parse().ok()).collect();
    let all: f64 = ticks.iter().take(8).sum();
    Some((all - ticks.get(3)? - ticks.get(4)?, all))
}

/// `one thing`, `2 things`.
pub(crate) fn count(n: usize, thing: &str) -> String {
    if n == 1 { format!("one {thing}") } else { format!("{n} {thing}s") }
}

/// A Markdown table: the first row is its head.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|t| t.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (n, row) in rows.iter().enumerate() {
        let cells: Vec<String> = widths
            .iter()
            .enumerate()
            .map(|(c, w)| format!("{:<w$}", row.get(c).map_or("", String::as_str)))
            .collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
        if n == 0 {
            let lines: Vec<String> = widths.iter().map(|w| "-".repeat(*w)).collect();
            text.push_str(&format!("|-{}-|\n", lines.join("-|-")));
        }
    }
    text
}

/// Writes `value` where `--json` says.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The middle one; of an even number the lower of the two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}

/// `1234567` as `1.23 M`.
pub(crate) fn short(n: f64) -> String {
    match n.abs() {
        n0 if n0 >= 1e9 => format!("{:.2} G", n / 1e9),
        n0 if n0 >= 1e6 => format!("{:.2} M", n / 1e6),
        n0 if n0 >= 1e3 => format!("{:.0} k", n / 1e3),
        _ => format!("{n:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_tables_read_well() {
        assert_eq!([1_234_567.0, 45_600.0, 12.4].map(short), ["1.23 M", "46 k", "12"]);
        assert_eq!(median(vec![5.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(vec![4.0, 1.0]), 1.0);
        assert_eq!(median(vec![]), 0.0);
        let rows = [vec!["a".to_owned(), "long".to_owned()], vec!["bbb".to_owned()]];
        assert_eq!(table(&rows), "| a   | long |\n|-----|------|\n| bbb |      |\n");
    }
}
