//! netcat: what is answered, what is logged, what is kept.

use crate::harness::{wait_for, wait_until};
use crate::pair::pair;

/// What one connection sends before it closes for writing.
fn cases() -> Vec<(&'static str, Vec<u8>)> {
    let line = |text: &str, times: usize| format!("{}\n", text.repeat(times)).into_bytes();
    vec![
        ("a line", b"hello\n".to_vec()),
        ("a carriage return stays", b"hello\r\n".to_vec()),
        ("carriage returns inside", b"a\rb\r\r\n".to_vec()),
        ("an empty line", b"\n".to_vec()),
        ("three empty lines", b"\n\n\n".to_vec()),
        ("blanks", b"  \n".to_vec()),
        ("control characters", b"\ttab \x00\x01\x1b[31m\x07\x7f\n".to_vec()),
        ("a byte of each printable kind", (b' '..=b'~').chain(*b"\n").collect()),
        ("exactly sixteen", b"0123456789abcdef\n".to_vec()),
        ("seventeen", b"0123456789abcdefg\n".to_vec()),
        ("UTF-8", "žluťoučký kůň 数据 🐎\n".into()),
        ("a byte order mark", b"\xef\xbb\xbfmarked\n".to_vec()),
        ("two lines in a packet", b"one\ntwo\n".to_vec()),
        ("a tail that does not end", b"whole\nhalf".to_vec()),
        ("nothing", Vec::new()),
        ("only a tail", b"half".to_vec()),
        ("as long as it may be", line("x", 511)),
        ("one too long", line("x", 512)),
        ("much too long", line("x", 600)),
        ("too long without an end", b"x".repeat(512)),
        ("a long tail that is not too long", b"x".repeat(511)),
        ("a line, one too long, a line", [&b"before\n"[..], &line("x", 512), b"after\n"].concat()),
        ("the limit counts characters", line("ž", 511)),
        ("characters, one too many", line("ž", 512)),
        ("it counts as Java does: two for a horse", line("🐎", 255)),
        ("horses, one too many", line("🐎", 256)),
        ("malformed", b"\xff\xfe\n".to_vec()),
        ("a character cut by the end", b"whole\n\xc5".to_vec()),
        ("a surrogate in UTF-8", b"\xed\xa0\x80\n".to_vec()),
    ]
}

#[test]
fn replies_are_flumes_byte_for_byte() {
    let Some(pair) = pair() else { return };
    let mut different = Vec::new();
    for (name, bytes) in cases() {
        let (flume, ours) = pair.both(|side| {
            let mut nc = side.connect("LINES");
            nc.send(&bytes);
            nc.close_write();
            nc.rest()
        });
        if flume != ours {
            different.push(format!("{name}:\n  ours  {ours:?}\n  Flume {flume:?}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    // The same lines as they came out of the sinks. A last line says that nothing is still to come.
    let last = "{ headers:{} body: 6C 61 73 74 ";
    let (flume, ours) = pair.both(|side| {
        assert_eq!(side.connect("LINES").ask("last line"), "OK");
        wait_until(&format!("the last line in the log of {}", side.name), || !side.events(last).is_empty());
        side.events("{ headers:{} body:")
    });
    assert!(flume.len() > 20, "{flume:?}");
    assert_eq!(ours, flume, "the log: ours, Flume's");
    pair.same_text("whole", |text| text.ends_with("last line\n"));
}

/// Meant: Flume decodes what one read gave it as a whole, so a byte that is no text takes the good lines before it along,
/// unanswered, when they came together, and does not when they came apart. Ours keeps and answers them in both cases.
#[test]
fn lines_before_malformed_bytes_are_kept_however_the_network_cuts() {
    let Some(pair) = pair() else { return };
    let together = pair.both(|side| {
        let mut nc = side.connect("ODD");
        nc.send(b"before\n\xc3\x28\nafter\n");
        nc.rest()
    });
    assert_eq!(together, (String::new(), "OK\n".to_owned()), "Flume's, ours");
    let apart = pair.both(|side| {
        let mut nc = side.connect("ODD");
        assert_eq!(nc.ask("before"), "OK", "{}", side.name);
        nc.send(b"\xc3\x28\nafter\n");
        nc.rest()
    });
    assert_eq!(apart, (String::new(), String::new()), "Flume's, ours");
}

/// Meant: Flume 1.11 reads `maxBytesToLog` and prints sixteen bytes all the same; ours prints as many as it says.
#[test]
fn max_bytes_to_log_counts_here_and_not_in_flume() {
    let Some(pair) = pair() else { return };
    let (flume, ours) = pair.both(|side| {
        assert_eq!(side.connect("ODD").ask("0123456789abcdefghijkl"), "OK");
        wait_for(&format!("the event in the log of {}", side.name), || {
            side.events("30 31 32 33").into_iter().next()
        })
    });
    let first =
        "{ headers:{odd=value} body: 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66 0123456789abcdef";
    assert_eq!(flume, format!("{first} }}"));
    // The rest is on the next line.
    assert_eq!(ours, first);
}
