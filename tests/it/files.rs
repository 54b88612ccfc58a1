//! What landed in files.

use std::fs;
use std::path::Path;

/// The text of every file in a folder, in the order of names.
pub(crate) fn all_text(dir: &Path) -> String {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort_by_key(|f| (f.file_name().map(|n| n.len()), f.clone()));
    files.iter().map(|f| fs::read_to_string(f).unwrap()).collect()
}
