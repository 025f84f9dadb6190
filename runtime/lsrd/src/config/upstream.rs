//! The checks of `[[upstream-label-space]]` (RFC 5331, RFC 5332).

use forwarding::{LabelSpaceKind, NextHop};

use super::UpstreamConfig;
use super::interfaces::Interfaces;
use super::lsps::{label_space, next_hop_address};
use super::problem::Problems;
use super::section::Section;

/// Reads one `[[upstream-label-space]]`.
pub(super) fn read(
    interfaces: &Interfaces,
    mut section: Section<'_, '_>,
    problems: &mut Problems,
) -> Option<UpstreamConfig> {
    let name = section.need_text("interface", "interface = \"core0\"", problems);
    let address = section.need_text("neighbour", "neighbour = \"10.0.12.2\"", problems);
    if section.get("label-space").is_none() {
        section.missing("label-space", "label-space = 32768", problems);
    }
    let space = label_space("label-space", &mut section, problems);
    section.finish(problems);
    let (name, address, space) = (name?, address?, space?);
    let interface = interfaces.find(&name, problems)?;
    let address = next_hop_address(&address, interface, problems)?;
    if space.value.kind() != LabelSpaceKind::Context {
        problems.add(
            &space.span,
            "labels that a neighbour assigned have a context of their own (RFC 5331, 7)",
            "not a context label space",
            "use one of 32768 to 65534",
        );
        return None;
    }
    Some(UpstreamConfig {
        neighbour: NextHop::new(interface.name.as_str(), address),
        label_space: space.value,
    })
}
