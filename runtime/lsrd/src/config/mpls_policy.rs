//! The checks of `[mpls]`: what the router does where no LSP says it.

use forwarding::{IlmAction, SpecialPurposeLabels};

use super::MplsPolicy;
use super::lsps::tunnel_model;
use super::problem::Problems;
use super::section::Section;

const NETWORK_ACTIONS: &[(&str, bool)] = &[("discard", false), ("punt", true)];
const TOO_BIG: &[(&str, bool)] = &[("fragment", true), ("discard", false)];

/// Reads `[mpls]`.
pub(super) fn read(root: &mut Section<'_, '_>, problems: &mut Problems) -> MplsPolicy {
    let mut policy = MplsPolicy {
        special_purpose: SpecialPurposeLabels::default(),
        fragment: true,
    };
    let Some(mut section) = root.table("mpls", "[mpls]", problems) else {
        return policy;
    };
    policy.special_purpose.explicit_null =
        tunnel_model("explicit-null-ttl-model", &mut section, problems);
    let punted = section.word("network-action-indicator", NETWORK_ACTIONS, problems);
    if punted.is_some_and(|punted| punted.value) {
        policy.special_purpose.network_action = IlmAction::PUNT;
    }
    let fragment = section.word("too-big-ipv4", TOO_BIG, problems);
    policy.fragment = fragment.is_none_or(|fragment| fragment.value);
    section.finish(problems);
    policy
}
