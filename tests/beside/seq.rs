//! The counter.

use crate::pair::pair;

#[test]
fn a_thousand_numbers_are_the_same_thousand() {
    let Some(pair) = pair() else { return };
    let text = pair.same_text("numbers", |text| text.ends_with("999\n"));
    assert_eq!(text.lines().count(), 1000);
}
