//! What is particular to some neighbours: `[[ldp.neighbour]]`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ::ldp::engine::{DisabledFamilies, KeepAliveTime, PeerConfig, TtlSecurity};

use super::super::problem::Problems;
use super::super::section::{At, Section, text};
use super::{bounded, keys};

const TTL_SECURITY: &[(&str, TtlSecurity)] = &[
    ("negotiated", TtlSecurity::Negotiated),
    ("always", TtlSecurity::Always),
    ("never", TtlSecurity::Never),
];

/// Reads all `[[ldp.neighbour]]`.
pub(super) fn read(
    section: &mut Section<'_, '_>,
    own_lsr_id: Ipv4Addr,
    problems: &mut Problems,
) -> BTreeMap<Ipv4Addr, PeerConfig> {
    let mut read = BTreeMap::new();
    for mut own in section.tables("neighbour", "[[ldp.neighbour]]", problems) {
        let lsr_id = own.need_text("lsr-id", "lsr-id = \"10.255.0.2\"", problems);
        let ttl_security = own.word("ttl-security", TTL_SECURITY, problems);
        let what = "seconds between signs of life (RFC 5036, section 3.5.3)";
        let keepalive = bounded("keepalive-time", what, &mut own, problems);
        let settings = PeerConfig {
            key: keys::session(&mut own, problems),
            ttl_security: ttl_security.map_or_else(Default::default, |given| given.value),
            keepalive_time: keepalive.map(|(time, _): (KeepAliveTime, _)| time),
            disabled_families: disabled(&mut own, problems),
        };
        own.finish(problems);
        let Some(given) = lsr_id else { continue };
        let Ok(lsr_id) = given.value.parse::<Ipv4Addr>() else {
            not_an_lsr_id(&given, problems);
            continue;
        };
        if lsr_id == own_lsr_id {
            problems.add(
                &given.span,
                format!("{lsr_id} is the LSR Id of this router"),
                "not a neighbour's",
                "write the neighbour's router identifier, such as \"10.255.0.2\"",
            );
        }
        if read.insert(lsr_id, settings).is_some() {
            problems.add(
                &given.span,
                format!("[[ldp.neighbour]] is there twice for {lsr_id}"),
                "again here",
                "leave one of them out",
            );
        }
    }
    read
}

/// Says that a text is no LSR Id.
pub(super) fn not_an_lsr_id(given: &At<&str>, problems: &mut Problems) {
    problems.add(
        &given.span,
        format!("`{}` is not an LSR Id", given.value),
        "not four octets",
        "write the neighbour's router identifier, such as \"10.255.0.2\"",
    );
}

/// Reads `disabled-families` (RFC 7473).
fn disabled(section: &mut Section<'_, '_>, problems: &mut Problems) -> Option<DisabledFamilies> {
    let list = section.list("disabled-families", problems)?;
    let mut disabled = DisabledFamilies::default();
    for value in list.value {
        let Some(word) = text("each of `disabled-families`", value, problems) else {
            continue;
        };
        match word.value {
            "ipv4" => disabled.ipv4 = true,
            "ipv6" => disabled.ipv6 = true,
            other => problems.add(
                &word.span,
                format!("`{other}` is not an address family"),
                "not known",
                "known: ipv4, ipv6",
            ),
        }
    }
    Some(disabled)
}
