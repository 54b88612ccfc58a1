//! The printed form.

use super::once::{Run, Times};
use super::{Results, Source};
use crate::report::{count, median, short, table};
use clap::ValueEnum;

/// What was measured, and its table.
pub(super) fn text(results: &Results<'_>) -> String {
    let o = results.options;
    let load = match o.source {
        Source::Netcat => {
            format!(
                "{}, lines of {} B, ack-every-event = {}",
                count(o.connections, "connection"),
                o.size,
                o.ack
            )
        }
        Source::Seq => format!("batches of {}", o.batch),
        Source::Stress => format!("bodies of {} B, batches of {}", o.size, o.batch),
    };
    let name = |v: Option<clap::builder::PossibleValue>| v.map_or(String::new(), |v| v.get_name().to_owned());
    let head = format!(
        "{} -> {} -> {}: {load}; capacity {}, transactionCapacity {}, sink batchSize {}; {} of {} s, --io {}\n\n",
        name(o.source.to_possible_value()),
        name(o.channel.to_possible_value()),
        name(o.sink.to_possible_value()),
        o.channel_capacity,
        o.transaction_capacity,
        o.batch,
        count(o.runs, "run"),
        o.seconds,
        o.io
    );
    head + &table(&rows(results))
}

fn rows(results: &Results<'_>) -> Vec<Vec<String>> {
    let m = &results.median;
    let all = |get: fn(&Run) -> f64, show: &dyn Fn(f64) -> String| {
        let values: Vec<f64> = results.runs.iter().map(get).collect();
        let (least, most) = (
            values.iter().copied().fold(f64::INFINITY, f64::min),
            values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        );
        vec![show(median(values)), show(least), show(most)]
    };
    let one = |digits: usize| move |v: f64| format!("{v:.digits$}");
    let mut rows = vec![["", "median", "min", "max"].map(str::to_owned).to_vec()];
    let mut row = |what: &str, cells: Vec<String>| {
        rows.push(std::iter::once(what.to_owned()).chain(cells).collect());
    };
    row("events/s", all(|r| r.events_per_s, &short));
    row("MB/s of bodies", all(|r| r.mb_per_s, &one(0)));
    let limit = match results.options.source {
        Source::Netcat => "loopback TCP alone, MB/s",
        Source::Seq | Source::Stress => "memory copy alone, MB/s",
    };
    row(limit, all(|r| r.limit_mb_per_s, &one(0)));
    row("part of that limit", vec![format!("{:.0} %", 100.0 * m.mb_per_s / m.limit_mb_per_s)]);
    row("CPU s per million events", all(|r| r.cpu_s_per_m, &one(2)));
    row("start to ready, ms", all(|r| r.start_ms, &one(1)));
    if m.idle_rss_mib.is_some() {
        row("idle memory, MiB", all(|r| r.idle_rss_mib.unwrap_or_default(), &one(1)));
        row("idle CPU, ms per s", all(|r| r.idle_cpu_ms_per_s.unwrap_or_default(), &one(1)));
    }
    row("peak memory, MiB", all(|r| r.peak_rss_mib, &one(1)));
    let times = |t: Times| vec![format!("p50 {:.0}, p99 {:.0}, max {:.0}", t.p50_us, t.p99_us, t.max_us)];
    row("line to OK under load, us", times(m.probe));
    row("batch into channel, us", times(m.put));
    row("batch through sink, us", times(m.process));
    rows
}
