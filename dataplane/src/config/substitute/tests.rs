use super::*;
use proptest::prelude::*;

fn lookups() -> Lookups {
    let now = jiff::civil::date(2005, 3, 3).at(23, 5, 9, 0).in_tz("UTC").unwrap();
    let mut lookups = Lookups::empty(now);
    let mut set = |name: &str, value: &str| lookups.environment.insert(name.to_owned(), value.to_owned());
    set("PORT", "44444");
    set("A", "PORT");
    set("LOOP", "${env:LOOP}");
    set("REF", "<${sys:user}>");
    set("EMPTY", "");
    lookups.system.insert("user".to_owned(), "flume".to_owned());
    lookups
}

fn run(text: &str, lookups: &Lookups) -> (BTreeMap<String, Substituted>, Vec<&'static str>) {
    let mut properties = Properties::default();
    properties.load("x.conf", text.as_bytes());
    let (values, found) = substitute(&properties, lookups);
    let keys = properties.entries().iter().map(|e| e.key.clone());
    (keys.zip(values).collect(), found.iter().map(|d| d.code).collect())
}

fn one(value: &str) -> (String, bool, Vec<&'static str>) {
    let (mut values, found) = run(&format!("a1.k={}", value.replace('\\', "\\\\")), &lookups());
    let value = values.remove("a1.k").unwrap();
    (value.text, value.from_environment, found)
}

#[test]
fn references_become_what_they_name() {
    for (value, expected, secret) in [
        ("${env:PORT}", "44444", true),
        ("x${ENV:PORT}y${Sys:user}", "x44444yflume", true),
        ("${sys:user}", "flume", false),
        ("${env:NONE:-7}", "7", false),
        ("${env:PORT:-7}", "44444", true),
        ("${none:-}", "", false),
        ("${env:EMPTY:-7}", "", true),
        ("${x:-a:-b}", "a:-b", false),
        ("${env:${env:A}}", "44444", true),
        ("${env:NONE:-${sys:user}}", "flume", false),
        ("${env:REF}", "<flume>", true),
        ("${date:yyyy-MM-dd HH}", "2005-03-03 23", false),
        ("plain $ { } } text", "plain $ { } } text", false),
    ] {
        assert_eq!(one(value), (expected.to_owned(), secret, vec![]), "{value}");
    }
}

#[test]
fn a_second_dollar_keeps_the_reference_and_what_is_inside_is_still_resolved() {
    for (value, expected) in [
        ("$${env:PORT}", "${env:PORT}"),
        ("a$$${sys:user}", "a$${sys:user}"),
        ("$${a ${sys:user}}", "${a flume}"),
        ("$${open", "$${open"),
    ] {
        assert_eq!(one(value).0, expected, "{value}");
    }
}

#[test]
fn the_unknown_stays_and_is_named() {
    for value in ["${env:NONE}", "${PORT}", "${none:x}", "${sys:}", "a${x}b", "${java:version}"] {
        assert_eq!(one(value), (value.to_owned(), false, vec!["unresolved-reference"]), "{value}");
    }
    // The syntax of config filters is not ours to judge, an open end is no reference.
    for value in ["${f['k']}", "${open", "${", "$"] {
        assert_eq!(one(value), (value.to_owned(), false, vec![]), "{value}");
    }
}

#[test]
fn a_cycle_or_an_explosion_leaves_the_value_as_written() {
    assert_eq!(one("${env:LOOP}"), ("${env:LOOP}".to_owned(), false, vec!["reference-cycle"]));
    assert_eq!(one("${x:-${x}}").2, ["unresolved-reference", "reference-cycle"]);
    let deep = format!("{}{}", "${".repeat(500), "}".repeat(500));
    assert_eq!(one(&deep), (deep.clone(), false, vec!["reference-too-large"]));
    assert_eq!(one("${date:b}").2, ["bad-date-pattern"]);
    let mut bomb = lookups();
    bomb.environment.insert("v0".into(), "x".repeat(1000));
    for n in 1..40 {
        bomb.environment.insert(format!("v{n}"), format!("${{env:v{}}}", n - 1).repeat(4));
    }
    let (values, found) = run("a=${env:v39}", &bomb);
    assert_eq!((values["a"].text.as_str(), found), ("${env:v39}", vec!["reference-too-large"]));
}

#[test]
fn a_key_is_seen_only_by_keys_that_java_visits_later() {
    // Java visits b before c, whatever stands first in the file.
    let (values, _) = run("c=${b}\nb=1\na=${b}", &lookups());
    assert_eq!(values["c"].text, "1");
    assert_eq!(values["a"].text, "${b}");
    let (values, _) = run("a=x\nb=${x:a} ${env:a}", &lookups());
    assert_eq!(values["b"].text, "x x");
    let (values, _) = run("a=${env:PORT}\nb=<${a}>", &lookups());
    assert!(values["b"].from_environment);
}

#[test]
fn the_old_switch_lets_bare_names_read_the_environment() {
    let mut old = lookups();
    old.bare_names_from_environment = true;
    let (values, found) = run("a=${PORT} ${sys:PORT}", &old);
    assert_eq!((values["a"].text.as_str(), values["a"].from_environment), ("44444 44444", true));
    assert!(found.is_empty());
}

#[test]
fn properties_that_every_jvm_has_are_there_unless_given() {
    let mut own = lookups();
    own.environment.insert("HOME".into(), "/home/flume".into());
    own.system.insert("java.io.tmpdir".into(), "/var/tmp".into());
    own.add_jvm_properties("/opt");
    let (values, _) =
        run("a=${sys:user.home} ${sys:user.dir} ${sys:java.io.tmpdir} ${sys:user.name:-?}", &own);
    assert_eq!(values["a"].text, "/home/flume /opt /var/tmp ?");
    assert!(!values["a"].from_environment);
}

#[test]
fn a_lookups_file_replaces_the_prefixes() {
    let mut own = lookups();
    own.read_prefixes(&Properties::default());
    assert_eq!(own.prefixes.len(), 4);
    let mut table = Properties::default();
    let prefix = "org.apache.commons.text.lookup.DefaultStringLookup";
    table.load("l", format!("E={prefix}.ENVIRONMENT\nx=com.example.Mine").as_bytes());
    own.read_prefixes(&table);
    let (values, found) = run("a=${e:PORT}\nb=${env:PORT}\nc=${x:PORT}", &own);
    assert_eq!(
        [&*values["a"].text, &*values["b"].text, &*values["c"].text],
        ["44444", "${env:PORT}", "${x:PORT}"]
    );
    assert_eq!(found, ["unresolved-reference"; 2]);
}

proptest! {
    #[test]
    fn any_text_is_substituted_without_a_panic(text in "[${}:\\-ab\\n=e nvé]{0,120}") {
        run(&text, &lookups());
    }
}
