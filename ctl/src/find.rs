//! Finding agents: the sockets in the folders where agents put them, and who listens there.

use crate::client::{AskError, Client};
use crate::failure::{Failure, code};
use crate::text;
use dataplane::control::{Surroundings, Version, file_stem};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long one socket may take to say who it is: a stopped agent does not hold up the list of the others.
const PROBE: Duration = Duration::from_secs(1);
/// Sockets looked at; more than that is no folder of ours.
const MOST_SOCKETS: usize = 1_000;

/// Who is behind a socket.
#[derive(Debug)]
pub(crate) enum Found {
    /// An agent.
    Alive(Version),
    /// Nobody: the agent died.
    Stale,
    /// Somebody who does not answer as an agent does.
    Mute {
        /// What happened instead.
        why: String,
        /// The process, where the kernel tells.
        pid: Option<i32>,
    },
}

/// One socket.
#[derive(Debug)]
pub(crate) struct Socket {
    /// Where.
    pub(crate) path: PathBuf,
    /// Who.
    pub(crate) found: Found,
}

impl Socket {
    /// What its file is called after: the agent's name, escaped, perhaps with a process id.
    pub(crate) fn stem(&self) -> String {
        self.path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Whether its file is called as that of an agent called `name` would be.
    fn may_be(&self, name: &str) -> bool {
        let stem = self.stem();
        let rest = stem.strip_prefix(&file_stem(name));
        rest.is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix('-').is_some_and(|pid| pid.parse::<u32>().is_ok())
        })
    }
}

/// An agent to talk to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Its name.
    pub(crate) name: String,
    /// Its socket.
    pub(crate) client: Client,
}

/// What was looked at and found.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Folders, as they were looked at.
    pub(crate) folders: Vec<PathBuf>,
    /// Folders that this user may not read.
    pub(crate) closed: Vec<PathBuf>,
    /// Every socket in them.
    pub(crate) sockets: Vec<Socket>,
}

/// Looks into every folder where agents of this user (for root: of anybody) have their sockets.
pub(crate) async fn survey(around: &Surroundings) -> Survey {
    let mut survey = Survey::default();
    let mut probes = Vec::new();
    for folder in folders(around) {
        match sockets_in(&folder) {
            Ok(paths) => probes.extend(paths.into_iter().map(|path| tokio::spawn(probe(path)))),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                survey.closed.push(folder.clone())
            }
            Err(_) => {}
        }
        survey.folders.push(folder);
    }
    for probe in probes {
        if let Ok(socket) = probe.await {
            survey.sockets.push(socket);
        }
    }
    survey
}

/// The agent that `name` and `control` mean, or the only one.
///
/// # Errors
/// A sentence that says what was tried, found, and what to do.
pub(crate) async fn target(name: Option<&str>, control: Option<&Path>) -> Result<Target, Failure> {
    if let Some(path) = control {
        let client = Client::new(path);
        let version: Version =
            client.get("/version").await.map_err(|e| e.explain(name.unwrap_or("the agent"), path))?;
        if let Some(name) = name.filter(|n| *n != version.agent) {
            return Err(Failure::new(
                code::NO_AGENT,
                format!("{} belongs to agent {}, not to {name}", path.display(), version.agent),
            ));
        }
        return Ok(Target { name: version.agent, client });
    }
    choose(name, &survey(&Surroundings::of_process()).await)
}

fn choose(name: Option<&str>, survey: &Survey) -> Result<Target, Failure> {
    let alive: Vec<(&Socket, &Version)> = survey
        .sockets
        .iter()
        .filter_map(|s| match &s.found {
            Found::Alive(version) => Some((s, version)),
            _ => None,
        })
        .filter(|(_, version)| name.is_none_or(|n| n == version.agent))
        .collect();
    // Several of one name: those of the first folder are meant.
    let first_folder = alive.first().and_then(|(socket, _)| socket.path.parent());
    let nearest: Vec<_> = match name {
        Some(_) => alive.iter().filter(|(s, _)| s.path.parent() == first_folder).collect(),
        None => alive.iter().collect(),
    };
    match (nearest.as_slice(), name) {
        ([(socket, version)], _) => {
            Ok(Target { name: version.agent.clone(), client: Client::new(&socket.path) })
        }
        ([], _) => silent(name, survey).ok_or_else(|| nobody(name, survey)),
        (several, Some(name)) => {
            let lines: Vec<String> = several
                .iter()
                .map(|(s, v)| format!("process {}: --control {}", v.pid, s.path.display()))
                .collect();
            Err(Failure::new(
                code::NOT_OK,
                format!("{} agents called {name} run here; say which", lines.len()),
            )
            .help(lines.join("\n")))
        }
        (several, None) => {
            let names: BTreeSet<&str> = several.iter().map(|(_, v)| v.agent.as_str()).collect();
            let names: Vec<&str> = names.into_iter().collect();
            Err(Failure::new(code::NOT_OK, "several agents run here; say which with -n NAME")
                .help(format!("running: {}", text::listing(&names))))
        }
    }
}

