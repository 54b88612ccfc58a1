//! Interceptors: which headers, which values, and their order in the text of the map, which is that of a Java HashMap.

use crate::harness::wait_for;
use crate::pair::{Side, pair};

/// The event that one line to this source becomes, as it is logged.
#[track_caller]
fn logged(side: &Side, source: &str, mark: &str) -> String {
    assert_eq!(side.connect(source).ask(source), "OK");
    wait_for(&format!("the event in the log of {}", side.name), || side.events(mark).into_iter().next())
}

/// The value of `timestamp` is a time, and is made the same.
#[track_caller]
fn masked(event: &str) -> String {
    let (before, rest) = event.split_once("timestamp=").expect("there is a timestamp");
    let (digits, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).expect("the map ends"));
    assert_eq!(digits.len(), 13, "milliseconds: {event}");
    format!("{before}timestamp=T{after}")
}

#[test]
fn interceptors_give_the_same_headers_in_the_same_order() {
    let Some(pair) = pair() else { return };
    let (flume, ours) = pair.both(|side| masked(&logged(side, "FEW", "datacenter=")));
    assert!(flume.contains("datacenter=BRQ") && flume.contains("hostname="), "{flume}");
    assert_eq!(ours, flume);
}

#[test]
fn many_headers_stand_in_the_order_of_a_java_map_that_grew() {
    let Some(pair) = pair() else { return };
    let (flume, ours) = pair.both(|side| logged(side, "MANY", "same hash"));
    assert!(flume.contains("timestamp=1, ") || flume.contains("timestamp=1}"), "{flume}");
    assert!(flume.contains("host=mine"), "{flume}");
    assert_eq!(ours, flume);
}
