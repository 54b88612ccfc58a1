//! Which thread runs what. Pure: from a launch and the CPUs at hand.
//!
//! Sources go to the first core and up, sink runners to the last and down, so that on two cores receiving and delivering do
//! not share one. A channel lives with its first source; when that runs on a file or client thread, on the core with the
//! fewest channels.

use super::launch::Launch;
use crate::config::RunsOn;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a thread is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThreadKind {
    /// A data core, pinned to a CPU if one was free.
    Data(Option<u32>),
    /// A file thread.
    File,
    /// A client thread.
    Client,
}

/// Threads, and for each component the index of its thread.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Placement {
    /// Data cores first.
    pub threads: Vec<ThreadKind>,
    /// By name.
    pub channels: BTreeMap<Arc<str>, usize>,
    /// By name.
    pub sources: BTreeMap<Arc<str>, usize>,
    /// By name.
    pub runners: BTreeMap<Arc<str>, usize>,
}

/// How many data cores the components of this launch can use, and which CPUs they ask for by number.
pub(super) fn wanted(launch: &Launch) -> (usize, Vec<u32>) {
    let data_sources =
        launch.sources.iter().filter(|s| s.source.kind.info.runs_on == RunsOn::DataCore).count();
    let data_runners = launch.runners.iter().filter(|r| runs_on(r) == RunsOn::DataCore).count();
    let mut named: Vec<u32> = launch
        .sources
        .iter()
        .map(|s| s.core)
        .chain(launch.runners.iter().map(|r| r.core))
        .chain(launch.channels.iter().map(|c| c.core))
        .flatten()
        .collect();
    named.sort_unstable();
    named.dedup();
    let most = launch.cores.map_or(usize::MAX, |c| c.max(1) as usize);
    ((data_sources + data_runners).clamp(1, most).max(named.len()), named)
}

fn runs_on(runner: &super::launch::LaunchRunner) -> RunsOn {
    // A group works on one thread: a member that needs files or a client takes the others with it.
    let kinds = || runner.members.iter().map(|m| m.sink.kind.info.runs_on);
    if kinds().any(|k| k == RunsOn::Client) {
        RunsOn::Client
    } else if kinds().any(|k| k == RunsOn::File) {
        RunsOn::File
    } else {
        RunsOn::DataCore
    }
}

/// Places everything on `cpus` (one data core each; `None` is not pinned), which must not be empty.
pub(super) fn place(launch: &Launch, cpus: &[Option<u32>]) -> Placement {
    assert!(!cpus.is_empty(), "there is at least one data core");
    let mut placement = Placement {
        threads: cpus.iter().map(|&cpu| ThreadKind::Data(cpu)).collect(),
        ..Placement::default()
    };
    let on_cpu = |cpu: Option<u32>| cpu.and_then(|cpu| cpus.iter().position(|c| *c == Some(cpu)));
    let mut turn = 0;
    for source in &launch.sources {
        let thread = match (on_cpu(source.core), source.source.kind.info.runs_on) {
            (Some(thread), RunsOn::DataCore) => thread,
            (None, RunsOn::DataCore) => {
                turn += 1;
                (turn - 1) % cpus.len()
            }
            (_, other) => placement.extra(other),
        };
        placement.sources.insert(source.name.clone(), thread);
    }
    let mut turn = 0;
    for runner in &launch.runners {
        let thread = match (on_cpu(runner.core), runs_on(runner)) {
            (Some(thread), RunsOn::DataCore) => thread,
            (None, RunsOn::DataCore) => {
                turn += 1;
                cpus.len() - 1 - (turn - 1) % cpus.len()
            }
            (_, other) => placement.extra(other),
        };
        placement.runners.insert(runner.name.clone(), thread);
    }
    for channel in &launch.channels {
        let first = launch.sources.iter().find(|s| s.channels.contains(&channel.name));
        let with_source = first.map(|s| placement.sources[&s.name]).filter(|&t| t < cpus.len());
        let thread = on_cpu(channel.core).or(with_source).unwrap_or_else(|| {
            let load = |t: &usize| placement.channels.values().filter(|c| *c == t).count();
            (0..cpus.len()).min_by_key(load).expect("there is at least one data core")
        });
        placement.channels.insert(channel.name.clone(), thread);
    }
    placement
}