/// The one agent that is there and was too slow to say who it is: whoever asks it has more patience, and a better word
/// for what is wrong with it.
fn silent(name: Option<&str>, survey: &Survey) -> Option<Target> {
    let mut mute = survey.sockets.iter().filter(|s| matches!(s.found, Found::Mute { .. }));
    let socket = mute.find(|s| name.is_none_or(|n| s.may_be(n)))?;
    let is_alone = name.is_some() || mute.next().is_none();
    let name = name.map_or_else(|| socket.stem(), str::to_owned);
    is_alone.then(|| Target { name, client: Client::new(&socket.path) })
}

fn nobody(name: Option<&str>, survey: &Survey) -> Failure {
    let message = match name {
        Some(name) => format!("no agent called {name} is running"),
        None => "no agent is running".to_owned(),
    };
    let mut help = Vec::new();
    let others: BTreeSet<&str> = survey
        .sockets
        .iter()
        .filter_map(|s| match &s.found {
            Found::Alive(version) => Some(version.agent.as_str()),
            _ => None,
        })
        .collect();
    if !others.is_empty() {
        help.push(format!("running: {}", text::listing(&others.into_iter().collect::<Vec<_>>())));
    }
    for socket in &survey.sockets {
        match &socket.found {
            Found::Stale => {
                help.push(format!("{} was left behind by an agent that died", socket.path.display()))
            }
            Found::Mute { why, .. } => {
                help.push(format!("{} does not answer: {why}", socket.path.display()));
            }
            Found::Alive(_) => {}
        }
    }
    let folders: Vec<String> = survey.folders.iter().map(|f| f.display().to_string()).collect();
    help.push(format!("looked into {}", text::listing(&folders)));
    if survey.closed.is_empty() {
        help.push("an agent started with --control PATH is found with --control PATH".to_owned());
    } else {
        let closed: Vec<String> = survey.closed.iter().map(|f| f.display().to_string()).collect();
        help.push(format!("{} is closed to you: try with sudo", text::listing(&closed)));
    }
    Failure::new(code::NO_AGENT, message).help(help.join("\n"))
}

/// Folders to look into, each once.
fn folders(around: &Surroundings) -> Vec<PathBuf> {
    let mut folders = around.folders();
    let system = around.run_dir.join("penstock");
    folders.push(system);
    if around.uid == 0 {
        for entry in entries(&around.run_dir.join("user")) {
            folders.push(entry.join("penstock"));
        }
        let is_ours = |p: &PathBuf| {
            let name = p.file_name().and_then(|n| n.to_str());
            name.and_then(|n| n.strip_prefix("penstock-")).is_some_and(|uid| uid.parse::<u32>().is_ok())
        };
        folders.extend(entries(&around.temp_dir).into_iter().filter(is_ours));
    }
    let mut seen = BTreeSet::new();
    folders.retain(|folder| seen.insert(folder.clone()));
    folders
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn sockets_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "sock"))
        .take(MOST_SOCKETS)
        .collect();
    paths.sort();
    Ok(paths)
}

