//! Flume and ours, started once for all tests that need both.

use crate::flume::{Flume, command};
use crate::harness::{Agent, Launch, Nc, Scene, free_port, wait_until};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

const CONF: &str = include_str!("both.conf");
/// `PORT_…` of the sources that listen.
const SOURCES: [&str; 13] = [
    "LINES",
    "ODD",
    "LATIN",
    "WIDE",
    "SILENT",
    "FEW",
    "MANY",
    "CZ",
    "US",
    "ELSEWHERE",
    "COPIES",
    "FULL",
    "HEAVY",
];
/// Below `OUT`; Flume's `file_roll` wants them there.
const FOLDERS: [&str; 14] = [
    "whole", "mapped1", "mapped2", "mapped3", "copy1", "copy2", "numbers", "files", "encoded", "followed",
    "live", "plain", "shell", "charset",
];

/// One of the two.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    process: Process,
    out: PathBuf,
    ports: HashMap<&'static str, u16>,
}

enum Process {
    Flume(Flume),
    Ours(Agent),
}

/// Both, with the same folder of files to follow.
pub(crate) struct Pair {
    pub(crate) flume: Side,
    pub(crate) ours: Side,
    /// What both follow.
    pub(crate) input: PathBuf,
    _scene: Scene,
}

/// The pair that runs; it ends with the last test that holds it, and is started when there is none. None without Flume.
pub(crate) fn pair() -> Option<Arc<Pair>> {
    static RUNNING: Mutex<Weak<Pair>> = Mutex::new(Weak::new());
    let command = command()?;
    let mut running = RUNNING.lock().expect("another test could not start them");
    if let Some(pair) = running.upgrade() {
        return Some(pair);
    }
    let pair = Arc::new(Pair::start(&command));
    *running = Arc::downgrade(&pair);
    Some(pair)
}

impl Pair {
    fn start(command: &str) -> Self {
        let scene = Scene::new();
        let input = scene.folder("in");
        crate::taildir::fill(&input);
        let conf = scene.file("both.conf", CONF);
        let (out, ports, env) = surroundings(&scene, "flume", &input);
        let process = Process::Flume(Flume::start(command, &scene, &conf, &env));
        let flume = Side { name: "Flume", process, out, ports };
        let (out, ports, env) = surroundings(&scene, "ours", &input);
        let launch = Launch::new(&scene, "a1").arg("-f").arg(conf.to_str().unwrap());
        let agent = env.iter().fold(launch, |launch, (name, value)| launch.env(name, value)).spawn();
        agent.ready();
        let ours = Side { name: "ours", process: Process::Ours(agent), out, ports };
        Pair { flume, ours, input, _scene: scene }
    }

    /// Asks both the same and gives Flume's answer, then ours.
    pub(crate) fn both<T>(&self, ask: impl Fn(&Side) -> T) -> (T, T) {
        (ask(&self.flume), ask(&self.ours))
    }

    /// Waits until both have written what `done` waits for into this folder, and compares it.
    #[track_caller]
    pub(crate) fn same_text(&self, folder: &str, done: impl Fn(&str) -> bool) -> String {
        for side in [&self.flume, &self.ours] {
            let text = || String::from_utf8_lossy(&side.written(folder)).into_owned();
            wait_until(&format!("all is in {folder} of {}", side.name), || done(&text()));
        }
        let (flume, ours) = self.both(|side| side.written(folder));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(&ours), text(&flume), "{folder}: ours, Flume's");
        assert_eq!(ours, flume, "{folder}: ours, Flume's");
        text(&flume)
    }
}

impl Side {
    /// A connection to a source.
    #[track_caller]
    pub(crate) fn connect(&self, source: &str) -> Nc {
        Nc::connect(self.ports[source])
    }

    /// Where its output lies.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.out.join(name)
    }

    /// Everything in the files of one sink.
    pub(crate) fn written(&self, folder: &str) -> Vec<u8> {
        written(&self.path(folder))
    }

    /// What the logger sinks printed: the text after `Event: `, where it contains `part`.
    pub(crate) fn events(&self, part: &str) -> Vec<String> {
        let log = match &self.process {
            Process::Flume(flume) => flume.log(),
            Process::Ours(agent) => agent.log(),
        };
        let events = log.split('\n').filter_map(|line| line.split_once("Event: "));
        events.filter(|(_, event)| event.contains(part)).map(|(_, event)| event.to_owned()).collect()
    }
}

/// Everything in a folder's files, in the order of names.
pub(crate) fn written(folder: &Path) -> Vec<u8> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files.iter().flat_map(|f| fs::read(f).unwrap()).collect()
}

/// Folders, ports, and the environment that names them to the configuration.
fn surroundings(
    scene: &Scene,
    name: &str,
    input: &Path,
) -> (PathBuf, HashMap<&'static str, u16>, Vec<(String, String)>) {
    let out = scene.folder(name);
    FOLDERS.iter().for_each(|f| drop(scene.folder(&format!("{name}/{f}"))));
    let ports: HashMap<_, _> = SOURCES.iter().map(|s| (*s, free_port())).collect();
    let mut env: Vec<_> = ports.iter().map(|(s, port)| (format!("PORT_{s}"), port.to_string())).collect();
    env.push(("OUT".to_owned(), out.to_str().unwrap().to_owned()));
    env.push(("IN".to_owned(), input.to_str().unwrap().to_owned()));
    (out, ports, env)
}
