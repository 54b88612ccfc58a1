use super::*;

/// Pattern, text, what `Matcher.find` says.
const FIND: &[(&str, &str, bool)] = &[
    ("a.c", "abc", true),
    ("a.c", "a\nc", false),
    ("a.c", "a\rc", false),
    ("a.c", "a\u{85}c", false),
    ("(?s)a.c", "a\nc", true),
    ("(?d)a.c", "a\rc", true),
    ("a$", "a\n", true),
    ("a$", "a\r\n", true),
    ("a$", "a\n\n", false),
    ("a\\r$", "a\r\n", false),
    ("a\\z", "a\n", false),
    ("a\\Z", "a\n", true),
    ("(?m)^b$", "a\nb\rc", true),
    ("^b", "a\nb", false),
    ("(?m)^$", "a\n", false),
    ("\\d", "\u{663}", false),
    ("\\d", "3", true),
    ("(?U)\\d", "\u{663}", true),
    ("^[\\w]+$", "caf\u{e9}", false),
    ("\\w+", "_", true),
    ("\\bs", "caf\u{e9}s", false),
    ("\\p{Alpha}", "\u{c9}", false),
    ("\\p{L}", "\u{c9}", true),
    ("\\p{IsLatin}", "\u{c9}", true),
    ("\\p{IsGreek}", "\u{c9}", false),
    ("^\\P{Alpha}$", "1", true),
    ("(?i)abc", "xABC", true),
    ("(?i)\u{e9}", "\u{c9}", false),
    ("(?iu)\u{e9}", "\u{c9}", true),
    ("(?i:a)b", "AB", false),
    ("a(?i)b|C", "c", true),
    ("(a(?i)b)C", "aBc", false),
    ("(?i)[b-d]", "C", true),
    ("(?i)[^b-d]", "C", false),
    ("a++a", "aaa", false),
    ("a*+b", "aab", true),
    ("(?>a|ab)c", "abc", false),
    ("(ab){2}+", "abab", true),
    ("(\\w)\\1", "aba", false),
    ("(\\w)\\1", "abb", true),
    ("(?<x>\\w)\\k<x>", "abb", true),
    ("(a)\\11", "aa1", true),
    ("^(?!.*\\.gz$).*", "a.gz", false),
    ("^(?!.*\\.gz$).*", "a.log", true),
    ("(?<=a)b", "ab", true),
    ("(?<!a)b", "ab", false),
    ("\\Qa.b\\E", "a.b", true),
    ("\\Qa.b\\E", "axb", false),
    ("^\\Qab\\E+$", "abbb", true),
    ("^\\Qab\\E+$", "abab", false),
    ("\\Qa", "a", true),
    ("[\\Q^-]\\E]", "]", true),
    ("[a-z&&[^bc]]", "b", false),
    ("[a-z&&[^bc]]", "d", true),
    ("[^a-z&&[^bc]]", "b", true),
    ("[a-d[m-p]]", "n", true),
    ("[[a]b]", "b", true),
    ("^[---a]$", "_", false),
    ("^[+--]$", ",", true),
    ("[a~~b]", "~", true),
    ("[]a]", "]", true),
    ("[a-]", "-", true),
    ("[a-\\d]", "-", true),
    ("[\\p{Punct}&&[^.]]", ".", false),
    ("[\\d\\s]", " ", true),
    ("[\\D]", "5", false),
    ("\\x41\\x{42}\\u0043\\0104\\cE", "ABCD\u{5}", true),
    ("\\uD83D\\uDE00", "\u{1F600}", true),
    ("\\e\\a\\t", "\u{1b}\u{7}\t", true),
    ("^\\R$", "\r\n", true),
    ("\\h\\v", "\u{a0}\u{85}", true),
    ("(?x) a b # c\n c", "abc", true),
    ("x{2}y", "xxy", true),
    ("^x{2,}$", "x", false),
    ("^x{1,2}?$", "xx", true),
    ("a]b}", "a]b}", true),
    ("a||b", "", true),
    ("\\.\\-\\/\\ ", ".-/ ", true),
    ("#", "#", true),
];