impl Placement {
    /// The index of the one thread of this kind, added when it is first needed.
    fn extra(&mut self, runs_on: RunsOn) -> usize {
        let kind = if runs_on == RunsOn::Client { ThreadKind::Client } else { ThreadKind::File };
        self.threads.iter().position(|t| *t == kind).unwrap_or_else(|| {
            self.threads.push(kind);
            self.threads.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::launch::{LaunchChannel, LaunchRunner, LaunchSink, LaunchSource};
    use super::super::plan::Part;
    use super::*;
    use crate::config::{Kind, KindInfo, Settings};
    use crate::event::{Advice, Error};
    use crate::pipeline::{SelectorSpec, Sink, SinkProcessor, Source};

    const fn info(runs_on: RunsOn) -> KindInfo {
        KindInfo {
            names: &["test"],
            summary: "A test.",
            runs_on,
            settings: &[],
            open_prefixes: &[],
            unsupported: &[],
            batch_size_key: None,
        }
    }

    fn never<T>() -> Result<T, Error> {
        Err(Error::new(Advice::Stop, "placement builds nothing"))
    }

    static DATA_SOURCE: Kind<dyn Source> = Kind { info: info(RunsOn::DataCore), build: |_| never() };
    static FILE_SOURCE: Kind<dyn Source> = Kind { info: info(RunsOn::File), build: |_| never() };
    static DATA_SINK: Kind<dyn Sink> = Kind { info: info(RunsOn::DataCore), build: |_| never() };
    static CLIENT_SINK: Kind<dyn Sink> = Kind { info: info(RunsOn::Client), build: |_| never() };
    static SELECTOR: Kind<dyn SelectorSpec> = Kind { info: info(RunsOn::DataCore), build: |_| never() };
    static PROCESSOR: Kind<dyn SinkProcessor> = Kind { info: info(RunsOn::DataCore), build: |_| never() };

    fn part<C: ?Sized>(kind: &'static Kind<C>) -> Part<C> {
        Part { kind, settings: Settings::default() }
    }

    fn source(name: &str, kind: &'static Kind<dyn Source>, channel: &str, core: Option<u32>) -> LaunchSource {
        LaunchSource {
            name: name.into(),
            source: part(kind),
            interceptors: Vec::new(),
            selector: part(&SELECTOR),
            channels: vec![channel.into()],
            core,
        }
    }

    fn runner(name: &str, kinds: &[&'static Kind<dyn Sink>]) -> LaunchRunner {
        let member = |kind: &&'static Kind<dyn Sink>| LaunchSink {
            name: name.into(),
            sink: part(kind),
            channel: "c1".into(),
        };
        LaunchRunner {
            name: name.into(),
            is_group: kinds.len() > 1,
            processor: part(&PROCESSOR),
            members: kinds.iter().map(member).collect(),
            core: None,
        }
    }

    fn launch(sources: Vec<LaunchSource>, runners: Vec<LaunchRunner>) -> Launch {
        let channel = |name: &str| LaunchChannel {
            name: name.into(),
            channel: part(&crate::channel::memory::KIND),
            core: None,
        };
        Launch { sources, runners, channels: vec![channel("c1"), channel("c2")], ..Launch::default() }
    }

    #[test]
    fn receiving_and_delivering_do_not_share_a_core_when_there_are_two() {
        let l = launch(vec![source("r1", &DATA_SOURCE, "c1", None)], vec![runner("k1", &[&DATA_SINK])]);
        assert_eq!(wanted(&l), (2, vec![]));
        let p = place(&l, &[Some(0), Some(1)]);
        assert_eq!((p.sources["r1"], p.runners["k1"], p.channels["c1"]), (0, 1, 0));
        let p = place(&l, &[None]);
        assert_eq!((p.sources["r1"], p.runners["k1"], p.channels["c1"]), (0, 0, 0));
    }

    #[test]
    fn files_and_clients_get_a_thread_of_their_own_when_something_needs_it() {
        let l = launch(
            vec![source("r1", &FILE_SOURCE, "c1", None), source("r2", &FILE_SOURCE, "c2", None)],
            vec![runner("k1", &[&DATA_SINK, &CLIENT_SINK])],
        );
        assert_eq!(wanted(&l), (1, vec![]));
        let p = place(&l, &[Some(3)]);
        assert_eq!(p.threads, [ThreadKind::Data(Some(3)), ThreadKind::File, ThreadKind::Client]);
        assert_eq!((p.sources["r1"], p.sources["r2"], p.runners["k1"]), (1, 1, 2));
        // A channel is owned by a data core, also when its source is not on one.
        assert_eq!((p.channels["c1"], p.channels["c2"]), (0, 0));
    }

    #[test]
    fn a_component_goes_where_it_was_told() {
        let mut l = launch(
            vec![source("r1", &DATA_SOURCE, "c1", Some(5)), source("r2", &DATA_SOURCE, "c2", None)],
            vec![runner("k1", &[&DATA_SINK])],
        );
        assert_eq!(wanted(&l), (3, vec![5]));
        l.cores = Some(2);
        assert_eq!(wanted(&l), (2, vec![5]));
        let p = place(&l, &[Some(0), Some(5)]);
        assert_eq!((p.sources["r1"], p.sources["r2"], p.channels["c1"], p.channels["c2"]), (1, 0, 1, 0));
    }
}
