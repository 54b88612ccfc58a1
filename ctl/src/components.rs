//! `ctl components`: what exists, and the settings of one type. Needs no agent.

use crate::failure::{Failure, code};
use crate::output::Output;
use crate::text::{self, Lean, Table};
use dataplane::control::{ComponentInfo, Role, SettingInfo, reference};
use dataplane::registry::{self, flume};

/// What `ctl components` was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    /// One type only.
    pub(crate) name: Option<&'a str>,
    /// As JSON.
    pub(crate) json: bool,
    /// As the reference page.
    pub(crate) markdown: bool,
}

/// Prints what was asked for.
pub(crate) fn run(wish: Wish<'_>, out: &mut Output) -> Result<(), Failure> {
    let all = catalogue();
    let shown = match wish.name {
        Some(name) => named(all, name)?,
        None => all,
    };
    if wish.markdown {
        out.lines(&[reference(&shown).trim_end()]);
    } else if wish.json {
        out.json(&shown);
    } else if wish.name.is_some() {
        for (at, component) in shown.iter().enumerate() {
            if at > 0 {
                out.line("");
            }
            out.lines(&page(component, out.width().unwrap_or(100)));
        }
    } else {
        out.lines(&list(&shown));
    }
    Ok(())
}

/// Every type there is.
fn catalogue() -> Vec<ComponentInfo> {
    registry::every().map(|(role, info)| ComponentInfo::new(role, info)).collect()
}

/// Types called `name`: `netcat`, a class name, or `sink null` and `sink/null` where several roles have the name.
fn named(all: Vec<ComponentInfo>, name: &str) -> Result<Vec<ComponentInfo>, Failure> {
    let split = name.split_once(['/', ' ']).and_then(|(role, rest)| {
        let role = Role::ALL.into_iter().find(|r| r.word().eq_ignore_ascii_case(role))?;
        Some((role, rest))
    });
    let is_meant = |c: &ComponentInfo| match split {
        Some((role, rest)) => c.kind == role && c.is_named(rest),
        None => c.is_named(name),
    };
    // A role's word alone means all of that role.
    let is_role = |c: &ComponentInfo| {
        let word = c.kind.word();
        name.eq_ignore_ascii_case(word)
            || name.strip_suffix('s').is_some_and(|n| n.eq_ignore_ascii_case(word))
    };
    let mut found: Vec<ComponentInfo> = all.iter().filter(|c| is_meant(c)).cloned().collect();
    if found.is_empty() {
        found = all.iter().filter(|c| is_role(c)).cloned().collect();
    }
    if found.is_empty() {
        return Err(unknown(&all, name));
    }
    Ok(found)
}

fn unknown(all: &[ComponentInfo], name: &str) -> Failure {
    let of_flume = Role::ALL.into_iter().filter_map(|role| flume::find(role, name)).next();
    if let Some(known) = of_flume {
        let word = known.role.word();
        return Failure::new(code::NOT_OK, format!("Flume's {word} {} is not available here", known.name()))
            .help(known.advice());
    }
    let failure = Failure::new(code::NOT_OK, format!("there is no component type {name:?}"));
    let lower = name.to_lowercase();
    let near = all
        .iter()
        .flat_map(|c| std::iter::once(&c.name).chain(&c.other_names).map(move |n| (c, n)))
        .map(|(c, n)| (strsim::osa_distance(&lower, &n.to_lowercase()), c, n))
        .filter(|(distance, _, n)| *distance <= 1 + n.chars().count() / 4)
        .min_by_key(|(distance, _, _)| *distance);
    match near {
        Some((_, component, _)) => {
            failure.help(format!("did you mean the {} {}?", component.kind.word(), component.name))
        }
        None => failure.help("ctl components lists all; a Java class that is not Flume's cannot be loaded"),
    }
}

fn list(all: &[ComponentInfo]) -> Vec<String> {
    let mut lines = Vec::new();
    for role in Role::ALL {
        let mut table =
            Table::new(&[(&format!("{}S", role.word().to_uppercase()), Lean::Left), ("", Lean::Left)]);
        for component in all.iter().filter(|c| c.kind == role) {
            table.row(vec![component.name.clone(), component.summary.clone()]);
        }
        let rows = table.lines();
        if rows.len() > 1 {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.extend(rows);
        }
    }
    lines.push(String::new());
    lines.push("ctl components NAME shows the settings of one; conf/REFERENCE.md has them all".to_owned());
    lines
}

