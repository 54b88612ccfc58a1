//! What a sender hears when a channel is full.

use crate::pair::pair;

#[test]
fn a_channel_full_of_events_is_refused_in_the_same_words() {
    let Some(pair) = pair() else { return };
    let (flume, ours) = pair.both(|side| {
        let mut nc = side.connect("FULL");
        let mut replies: Vec<String> = (0..5).map(|n| nc.ask(&format!("{n}"))).collect();
        // The next connection fares the same, and an empty line takes room, too.
        replies.push(side.connect("FULL").ask(""));
        replies
    });
    assert_eq!(flume[..3], ["OK", "OK", "OK"]);
    assert!(flume[3].starts_with("FAILED: "), "{flume:?}");
    assert_eq!(ours, flume);
}

#[test]
fn a_channel_full_of_bytes_is_refused_in_the_same_words() {
    let Some(pair) = pair() else { return };
    let (flume, ours) = pair.both(|side| {
        let mut nc = side.connect("HEAVY");
        [100, 1, 200, 300, 101, 500, 250, 10, 100, 100, 100].map(|length| nc.ask(&"x".repeat(length)))
    });
    assert!(flume.iter().any(|reply| reply.starts_with("FAILED: ")), "{flume:?}");
    assert_eq!(ours, flume);
}
