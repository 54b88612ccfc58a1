//! Following files: what is read, what is remembered, and that one goes on where the other stopped.

use crate::flume::{Flume, command};
use crate::harness::{Scene, wait_until};
use crate::pair::{pair, written};
use serde_json::Value;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Files of all kinds, the oldest first.
pub(crate) fn fill(folder: &Path) {
    let files: [(&str, &[u8]); 6] = [
        ("c-plain.log", b"one\ntwo\nthree\n"),
        ("a-windows.log", b"one\r\n\r\ntwo\r\nlone\rcr\n"),
        ("b-other.log", "žluť\n\n数据\tend\n".as_bytes()),
        ("d-bytes.log", b"\xff\xfe\x00bytes\n"),
        ("e-long.log", &[b'x'; 20_000]),
        ("not-ours.txt", b"never\n"),
    ];
    let oldest = SystemTime::now() - Duration::from_secs(3600);
    for (age, (name, content)) in (0..).zip(files) {
        let mut file = File::create(folder.join(name)).unwrap();
        file.write_all(content).unwrap();
        if name.starts_with('e') {
            file.write_all(b"\nhalf").unwrap();
        }
        file.set_modified(oldest + Duration::from_secs(60 * age)).unwrap();
    }
    File::create(folder.join("f-empty.log")).unwrap();
}

#[test]
fn the_same_files_become_the_same_events() {
    let Some(pair) = pair() else { return };
    // The half line comes when its file was idle; nothing comes after it.
    let text = pair.same_text("files", |text| text.ends_with(" half\n"));
    assert!(text.contains("byteoffset=4") && text.contains("app=demo") && !text.contains("never"), "{text}");
}

#[test]
fn positions_are_remembered_in_the_same_text() {
    let Some(pair) = pair() else { return };
    let wanted = 6;
    let (flume, ours) = pair.both(|side| {
        let file = side.path("positions.json");
        let mut rows = Vec::new();
        wait_until(&format!("all positions of {}", side.name), || {
            rows = fs::read_to_string(&file).map(|text| entries(&text)).unwrap_or_default();
            rows.len() == wanted && rows.iter().all(|row| read_whole(row))
        });
        rows
    });
    assert_eq!(ours, flume);
    assert!(flume[0].contains(pair.input.to_str().unwrap()), "{flume:?}");
}

/// The entries of a position file as they are written, sorted: Flume's order is that of its map. Nothing while it is being
/// written, which Flume does in place.
fn entries(text: &str) -> Vec<String> {
    let Some(inner) = text.strip_prefix("[{").and_then(|text| text.strip_suffix("}]")) else {
        return Vec::new();
    };
    let mut rows: Vec<_> = inner.split("},{").map(|row| format!("{{{row}}}")).collect();
    rows.sort();
    rows
}

fn read_whole(row: &str) -> bool {
    let row: Value = serde_json::from_str(row).unwrap();
    fs::metadata(row["file"].as_str().unwrap()).unwrap().len() == row["pos"].as_u64().unwrap()
}

fn append(file: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(file).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

const RELAY: &str = "a1.sources = r\na1.channels = c\na1.sinks = k\na1.sources.r.type = TAILDIR\na1.sources.r.channels = c\n\
    a1.sources.r.filegroups = g\na1.sources.r.filegroups.g = in/.*log\na1.sources.r.positionFile = positions.json\n\
    a1.sources.r.writePosInterval = 100\na1.channels.c.type = memory\na1.sinks.k.type = file_roll\na1.sinks.k.channel = c\n\
    a1.sinks.k.sink.rollInterval = 0\na1.sinks.k.sink.directory = ";

/// Ours, Flume, ours: each starts with the position file that the one before has left, and sees only what is new.
#[test]
fn each_goes_on_where_the_other_stopped() {
    let Some(command) = command() else { return };
    let scene = Scene::new();
    let conf = |out: &str| {
        let folder = |name: &str| scene.folder(name).to_str().unwrap().to_owned();
        let text = RELAY.replace("in/", &format!("{}/", folder("in"))) + &folder(out);
        text.replace("positions.json", scene.path("positions.json").to_str().unwrap())
    };
    let text = |out: &str| String::from_utf8(written(&scene.path(out))).unwrap();
    let positions = || fs::read_to_string(scene.path("positions.json")).unwrap();
    let input = scene.folder("in").join("a <b> = 'ž' & \"c\".log");
    append(&input, "one\ntwo\r\nhal");

    let ours = scene.start(&conf("ours"));
    wait_until("ours has two lines", || text("ours").lines().count() == 2);
    ours.stop();
    let left = positions();

    append(&input, "f\nthree\n");
    let file = scene.file("flume.conf", &conf("flume"));
    let flume = Flume::start(&command, &scene, &file, &[]);
    wait_until("Flume has what is new", || text("flume").ends_with("three\n"));
    flume.stop();
    assert_eq!(text("flume"), "half\nthree\n");
    // Its text is ours but for the number.
    assert_eq!(positions(), left.replace("\"pos\":9,", "\"pos\":20,"));

    append(&input, "four\n");
    let again = scene.start(&conf("again"));
    wait_until("ours has what is new", || text("again").ends_with("four\n"));
    again.stop();
    assert_eq!(text("again"), "four\n");
    assert_eq!(positions(), left.replace("\"pos\":9,", "\"pos\":25,"));
}
