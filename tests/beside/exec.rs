//! What a program prints.

use crate::pair::pair;

#[test]
fn a_command_without_a_shell_is_cut_at_blanks_only() {
    let Some(pair) = pair() else { return };
    let text = pair.same_text("plain", |text| text.ends_with('\n'));
    assert_eq!(text, "'one two' $HOME *\n");
}

#[test]
fn printed_lines_become_the_same_events() {
    let Some(pair) = pair() else { return };
    pair.same_text("shell", |text| text.ends_with("half\n"));
    pair.same_text("charset", |text| text.ends_with("end\n"));
}
