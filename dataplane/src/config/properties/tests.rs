use super::*;
use proptest::prelude::*;

fn load(text: &[u8]) -> (Vec<(String, String, u32)>, Vec<Diagnostic>) {
    let mut properties = Properties::default();
    let found = properties.load("x.conf", text);
    let entries = properties.entries().iter();
    (entries.map(|e| (e.key.clone(), e.value.clone(), e.place.line)).collect(), found)
}

fn check(text: &[u8], expected: &[(&str, &str, u32)]) {
    let (entries, _) = load(text);
    let entries: Vec<_> = entries.iter().map(|(k, v, l)| (k.as_str(), v.as_str(), *l)).collect();
    assert_eq!(entries, expected, "{}", String::from_utf8_lossy(text));
}

fn codes(text: &[u8]) -> Vec<(u32, &'static str)> {
    load(text).1.iter().map(|d| (d.place.line, d.code)).collect()
}

#[test]
fn the_key_ends_at_the_first_unescaped_separator() {
    check(
        b"a=1\nb:2\nc 3\nd = 4\ne : 5\nf\t=\x0c6",
        &[("a", "1", 1), ("b", "2", 2), ("c", "3", 3), ("d", "4", 4), ("e", "5", 5), ("f", "6", 6)],
    );
    check(
        b"a==1\nb=:2\nc  = = 3\n=4\nd",
        &[("a", "=1", 1), ("b", ":2", 2), ("c", "= 3", 3), ("", "4", 4), ("d", "", 5)],
    );
    check(b"a\\=b\\:c\\ d = 1\na\\\\=2", &[("a=b:c d", "1", 1), ("a\\", "2", 2)]);
}

#[test]
fn trailing_blanks_belong_to_the_value_and_leading_ones_do_not() {
    check(b" \t\x0c a =  1 \t", &[("a", "1 \t", 1)]);
}

#[test]
fn lines_end_with_lf_cr_or_both() {
    check(b"a=1\r\nb=2\rc=3\n\rd=4", &[("a", "1", 1), ("b", "2", 2), ("c", "3", 3), ("d", "4", 5)]);
}

#[test]
fn comments_stand_alone_and_are_never_continued() {
    check(b"# c \\\na=1\n ! b=2\nc=3 # not a comment\n", &[("a", "1", 2), ("c", "3 # not a comment", 4)]);
}

#[test]
fn an_odd_number_of_backslashes_continues_a_line() {
    check(b"a=1\\\n   2\\\r\n\t3\nb=4\\\\\nc=5", &[("a", "123", 1), ("b", "4\\", 4), ("c", "5", 5)]);
    check(b"a.b\\\n  .c = 1", &[("a.b.c", "1", 1)]);
    check(b"a=1\\\n\nb=2", &[("a", "1", 1), ("b", "2", 3)]);
    check(b"a=1\\\n# no comment\n", &[("a", "1# no comment", 1)]);
    // A line that is only a backslash holds nothing yet: what follows may still be a comment.
    check(b"\\\n# comment\na=1", &[("a", "1", 3)]);
}

#[test]
fn a_backslash_at_the_end_of_the_file_is_cut_off() {
    check(b"a=1\\", &[("a", "1", 1)]);
    check(b"a=1\\\n", &[("a", "1", 1)]);
    check(b"a=1\\\\", &[("a", "1\\", 1)]);
    check(b"\\", &[("", "", 1)]);
    check(b"\\\n", &[("", "", 1)]);
}

#[test]
fn escapes_are_resolved_in_keys_and_values() {
    check(b"a\\tb = \\t\\n\\r\\f\\q\\\\ \\u00e9\\u00C9", &[("a\tb", "\t\n\r\x0cq\\ éÉ", 1)]);
    check(b"smile=\\ud83d\\ude00\nhalf=\\ud83d.", &[("smile", "😀", 1), ("half", "\u{fffd}.", 2)]);
    check(b"caf\xe9=\xc3\xa9", &[("café", "Ã©", 1)]);
}

#[test]
fn the_last_duplicate_wins_in_the_place_of_the_first() {
    check(b"a=1\nb=2\na=3\n", &[("a", "3", 3), ("b", "2", 2)]);
    assert_eq!(codes(b"a=1\na=2\na=2"), [(2, "duplicate-key"), (3, "duplicate-key")]);
    let found = load(b"a=1\na=2\na=2").1;
    assert_eq!(found.iter().map(|d| d.severity).collect::<Vec<_>>(), [Severity::Warning, Severity::Hint]);
}

#[test]
fn a_later_file_overrides_without_a_word() {
    let mut properties = Properties::default();
    assert!(properties.load("a.conf", b"a=1\nb=1").is_empty());
    assert!(properties.load("b.conf", b"a=2").is_empty());
    let a = properties.get("a").unwrap();
    assert_eq!((a.value.as_str(), a.place.to_string().as_str()), ("2", "b.conf:1"));
}

#[test]
fn a_bad_unicode_escape_costs_its_own_line_only() {
    let (entries, found) = load(b"a=1\nb.c = C:\\users\\x\nd=\\u12\n\\uzzzz=1\ne=2");
    assert_eq!(entries.iter().map(|e| e.0.as_str()).collect::<Vec<_>>(), ["a", "e"]);
    let found: Vec<_> = found.iter().map(|d| (d.place.line, d.key.as_str(), d.code)).collect();
    let code = "bad-unicode-escape";
    assert_eq!(found, [(2, "b.c", code), (3, "d", code), (4, "", code)]);
}

#[test]
fn what_java_does_silently_is_said() {
    assert_eq!(codes(b"a=^\\d+$\nb=\\\\d\nc=\\:\\=\\ "), [(1, "lost-backslash")]);
    assert_eq!(codes("a=é".as_bytes()), [(1, "utf-8-text")]);
    assert_eq!(codes(b"a=\xe9"), []);
    assert_eq!(codes("a\u{a0}= 1".as_bytes()), [(1, "non-breaking-space")]);
    assert_eq!(codes(b"a\xa0= 1"), [(1, "non-breaking-space")]);
    assert_eq!(codes(b"\xef\xbb\xbfa=1")[0], (1, "byte-order-mark"));
    assert_eq!(codes(b"\xff\xfea\0=\0")[0], (1, "utf-16"));
    assert_eq!(codes("# é\n".as_bytes()), []);
}

proptest! {
    #[test]
    fn any_bytes_load_and_every_entry_has_its_line(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let lines = 1 + bytes.iter().filter(|b| matches!(b, b'\n' | b'\r')).count();
        for (_, _, line) in load(&bytes).0 {
            prop_assert!((1..=lines).contains(&(line as usize)));
        }
    }

    #[test]
    fn hostile_text_loads(text in "[a.=: \\\\\\n\\ru#!\\t0é]{0,80}") {
        load(text.as_bytes());
    }
}
