//! Guesses at what was meant: only when they are nearly certain.

/// The name that `text` is a misspelling of: equal but for case, or one or two letters away.
pub(super) fn closest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = text.to_lowercase();
    let most = match text.chars().count() {
        0..=2 => 0,
        3..=5 => 1,
        _ => 2,
    };
    let names: Vec<&str> = names.collect();
    // batchSize for sink.batchSize, kafka.flumeBatchSize for flumeBatchSize.
    let tail = |long: &str, short: &str| {
        let long = long.to_lowercase();
        long.strip_suffix(&short.to_lowercase()).is_some_and(|head| head.ends_with('.') && short.len() > 4)
    };
    if let Some(name) = names.iter().find(|name| tail(name, text) || tail(text, name)) {
        return Some(name);
    }
    // c1 and c2 are two names, not one name and a slip.
    let letters = |name: &str| name.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let own = letters(text);
    names
        .into_iter()
        .filter(|name| letters(name) != own)
        .map(|name| (strsim::osa_distance(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= most && *distance < name.chars().count())
        .min()
        .map(|(_, name)| name)
}

/// The number that `100 # per transaction`, `10k` or `64 MB` means, written plainly.
pub(super) fn plain_number(text: &str) -> Option<String> {
    let grouped = text.split(',').skip(1).all(|g| g.len() == 3) && text.contains(',');
    let text = &if grouped { text.replace(',', "") } else { text.to_owned() };
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u128 = text[..end].parse().ok()?;
    let rest = text[end..].trim_start();
    let unit: String = rest.chars().take_while(|c| c.is_ascii_alphabetic()).collect();
    let comment = rest.trim_start().starts_with(['#', '/', ';', '-', '(']);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" if comment || grouped => 1,
        "k" | "kb" | "kib" => 1024,
        "m" | "mb" | "mib" => 1024 * 1024,
        "g" | "gb" | "gib" => 1024 * 1024 * 1024,
        "ms" | "events" | "b" | "bytes" => 1,
        _ => return None,
    };
    number.checked_mul(factor).map(|n| n.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_named_and_others_are_not() {
        let names = ["capacity", "transactionCapacity", "keep-alive", "k1", "bind"];
        let check = |text| closest(text, names.into_iter());
        assert_eq!(check("capcity"), Some("capacity"));
        assert_eq!(check("transactioncapacity"), Some("transactionCapacity"));
        assert_eq!(check("keepalive"), Some("keep-alive"));
        assert_eq!(check("BIND"), Some("bind"));
        assert_eq!(check("host"), None);
        assert_eq!(check("k2"), None);
        assert_eq!(closest("batchsize", ["sink.batchSize"].into_iter()), Some("sink.batchSize"));
        assert_eq!(closest("kafka.flumeBatchSize", ["flumeBatchSize"].into_iter()), Some("flumeBatchSize"));
        assert_eq!(closest("source12", ["source1"].into_iter()), None);
        assert_eq!(check("capacity"), None);
    }

    #[test]
    fn numbers_with_something_behind_them() {
        assert_eq!(plain_number("100 # comment").as_deref(), Some("100"));
        assert_eq!(plain_number("64 MB").as_deref(), Some("67108864"));
        assert_eq!(plain_number("1,000").as_deref(), Some("1000"));
        assert_eq!(plain_number("10x"), None);
        assert_eq!(plain_number("abc"), None);
    }
}