async fn probe(path: PathBuf) -> Socket {
    let client = Client::new(&path);
    let asked = tokio::time::timeout(PROBE, client.get::<Version>("/version")).await;
    let why = match asked {
        Ok(Ok(version)) => return Socket { path, found: Found::Alive(version) },
        Ok(Err(AskError::Connect(error))) if error.kind() == io::ErrorKind::ConnectionRefused => {
            return Socket { path, found: Found::Stale };
        }
        Ok(Err(AskError::Connect(error))) => error.to_string(),
        Ok(Err(error)) => error.explain("it", &path).message,
        Err(_) => format!("no answer within {} s", PROBE.as_secs()),
    };
    let pid = tokio::time::timeout(PROBE, client.pid()).await.ok().flatten();
    Socket { path, found: Found::Mute { why, pid } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(path: &str, agent: &str) -> Socket {
        let found = match agent {
            "" => Found::Stale,
            "?" => Found::Mute { why: "no answer".to_owned(), pid: None },
            agent => Found::Alive(Version { agent: agent.to_owned(), pid: 7, ..Version::default() }),
        };
        Socket { path: path.into(), found }
    }

    fn survey_of(sockets: Vec<Socket>) -> Survey {
        Survey { folders: vec!["/run/penstock".into()], closed: Vec::new(), sockets }
    }

    #[test]
    fn the_only_agent_needs_no_name() {
        let one = survey_of(vec![socket("/r/a1.sock", "a1"), socket("/r/old.sock", "")]);
        assert_eq!(choose(None, &one).unwrap().name, "a1");
        let two = survey_of(vec![socket("/r/a1.sock", "a1"), socket("/r/a2.sock", "a2")]);
        let failure = choose(None, &two).unwrap_err();
        assert_eq!(failure.code, code::NOT_OK);
        assert!(failure.help.contains("a1 and a2"), "{failure}");
        assert_eq!(choose(Some("a2"), &two).unwrap().client.path(), Path::new("/r/a2.sock"));
    }

    #[test]
    fn a_name_that_runs_twice_needs_its_path() {
        let twice = survey_of(vec![socket("/r/a1-9.sock", "a1"), socket("/r/a1.sock", "a1")]);
        let failure = choose(Some("a1"), &twice).unwrap_err();
        assert!(failure.help.contains("--control /r/a1-9.sock"), "{failure}");
        let elsewhere = survey_of(vec![socket("/x/a1.sock", "a1"), socket("/y/a1.sock", "a1")]);
        assert_eq!(choose(Some("a1"), &elsewhere).unwrap().client.path(), Path::new("/x/a1.sock"));
    }

    #[test]
    fn nobody_there_says_what_was_tried_and_found() {
        let failure =
            choose(Some("b"), &survey_of(vec![socket("/r/a1.sock", "a1"), socket("/r/b.sock", "")]));
        let failure = failure.unwrap_err();
        assert_eq!(failure.code, code::NO_AGENT);
        let text = failure.to_string();
        for part in
            ["no agent called b", "running: a1", "/r/b.sock was left behind", "looked into /run/penstock"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn an_agent_that_is_slow_is_asked_all_the_same() {
        let slow = survey_of(vec![
            socket("/r/a1-77.sock", "?"),
            socket("/r/a1x.sock", "?"),
            socket("/r/b.sock", "b"),
        ]);
        assert_eq!(choose(Some("a1"), &slow).unwrap().client.path(), Path::new("/r/a1-77.sock"));
        assert_eq!(choose(Some("a"), &slow).unwrap_err().code, code::NO_AGENT);
        let alone = survey_of(vec![socket("/r/a1.sock", "?"), socket("/r/b.sock", "")]);
        assert_eq!(choose(None, &alone).unwrap().name, "a1");
        let two = survey_of(vec![socket("/r/a1.sock", "?"), socket("/r/b.sock", "?")]);
        assert_eq!(choose(None, &two).unwrap_err().code, code::NO_AGENT);
    }

    #[test]
    fn root_looks_into_the_folders_of_others() {
        let dir = tempfile::tempdir().unwrap();
        for sub in ["run/user/1000", "tmp/penstock-1001", "tmp/penstock-notes", "tmp/other"] {
            fs::create_dir_all(dir.path().join(sub)).unwrap();
        }
        let around = |uid| Surroundings {
            uid,
            runtime_dir: None,
            run_dir: dir.path().join("run"),
            temp_dir: dir.path().join("tmp"),
        };
        let names = |uid| -> Vec<String> {
            let strip = |p: PathBuf| p.strip_prefix(dir.path()).unwrap().display().to_string();
            folders(&around(uid)).into_iter().map(strip).collect()
        };
        assert_eq!(
            names(0),
            ["run/penstock", "tmp/penstock-0", "run/user/1000/penstock", "tmp/penstock-1001"]
        );
        assert_eq!(names(5), ["tmp/penstock-5", "run/penstock"]);
    }
}
