//! The checks of `[[protection]]` (RFC 6378).

use forwarding::{PathRole, ProtectionId};

use super::named::Named;
use super::problem::Problems;
use super::section::{At, Section};
use super::{ProtectionConfig, ProtectionKind};

const KINDS: &[(&str, ProtectionKind)] = &[
    ("one-to-one", ProtectionKind::OneToOne),
    ("one-plus-one", ProtectionKind::OnePlusOne),
];
const ROLES: &[(&str, PathRole)] = &[
    ("working", PathRole::Working),
    ("protecting", PathRole::Protecting),
];

/// Reads one `[[protection]]`.
pub(super) fn read(
    domains: &mut Named<ProtectionConfig>,
    mut section: Section<'_, '_>,
    problems: &mut Problems,
) {
    let name = domains.name(&mut section, "name = \"east\"", problems);
    let kind = match section.get("kind") {
        Some(_) => section.word("kind", KINDS, problems),
        None => {
            section.missing("kind", "kind = \"one-to-one\"", problems);
            None
        }
    };
    let span = section.span.clone();
    section.finish(problems);
    let Ok(id) = u16::try_from(domains.len() + 1)
        .map_err(|_| ())
        .and_then(|id| ProtectionId::new(id).map_err(|_| ()))
    else {
        problems.add(
            &span,
            "there are too many protection domains",
            "one too many",
            "a switch holds 65535",
        );
        return;
    };
    if let (Some(name), Some(kind)) = (name, kind) {
        let domain = ProtectionConfig {
            name: name.clone(),
            id,
            kind: kind.value,
        };
        domains.insert(name, domain);
    }
}

/// The domain that `protection` names.
pub(super) fn reference<'a>(
    domains: &'a Named<ProtectionConfig>,
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> Option<At<&'a ProtectionConfig>> {
    let domain = domains.referred("protection", section, problems)?;
    Some(At {
        value: domain.value.1,
        span: domain.span,
    })
}

/// The key `protection-path`: which of the two paths.
pub(super) fn role(section: &mut Section<'_, '_>, problems: &mut Problems) -> Option<At<PathRole>> {
    section.word("protection-path", ROLES, problems)
}
