//! The special-purpose labels as bindings of the ILM.

use mpls::{Label, SpecialPurposeLabel};

use crate::{IlmAction, IlmKey, LabelSpace, Payload, PuntClass, TunnelModel};

/// What the router does with the special-purpose labels that leave it a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecialPurposeLabels {
    /// How TTL and marking go on below an explicit null (RFC 3032 section 2.1).
    pub explicit_null: TunnelModel,
    /// What happens to the MPLS network action indicator, label 4 (RFC 9994).
    pub network_action: IlmAction,
}

impl Default for SpecialPurposeLabels {
    /// Uniform explicit null; network actions are discarded, as an LSR that does not know them
    /// does with a label that it cannot process.
    fn default() -> Self {
        Self {
            explicit_null: TunnelModel::Uniform,
            network_action: IlmAction::Discard,
        }
    }
}

impl SpecialPurposeLabels {
    /// The bindings of the labels 0 to 15 in a label space (RFC 3032 section 2.1, RFC 7274,
    /// RFC 9017). They are needed in every space in which labels are looked up.
    ///
    /// Among the extended special-purpose labels, 7 is the entropy label indicator all the same,
    /// and a packet with another of the values 0 to 15 is discarded (RFC 7274 section 3.1).
    pub fn bindings(&self, label_space: LabelSpace) -> Vec<(IlmKey, IlmAction)> {
        let reserved =
            (0..Label::MIN_UNRESERVED.value()).filter_map(|value| Label::new(value).ok());
        let binding = |label: Label| {
            let extended = label_space == LabelSpace::EXTENDED_SPECIAL_PURPOSE;
            let action = if extended && label != Label::ENTROPY_LABEL_INDICATOR {
                IlmAction::Discard
            } else {
                self.action(label.special_purpose())
            };
            (IlmKey { label_space, label }, action)
        };
        reserved.map(binding).collect()
    }

    fn action(&self, label: Option<SpecialPurposeLabel>) -> IlmAction {
        use SpecialPurposeLabel as Special;
        let tunnel_model = self.explicit_null;
        match label {
            Some(Special::Ipv4ExplicitNull) => IlmAction::ExplicitNull {
                payload: Payload::Ipv4,
                tunnel_model,
            },
            Some(Special::Ipv6ExplicitNull) => IlmAction::ExplicitNull {
                payload: Payload::Ipv6,
                tunnel_model,
            },
            Some(Special::RouterAlert) => IlmAction::Punt(PuntClass::RouterAlert),
            Some(Special::MplsNetworkAction) => self.network_action.clone(),
            // Below the indicator is no FEC that could tell what its payload is.
            Some(Special::EntropyLabelIndicator) => IlmAction::EntropyLabelIndicator {
                payload: None,
                tunnel_model: TunnelModel::Uniform,
            },
            Some(Special::GenericAssociatedChannel) => {
                IlmAction::Punt(PuntClass::GenericAssociatedChannel)
            }
            Some(Special::Extension) => {
                IlmAction::pop_and_look_up_label(LabelSpace::EXTENDED_SPECIAL_PURPOSE)
            }
            // Implicit null is never on the wire, OAM alert (RFC 3429) is not processed here, and
            // the others are not assigned.
            Some(Special::ImplicitNull | Special::OamAlert) | Some(_) | None => IlmAction::Discard,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Forwarding, Protocol};

    /// What the registry says of each label may be bound, in a space of labels and in that below
    /// label 15.
    #[test]
    fn every_reserved_label_has_a_binding_that_is_its_meaning() {
        let mut forwarding = Forwarding::new();
        for space in [LabelSpace::PLATFORM, LabelSpace::EXTENDED_SPECIAL_PURPOSE] {
            let bindings = SpecialPurposeLabels::default().bindings(space);
            assert_eq!(bindings.len(), 16);
            for (key, action) in bindings {
                let bound = forwarding.bind_ilm(Protocol::Local.into(), key, action);
                assert_eq!(bound, Ok(()), "{key}");
            }
        }
        let action = |space, value| {
            let label = Label::new(value).unwrap();
            let key = IlmKey {
                label_space: space,
                label,
            };
            forwarding.lfib().ilm[&key].action.to_string()
        };
        let names = |space| {
            (0..16)
                .map(|value| action(space, value))
                .collect::<Vec<_>>()
        };
        let mut expected = ["discard"; 16];
        expected[7] = "entropy-label-indicator";
        assert_eq!(names(LabelSpace::EXTENDED_SPECIAL_PURPOSE), expected);
        expected[0] = "explicit-null";
        expected[1] = "punt";
        expected[2] = "explicit-null";
        expected[13] = "punt";
        expected[15] = "pop-and-look-up-label";
        assert_eq!(names(LabelSpace::PLATFORM), expected);
    }

    /// RFC 9994: what the router does with the indicator is configured.
    #[test]
    fn network_actions_are_treated_as_configured() {
        let labels = SpecialPurposeLabels {
            network_action: IlmAction::PUNT,
            ..Default::default()
        };
        let bindings = labels.bindings(LabelSpace::PLATFORM);
        assert_eq!(bindings[4].1, IlmAction::PUNT);
    }
}
