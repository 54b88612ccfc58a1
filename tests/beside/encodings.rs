//! netcat in other charsets, with another limit, and without answers.

use crate::pair::pair;

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

#[test]
fn other_charsets_and_limits_give_the_same_replies_and_bodies() {
    let Some(pair) = pair() else { return };
    let cases: [(&str, Vec<u8>); 12] = [
        ("LATIN", b"\xbelu\xbb\n\xff\x80\n".to_vec()),
        ("LATIN", b"nineteen characters\n".to_vec()),
        ("LATIN", b"twenty characters at\n".to_vec()),
        ("WIDE", wide("\u{feff}žluť\n")),
        ("WIDE", wide("no mark 🐎\nsecond\n")),
        (
            "WIDE",
            wide("little\n").chunks(2).fold(vec![0xff, 0xfe], |all, c| [all, vec![c[1], c[0]]].concat()),
        ),
        ("WIDE", [wide("odd\n"), vec![0]].concat()),
        ("WIDE", wide(&"x".repeat(600))),
        ("SILENT", b"one\ntwo\n".to_vec()),
        ("SILENT", b"nineteen characters\n".to_vec()),
        ("SILENT", b"good\na line that is much too long\nnever\n".to_vec()),
        ("SILENT", b"end\n".to_vec()),
    ];
    let mut different = Vec::new();
    for (n, (source, bytes)) in cases.into_iter().enumerate() {
        let (flume, ours) = pair.both(|side| {
            let mut nc = side.connect(source);
            nc.send(&bytes);
            nc.close_write();
            nc.rest()
        });
        if flume != ours {
            different.push(format!("case {n}, {source}:\n  ours  {ours:?}\n  Flume {flume:?}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    pair.same_text("encoded", |text| text.ends_with("end\n"));
}
