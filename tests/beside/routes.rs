//! Selectors into files, with each serializer.

use crate::pair::pair;

#[test]
fn multiplexing_fills_the_same_files() {
    let Some(pair) = pair() else { return };
    pair.both(|side| {
        let mut sources = ["CZ", "US", "ELSEWHERE"].map(|source| (source, side.connect(source)));
        for n in 0..5 {
            for (source, nc) in &mut sources {
                assert_eq!(nc.ask(&format!("{source} {n} žluť\tend")), "OK");
            }
        }
    });
    let ends = |count: usize| move |text: &str| text.matches("end").count() >= count;
    let one = pair.same_text("mapped1", ends(5));
    let two = pair.same_text("mapped2", ends(10));
    let three = pair.same_text("mapped3", ends(10));
    assert!(one.starts_with("CZ 0 žluť\tend\nCZ 1"), "{one}");
    assert!(two.starts_with("{state=US} US 0 žluť\tend\n{} ELSEWHERE 0"), "{two}");
    // The optional channel of CZ, and a serializer that ends no line.
    assert!(three.starts_with("{state=CZ} CZ 0 žluť\tend{state=US} US 0"), "{three}");
}

#[test]
fn replicating_fills_the_same_files_past_a_full_optional_channel() {
    let Some(pair) = pair() else { return };
    pair.both(|side| {
        let mut nc = side.connect("COPIES");
        for n in 0..10 {
            assert_eq!(nc.ask(&format!("copy {n}\r")), "OK", "{}", side.name);
        }
    });
    let text = pair.same_text("copy1", |text| text.matches('\n').count() == 10);
    assert!(text.starts_with("copy 0\r\ncopy 1\r\n"), "{text:?}");
    let text = pair.same_text("copy2", |text| text.matches('\n').count() == 10);
    assert!(text.starts_with("{} copy 0\r\n"), "{text:?}");
}