#[test]
fn matches_as_java_does() {
    for (pattern, text, expected) in FIND {
        let regex = JavaRegex::find(pattern).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(regex.is_match(text), Ok(*expected), "{pattern:?} on {text:?}: {}", regex.engine());
    }
}

#[test]
fn a_whole_match_backtracks_until_everything_matches() {
    for (pattern, text, expected) in [
        (".*log", "a.log", true),
        (".*log", "a.log.1", false),
        (".*log$", "a.log", true),
        ("a|ab", "ab", true),
        ("a*?", "aaa", true),
        ("[0-9]*.log", "12xlog", true),
        ("^(?!.*tmp).*\\.log$", "tmp.log", false),
        ("a$", "a\n", false),
        ("", "", true),
    ] {
        assert_eq!(
            JavaRegex::whole(pattern).unwrap().is_match(text),
            Ok(expected),
            "{pattern:?} on {text:?}"
        );
    }
}

#[test]
fn bad_patterns_are_refused_with_the_place() {
    for (pattern, message) in [
        ("*.log", "bad regular expression \"*.log\": '*' has nothing to repeat at character 1"),
        ("a**", "bad regular expression \"a**\": '*' has nothing to repeat at character 3"),
        ("(a", "bad regular expression \"(a\": unclosed group at character 2"),
        ("a)", "bad regular expression \"a)\": unmatched closing parenthesis at character 2"),
        ("[a", "bad regular expression \"[a\": unclosed character class at character 2"),
        ("[[a]", "bad regular expression \"[[a]\": unclosed character class at character 4"),
        ("x{", "bad regular expression \"x{\": illegal repetition at character 2"),
        ("x{,3}", "bad regular expression \"x{,3}\": illegal repetition at character 3"),
        (
            "[z-a]",
            "bad regular expression \"[z-a]\": a range of characters that ends before it begins at character 4",
        ),
        ("\\y", "bad regular expression \"\\y\": illegal or unsupported escape \\y at character 2"),
        (
            "(?<a_b>x)",
            "bad regular expression \"(?<a_b>x)\": a group name has ASCII letters and digits only, and begins with \
          a letter at character 5",
        ),
        ("(?P<a>x)", "bad regular expression \"(?P<a>x)\": unknown inline flag 'P' at character 3"),
        ("\\G", "regular expression \"\\G\": \\G at character 1 is not supported here"),
        (
            "\\p{InGreek}",
            "regular expression \"\\p{InGreek}\": \\p{InGreek} at character 11 is not supported here",
        ),
        (
            "\\1",
            "regular expression \"\\1\": a reference to a group that is not open yet at character 2 is not supported here",
        ),
    ] {
        assert_eq!(translate(pattern).unwrap_err().to_string(), message);
    }
}

#[test]
fn costly_patterns_give_up() {
    let regex = JavaRegex::find("^(a|a)*\\1b(?=c)$").unwrap();
    assert_eq!(regex.is_match(&"a".repeat(60)), Err(TooCostly));
    let deep = "(".repeat(200) + &")".repeat(200);
    assert!(matches!(translate(&deep), Err(BadPattern::Unsupported { .. })));
    assert!(matches!(translate(&"[".repeat(100_000)), Err(BadPattern::Unsupported { .. })));
}

proptest::proptest! {
    /// Any text is translated or refused; what is translated compiles or is refused. Nothing panics.
    #[test]
    fn any_pattern_is_taken_or_refused(pattern in "[-a-cA-C0-3(){}\\[\\]^$.|*+?\\\\&,:<>=!iQEdwpP é]{0,24}") {
        if let Ok(regex) = JavaRegex::whole(&pattern) {
            regex.is_match("abcABC-0123").ok();
        }
    }

    /// Text that is quoted matches itself and nothing longer.
    #[test]
    fn quoted_text_matches_itself(text in "\\PC{0,20}") {
        proptest::prop_assume!(!text.contains("\\E"));
        let regex = JavaRegex::whole(&format!("\\Q{text}\\E")).unwrap();
        proptest::prop_assert_eq!(regex.is_match(&text), Ok(true));
        let longer = text + "x";
        proptest::prop_assert_eq!(regex.is_match(&longer), Ok(false));
    }
}