fn page(component: &ComponentInfo, width: usize) -> Vec<String> {
    let mut lines = vec![format!("{} {}: {}", component.kind.word(), component.name, component.summary)];
    if !component.other_names.is_empty() {
        lines.push(format!("  also called {}", text::listing(&component.other_names)));
    }
    if component.has_own_thread() {
        lines.push(format!("  runs on a {}", component.runs_on));
    }
    let doc_width = width.saturating_sub(6).max(40);
    if !component.settings.is_empty() {
        let mut table = Table::new(&[
            ("KEY", Lean::Left),
            ("DEFAULT", Lean::Left),
            ("UNIT", Lean::Left),
            ("ALLOWED", Lean::Left),
        ]);
        for s in &component.settings {
            table.row(vec![s.key.clone(), default_of(s), s.unit.clone(), s.allowed.clone()]);
        }
        let mut rows = table.lines().into_iter();
        lines.push(String::new());
        lines.extend(rows.next());
        for (row, s) in rows.zip(&component.settings) {
            lines.push(row);
            lines.extend(text::wrap(&sentence(s), doc_width).into_iter().map(|l| format!("      {l}")));
        }
    }
    for p in &component.open_prefixes {
        lines.push(format!("  {}{}", p.prefix, p.rest));
        lines.extend(text::wrap(&p.doc, doc_width).into_iter().map(|l| format!("      {l}")));
    }
    if !component.unsupported.is_empty() {
        lines.push(String::new());
        lines.push("  NOT SUPPORTED".to_owned());
    }
    for u in &component.unsupported {
        lines.push(format!("  {}", u.key));
        lines.extend(text::wrap(&u.doc, doc_width).into_iter().map(|l| format!("      {l}")));
    }
    lines
}

fn default_of(s: &SettingInfo) -> String {
    match &s.default {
        _ if s.required => "(required)".to_owned(),
        None => "-".to_owned(),
        Some(text) if text.trim().is_empty() => format!("{text:?}"),
        Some(text) => text.clone(),
    }
}

fn sentence(s: &SettingInfo) -> String {
    let mut sentence = s.doc.clone();
    if s.bad_value_is_default {
        sentence.push_str(" A bad value is replaced by the default.");
    }
    if s.secret {
        sentence.push_str(" Never shown.");
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_page_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../conf/REFERENCE.md");
        let found = std::fs::read_to_string(path).unwrap_or_default();
        let made = reference(&catalogue());
        assert!(
            found == made,
            "conf/REFERENCE.md is not what the components declare; make it again with\n  \
             cargo run -q --bin ctl -- components --markdown > conf/REFERENCE.md"
        );
    }

    #[test]
    fn a_type_is_found_by_any_of_its_names() {
        for name in
            ["memory", "MEMORY", "org.apache.flume.channel.MemoryChannel", "channel/memory", "channel memory"]
        {
            let found = named(catalogue(), name).unwrap();
            assert_eq!((found[0].name.as_str(), found.len()), ("memory", 1), "{name}");
        }
        assert!(named(catalogue(), "channels").unwrap().iter().all(|c| c.kind == Role::Channel));
        let failure = named(catalogue(), "memroy").unwrap_err();
        assert_eq!((failure.code, failure.help.as_str()), (code::NOT_OK, "did you mean the channel memory?"));
    }

    #[test]
    fn a_type_of_flume_that_is_not_here_is_said_so() {
        let here = |name: &str| named(catalogue(), name).is_ok();
        let absent =
            flume::all(Role::Sink).find(|t| !here(t.class)).expect("some sink of Flume's is not here");
        let failure = named(catalogue(), absent.class).unwrap_err();
        assert_eq!(failure.message, format!("Flume's sink {} is not available here", absent.name()));
    }

    #[test]
    fn a_page_has_every_key_and_its_sentence() {
        for component in catalogue() {
            let lines = page(&component, 80).join("\n");
            for s in &component.settings {
                assert!(lines.contains(&format!("\n  {}", s.key)), "{}: {}\n{lines}", component.name, s.key);
            }
        }
    }
}
