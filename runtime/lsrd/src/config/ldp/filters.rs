//! Filters of FECs: `allocate`, `accept` and `advertise`.

use std::net::Ipv4Addr;

use ::ldp::LdpIdentifier;
use ::ldp::label::{PrefixFilter, PrefixRule};
use ipnet::IpNet;
use toml::Spanned;
use toml::de::DeValue;

use super::super::problem::Problems;
use super::super::section::{At, Section, text, wrong_type};

const ACTIONS: &[(&str, bool)] = &[("permit", true), ("deny", false)];

/// Reads a filter: a list of prefixes and of rules, or the word `host-routes`. The first rule that
/// matches a FEC decides, and one that matches none is denied.
pub(super) fn read(
    key: &'static str,
    with_peer: bool,
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> PrefixFilter {
    let Some(value) = section.get(key) else {
        return PrefixFilter::default();
    };
    match value.get_ref() {
        DeValue::String(word) if word == "host-routes" => PrefixFilter::host_routes(),
        DeValue::Array(list) => PrefixFilter {
            rules: list
                .iter()
                .filter_map(|rule| read_rule(key, with_peer, rule, problems))
                .collect(),
            otherwise: false,
        },
        _ => {
            let wanted = "a list of prefixes or rules, or \"host-routes\"";
            wrong_type(&format!("`{key}`"), value, wanted, problems);
            PrefixFilter::default()
        }
    }
}

fn read_rule(
    key: &'static str,
    with_peer: bool,
    value: &Spanned<DeValue<'_>>,
    problems: &mut Problems,
) -> Option<PrefixRule> {
    let DeValue::Table(table) = value.get_ref() else {
        let given = text(&format!("each of `{key}`"), value, problems)?;
        let within = prefix(&given, problems)?;
        return Some(PrefixRule {
            within,
            min_length: within.prefix_len(),
            max_length: within.max_prefix_len(),
            peer: None,
            permit: true,
        });
    };
    let mut rule = Section::new("a rule of a filter", table, value.span());
    let given = rule.need_text("prefix", "prefix = \"10.255.0.0/16\"", problems);
    let within = given.and_then(|given| prefix(&given, problems));
    let longest = within.map_or(128, |within| u64::from(within.max_prefix_len()));
    let shortest = within.map_or(0, |within| u64::from(within.prefix_len()));
    let what = "lengths of prefixes within this one";
    let least = rule.integer("min-length", shortest..=longest, what, problems);
    let most = rule.integer("max-length", shortest..=longest, what, problems);
    let action = rule.word("action", ACTIONS, problems);
    let peer = match with_peer {
        true => peer(&mut rule, problems),
        false => None,
    };
    rule.finish(problems);
    if let (Some(least), Some(most)) = (&least, &most)
        && least.value > most.value
    {
        problems.add_conflict(
            &least.span,
            &most.span,
            format!("`min-length` {} is above `max-length` {}", least.value, most.value),
            ("no prefix is as long as this", "and as short as this"),
            "the rule is of prefixes from `min-length` to `max-length`: exchange them, or leave one out",
        );
    }
    let within = within?;
    Some(PrefixRule {
        within,
        // Both are lengths of prefixes.
        min_length: least.map_or(within.prefix_len(), |length| length.value as u8),
        max_length: most.map_or(within.max_prefix_len(), |length| length.value as u8),
        peer,
        permit: action.is_none_or(|action| action.value),
    })
}

fn peer(rule: &mut Section<'_, '_>, problems: &mut Problems) -> Option<LdpIdentifier> {
    let given = rule.text("neighbour", problems)?;
    match given.value.parse::<Ipv4Addr>() {
        Ok(lsr_id) => Some(LdpIdentifier::platform(lsr_id)),
        Err(_) => {
            super::neighbours::not_an_lsr_id(&given, problems);
            None
        }
    }
}

fn prefix(given: &At<&str>, problems: &mut Problems) -> Option<IpNet> {
    match given.value.parse::<IpNet>() {
        Ok(prefix) => Some(prefix.trunc()),
        Err(_) => {
            problems.add(
                &given.span,
                format!("`{}` is not a prefix", given.value),
                "not prefix/length",
                "write prefix/length, as in \"10.255.0.0/16\" or \"2001:db8::/32\"",
            );
            None
        }
    }
}
