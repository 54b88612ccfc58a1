//! The source tree as text, and Rust text without what is not code.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A text file of the tree.
pub(crate) struct File {
    /// From the root of the repository.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the tests crate lies in the root").to_path_buf()
}

/// Paths of the files that belong to the repository, new ones included, sorted.
pub(crate) fn paths() -> Vec<String> {
    let root = root();
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(&root)
        .output();
    let mut paths: Vec<String> = match listed {
        Ok(out) if out.status.success() => {
            String::from_utf8_lossy(&out.stdout).lines().map(str::to_string).collect()
        }
        _ => walk(&root),
    };
    paths.retain(|p| root.join(p).is_file());
    paths.sort();
    paths.dedup();
    paths
}

/// A source archive has no git: every file but build output.
fn walk(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !matches!(
                    name.as_str(),
                    "target" | ".git" | "quickstart-out" | "flume-run" | ".tests-cache"
                ) {
                    open.push(path);
                }
            } else {
                found.push(name);
            }
        }
    }
    found
}

/// Every UTF-8 file of the repository.
pub(crate) fn files() -> Vec<File> {
    let root = root();
    paths()
        .into_iter()
        .filter_map(|path| {
            let text = String::from_utf8(std::fs::read(root.join(&path)).unwrap()).ok()?;
            Some(File { path, text })
        })
        .collect()
}

/// Every Rust file of the repository.
pub(crate) fn rust_files() -> Vec<File> {
    files().into_iter().filter(|f| f.path.ends_with(".rs")).collect()
}

/// Rust text with comments and the contents of strings and characters replaced by blanks; lines stay where they are.
pub(crate) fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skip_at(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Where the comment, string or character that begins at `at` ends; `at` itself when none begins there.
fn skip_at(chars: &[char], at: usize) -> usize {
    let is = |n: usize, c: char| chars.get(at + n) == Some(&c);
    let word_before = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match chars[at] {
        '/' if is(1, '/') => find(chars, at, |rest| rest[0] == '\n'),
        '/' if is(1, '*') => block_comment_end(chars, at),
        '"' => string_end(chars, at),
        'r' if !word_before && (is(1, '"') || is(1, '#')) => raw_string_end(chars, at, at + 1),
        'b' if !word_before && is(1, 'r') && (is(2, '"') || is(2, '#')) => raw_string_end(chars, at, at + 2),
        '\'' if is(1, '\\') => find(chars, at + 3, |rest| rest[0] == '\'') + 1,
        '\'' if is(2, '\'') => at + 3,
        _ => at,
    }
}

fn find(chars: &[char], from: usize, here: impl Fn(&[char]) -> bool) -> usize {
    (from..chars.len()).find(|&i| here(&chars[i..])).unwrap_or(chars.len())
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0;
    let mut i = at;
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

fn string_end(chars: &[char], at: usize) -> usize {
    let mut i = at + 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

fn raw_string_end(chars: &[char], at: usize, hashes_from: usize) -> usize {
    let hashes = chars[hashes_from..].iter().take_while(|&&c| c == '#').count();
    if chars.get(hashes_from + hashes) != Some(&'"') {
        return at; // a raw identifier
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    (find(chars, hashes_from + hashes + 1, |rest| rest.starts_with(&end)) + end.len()).min(chars.len())
}

#[test]
fn strings_characters_and_comments_are_no_code() {
    let text = "a /* x /* y */ z */ b // c\n\"d\\\"e\" f r#\"g\"h\"# i '\\'' j '\"' k 'l: &'m n";
    let code: String = code_only(text).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(code, "a b f i j k 'l: &'m n");
    assert_eq!(code_only("\"x\ny\"").matches('\n').count(), 1);
}
