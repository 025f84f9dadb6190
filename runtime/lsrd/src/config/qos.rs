//! The checks of `[[qos-map]]` (RFC 3270, RFC 5129, RFC 5462).

use std::collections::BTreeMap;

use forwarding::{Behaviour, Codes, Dscp, Pcp, Phb, QosMap, QosMapId};
use mpls::TrafficClass;
use toml::Spanned;
use toml::de::DeValue;

use super::named::Named;
use super::problem::Problems;
use super::section::{At, Section, integer, one_of, text};

/// The per-hop behaviours that have a name (RFC 2474, 2597, 3246, 8622).
const NAMES: &[(&str, u8)] = &[
    ("be", 0),
    ("cs1", 8),
    ("cs2", 16),
    ("cs3", 24),
    ("cs4", 32),
    ("cs5", 40),
    ("cs6", 48),
    ("cs7", 56),
    ("af11", 10),
    ("af12", 12),
    ("af13", 14),
    ("af21", 18),
    ("af22", 20),
    ("af23", 22),
    ("af31", 26),
    ("af32", 28),
    ("af33", 30),
    ("af41", 34),
    ("af42", 36),
    ("af43", 38),
    ("ef", 46),
    ("le", 1),
];
const CODE_POINTS: &str = "differentiated services code points (RFC 2474)";
/// Map 0 is the one that every switch has.
const MAX_MAPS: usize = u8::MAX as usize;

/// The map that `qos-map` names; the default one when the key is absent.
pub(super) fn reference(
    maps: &Named<QosMap>,
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> QosMapId {
    match maps.referred("qos-map", section, problems) {
        // As many as MAX_MAPS were read at the most.
        Some(map) => QosMapId(map.value.0 as u8 + 1),
        None => QosMapId::DEFAULT,
    }
}

/// Reads one `[[qos-map]]`.
pub(super) fn read(
    maps: &mut Named<QosMap>,
    mut section: Section<'_, '_>,
    problems: &mut Problems,
) {
    let name = maps.name(&mut section, "name = \"core\"", problems);
    let span = section.span.clone();
    let mut map = QosMap::default();
    for mut entry in section.tables("tc-to-phb", "tc-to-phb", problems) {
        let tc = traffic_class("tc", &mut entry, problems);
        let phb = phb(&mut entry, problems);
        let congestion = entry.boolean("congestion", false, problems);
        if let (Some(tc), Some(phb)) = (tc, phb) {
            let behaviour = Behaviour { phb, congestion };
            once(&mut map.from_traffic_class, tc, behaviour, &entry, problems);
        }
        entry.finish(problems);
    }
    for mut entry in section.tables("dscp-to-phb", "dscp-to-phb", problems) {
        let dscp = dscp(&mut entry, problems);
        let phb = phb(&mut entry, problems);
        if let (Some(dscp), Some(phb)) = (dscp, phb) {
            once(&mut map.from_dscp, dscp, phb, &entry, problems);
        }
        entry.finish(problems);
    }
    for mut entry in section.tables("phb-to-codes", "phb-to-codes", problems) {
        let phb = phb(&mut entry, problems);
        let congestion = entry.boolean("congestion", false, problems);
        let tc = traffic_class("tc", &mut entry, problems);
        // What is not said follows the behaviour itself.
        let dscp = match entry.get("dscp") {
            Some(_) => dscp(&mut entry, problems),
            None => phb.and_then(|phb| Dscp::new(phb.value()).ok()),
        };
        let pcp = match entry.get("pcp") {
            Some(_) => entry
                .integer("pcp", 0..=7, "priority code points", problems)
                .and_then(|pcp| Pcp::new(pcp.value as u8).ok()),
            None => phb.and_then(|phb| Pcp::new(phb.value() >> 3).ok()),
        };
        if let (Some(phb), Some(traffic_class), Some(dscp), Some(pcp)) = (phb, tc, dscp, pcp) {
            let codes = Codes {
                traffic_class,
                dscp,
                pcp,
            };
            let behaviour = Behaviour { phb, congestion };
            once(&mut map.to_codes, behaviour, codes, &entry, problems);
        }
        entry.finish(problems);
    }
    for mut entry in section.tables("mark-congestion", "mark-congestion", problems) {
        let tc = traffic_class("tc", &mut entry, problems);
        let marked = traffic_class("marked", &mut entry, problems);
        if let (Some(tc), Some(marked)) = (tc, marked) {
            once(&mut map.mark_congestion, tc, marked, &entry, problems);
        }
        entry.finish(problems);
    }
    section.finish(problems);
    if maps.len() >= MAX_MAPS {
        problems.add(
            &span,
            "there are too many QoS maps",
            "one too many",
            format!("a switch holds {MAX_MAPS}"),
        );
        return;
    }
    if let Some(name) = name {
        maps.insert(name, map);
    }
}

fn once<K: Ord, V>(
    map: &mut BTreeMap<K, V>,
    key: K,
    value: V,
    entry: &Section<'_, '_>,
    problems: &mut Problems,
) {
    if map.insert(key, value).is_some() {
        problems.add(
            &entry.span,
            "the map says this twice",
            "again here",
            "one code point has one meaning in a map: remove one of the two",
        );
    }
}

fn traffic_class(
    key: &'static str,
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> Option<TrafficClass> {
    let (example, what) = (format!("{key} = 5"), "traffic classes (RFC 5462)");
    let value = section.need_integer(key, &example, 0..=7, what, problems)?;
    TrafficClass::new(value.value as u8).ok()
}

/// An element of a list of DSCPs: a number, or the name of the behaviour that has it by default.
pub(super) fn code_point(
    key: &str,
    value: &Spanned<DeValue<'_>>,
    problems: &mut Problems,
) -> Option<At<Dscp>> {
    let (number, span) = match value.get_ref().as_integer() {
        Some(_) => {
            let At { value, span } = integer(key, value, 0..=63, CODE_POINTS, problems)?;
            (value as u8, span)
        }
        None => {
            let given = text(&format!("each of `{key}`"), value, problems)?;
            let wrong = format!("`{}` is no DSCP", given.value);
            let At { value, span } = one_of(given, NAMES, wrong, problems)?;
            (value, span)
        }
    };
    let value = Dscp::new(number).ok()?;
    Some(At { value, span })
}

/// The key `dscp` (RFC 2474).
pub(super) fn dscp(section: &mut Section<'_, '_>, problems: &mut Problems) -> Option<Dscp> {
    let value = section.need_integer("dscp", "dscp = 46", 0..=63, CODE_POINTS, problems)?;
    Dscp::new(value.value as u8).ok()
}

fn phb(section: &mut Section<'_, '_>, problems: &mut Problems) -> Option<Phb> {
    let example = "phb = \"ef\"";
    let value = match section.get("phb").map(|value| value.get_ref().as_integer()) {
        None => {
            section.missing("phb", example, problems);
            return None;
        }
        Some(Some(_)) => {
            let what = "per-hop behaviours, by their default DSCP";
            section.integer("phb", 0..=63, what, problems)?.value as u8
        }
        Some(None) => {
            let At { value, .. } = section.word("phb", NAMES, problems)?;
            value
        }
    };
    Phb::new(value).ok()
}
