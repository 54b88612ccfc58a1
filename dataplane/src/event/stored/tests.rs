//! Goal: what is stored reads back as the same events, and no bytes at all make reading panic or allocate beyond them.

use super::super::Draft;
use super::*;
use proptest::prelude::*;

fn bytes_of(stored: &Stored<'_>) -> Vec<u8> {
    stored.slices().iter().flat_map(|s| s.to_vec()).collect()
}

type Plain = Vec<(Vec<u8>, Vec<(String, String)>)>;

fn plain(batch: &Batch) -> Plain {
    let pairs =
        |e: super::super::EventRef<'_>| e.headers.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    batch.iter().map(|e| (e.body.to_vec(), pairs(e))).collect()
}

fn round_trip(batch: &Batch) -> Plain {
    let stored = batch.store();
    let bytes = bytes_of(&stored);
    assert_eq!(bytes.len(), stored.len_bytes());
    plain(&Batch::whole(&Frame::from_stored(bytes).unwrap()))
}

#[test]
fn lines_of_a_block_are_one_part() {
    let mut draft = Draft::default();
    draft.push_spans(b"one\ntwo\nthree\n", [(0, 3), (4, 7), (8, 13)]);
    draft.set_all("host", "h");
    let batch = Batch::whole(&draft.seal());
    assert_eq!(batch.store().slices().len(), 2);
    assert_eq!(round_trip(&batch), plain(&batch));
}

#[test]
fn a_part_of_a_frame_is_stored_without_the_rest() {
    let mut draft = Draft::default();
    for i in 0..6 {
        let event = draft.push(format!("body {i}").as_bytes());
        draft.set_header(event, "n", &i.to_string());
    }
    draft.set_all_if_absent("n", "none");
    draft.set_all_if_absent("x", "ä");
    let batch = Batch::new(&draft.seal(), vec![1..2, 4..6]);
    let read = round_trip(&batch);
    assert_eq!(read, plain(&batch));
    assert_eq!(read[1].1, [("n".into(), "4".into()), ("x".into(), "ä".into())]);
    let bytes = bytes_of(&batch.store());
    assert!(!bytes.windows(6).any(|w| w == b"body 0"));
}

#[test]
fn a_removed_header_stays_removed() {
    let mut draft = Draft::default();
    let event = draft.push(b"");
    draft.set_header(event, "secret", "1");
    draft.remove_all("secret");
    let batch = Batch::whole(&draft.seal());
    assert_eq!(round_trip(&batch), [(vec![], vec![])]);
}

#[test]
fn another_version_is_named() {
    let mut draft = Draft::default();
    draft.push(b"x");
    let mut bytes = bytes_of(&Batch::whole(&draft.seal()).store());
    bytes[0] = 9;
    let Err(error) = Frame::from_stored(bytes) else { panic!("read") };
    assert_eq!(error.to_string(), "stored batch of version 9, which this version does not know");
}

proptest! {
    #[test]
    fn what_is_stored_reads_back(
        events in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(("[a-c]", ".{0,6}"), 0..3)), 1..20),
        all in prop::collection::vec(("[a-d]", ".{0,6}", any::<bool>()), 0..3),
        cut in 0u32..20,
    ) {
        let mut draft = Draft::default();
        for (body, headers) in &events {
            let event = draft.push(body);
            for (name, value) in headers {
                draft.set_header(event, name, value);
            }
        }
        for (name, value, over) in &all {
            if *over { draft.set_all(name, value) } else { draft.set_all_if_absent(name, value) }
        }
        let mut front = Batch::whole(&draft.seal());
        let back = front.split_off(cut);
        for batch in [front, back] {
            prop_assert_eq!(round_trip(&batch), plain(&batch));
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), like_one in any::<bool>()) {
        if like_one && bytes.len() > 3 {
            bytes[..2].copy_from_slice(&VERSION.to_le_bytes());
        }
        drop(Frame::from_stored(bytes));
    }

    #[test]
    fn a_changed_byte_is_an_error_or_another_batch_but_never_a_panic(at in 0usize..400, to in any::<u8>()) {
        let mut draft = Draft::default();
        draft.push_spans(b"one\ntwo\nthree\n", [(0, 3), (4, 7), (8, 13)]);
        draft.set_header(1, "k", "v");
        draft.set_all("host", "h");
        let mut bytes = bytes_of(&Batch::whole(&draft.seal()).store());
        let at = at % bytes.len();
        bytes[at] = to;
        if let Ok(frame) = Frame::from_stored(bytes) {
            for event in Batch::whole(&frame).iter() {
                prop_assert!(event.headers.iter().count() < 10);
            }
        }
    }
}
