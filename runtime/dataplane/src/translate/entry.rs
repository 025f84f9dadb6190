//! Entries of the LFIB.

use forwarding::{AttachmentCircuit, EntryKey, Fec, FtnAction, IlmAction, Nhlfe};

use super::pass::{LfibEntry, Pass};
use super::{GroupKey, Translator};
use crate::{FtnValue, IlmValue, Key, PathGroupId, Refusal, Value};

impl Translator {
    /// Stages what one entry of the LFIB needs; false if none of its next hops is resolved.
    pub(super) fn translate_entry(
        &mut self,
        pass: &mut Pass<'_>,
        key: &EntryKey,
        entry: LfibEntry<'_>,
    ) -> Result<bool, Refusal> {
        pass.discard();
        match (key, entry) {
            (EntryKey::Ftn(Fec::AttachmentCircuit(circuit)), LfibEntry::Ftn(action)) => {
                self.attachment_circuit(pass, *circuit, action)
            }
            (EntryKey::Ftn(_), LfibEntry::Ftn(action)) => {
                let Some(switch_key) = Pass::switch_key(key) else {
                    return Err(Refusal::UnsupportedFec);
                };
                let Some(value) = self.ftn_value(pass, action)? else {
                    return Ok(false);
                };
                pass.stage(switch_key, Value::Ftn(value));
                Ok(true)
            }
            (EntryKey::Ilm(label), LfibEntry::Ilm(action)) => {
                let Some(value) = self.ilm_value(pass, action)? else {
                    return Ok(false);
                };
                // The same entry in every ILM table: a label may be found at any depth.
                for stage in 0..self.capacity.ilm_tables {
                    pass.stage(Key::Ilm(stage, *label), Value::Ilm(value));
                }
                Ok(true)
            }
            _ => Err(Refusal::UnsupportedFec),
        }
    }

    /// The ingress of a pseudowire.
    fn attachment_circuit(
        &mut self,
        pass: &mut Pass<'_>,
        circuit: AttachmentCircuit,
        action: &FtnAction,
    ) -> Result<bool, Refusal> {
        let FtnAction::Forward(group) = action else {
            return Err(Refusal::UnsupportedAction(action.to_string()));
        };
        if group.pops_labels() {
            return Err(Refusal::LabelNeeded("a pseudowire"));
        }
        let key = match circuit.vlan {
            Some(_) => Key::Interface(circuit.port, circuit.vlan),
            None => Key::AttachmentPort(circuit.port),
        };
        if pass.has(&key) {
            return Err(Refusal::InterfaceInUse);
        }
        let Some(group) = self.group(pass, GroupKey::of_fec(group))? else {
            return Ok(false);
        };
        let settings = pass.desired.circuits.get(&circuit).copied();
        let value = Value::AttachmentCircuit(group, settings.unwrap_or_default().qos_map);
        pass.stage(key, value);
        Ok(true)
    }

    fn ftn_value(
        &mut self,
        pass: &mut Pass<'_>,
        action: &FtnAction,
    ) -> Result<Option<FtnValue>, Refusal> {
        Ok(Some(match action {
            FtnAction::Forward(group) => match self.group(pass, GroupKey::of_fec(group))? {
                Some(group) => FtnValue::Forward(group),
                None => return Ok(None),
            },
            FtnAction::Replicate(replication) => {
                if replication.local().is_some() {
                    return Err(Refusal::LocalBranch);
                }
                self.check_labels(replication.branches())?;
                match self.install_replication(pass, replication)? {
                    Some((group, max_length)) => FtnValue::Replicate(group, max_length),
                    None => return Ok(None),
                }
            }
            FtnAction::ToRouter => FtnValue::ToRouter,
            FtnAction::Glean => FtnValue::Glean,
            FtnAction::Discard => FtnValue::Discard,
        }))
    }

    fn ilm_value(
        &mut self,
        pass: &mut Pass<'_>,
        action: &IlmAction,
    ) -> Result<Option<IlmValue>, Refusal> {
        Ok(Some(match action {
            IlmAction::Forward {
                paths,
                payload,
                tunnel_model,
                qos_map,
            } => {
                // A group with a path that pops takes the label off for all of them; the other
                // paths push their labels in its place.
                let pops = paths.pops_labels();
                if pops && paths.pushes_labels() && payload.is_none() {
                    return Err(Refusal::PayloadNeeded);
                }
                let qos_map = *qos_map;
                match self.group(pass, GroupKey::of_label(paths))? {
                    Some(group) if pops => IlmValue::PopAndForward {
                        group,
                        payload: *payload,
                        model: *tunnel_model,
                        qos_map,
                    },
                    Some(group) => IlmValue::Swap { group, qos_map },
                    None => return Ok(None),
                }
            }
            IlmAction::PopAndLookUpIp {
                vrf,
                payload,
                tunnel_model,
                qos_map,
                tail_end,
            } => IlmValue::PopAndLookUpIp {
                vrf: *vrf,
                payload: *payload,
                model: *tunnel_model,
                qos_map: *qos_map,
                tail_end: *tail_end,
            },
            IlmAction::PopAndLookUpLabel {
                label_space,
                tunnel_model,
                qos_map,
                tail_end,
            } => IlmValue::PopAndLookUpLabel {
                label_space: *label_space,
                model: *tunnel_model,
                qos_map: *qos_map,
                tail_end: *tail_end,
            },
            IlmAction::PopToAttachmentCircuit {
                circuit,
                control_word,
                qos_map,
                tail_end,
            } => {
                let Some(group) = self.group(pass, GroupKey::Circuit(*circuit))? else {
                    return Ok(None);
                };
                IlmValue::PopToAttachmentCircuit {
                    group,
                    control_word: *control_word,
                    qos_map: *qos_map,
                    tail_end: *tail_end,
                }
            }
            IlmAction::Replicate {
                replication,
                qos_map,
            } => {
                self.check_labels(replication.branches())?;
                let unlabelled = |nhlfe: &Nhlfe| nhlfe.labels().is_empty();
                if replication.branches().iter().any(unlabelled) {
                    // Penultimate hop popping would leave nobody to know whose packet it is.
                    return Err(Refusal::LabelNeeded("a branch of a label"));
                }
                match self.install_replication(pass, replication)? {
                    Some((group, max_length)) => IlmValue::Replicate {
                        group,
                        max_length,
                        qos_map: *qos_map,
                    },
                    None => return Ok(None),
                }
            }
            IlmAction::ExplicitNull {
                payload,
                tunnel_model,
            } => IlmValue::ExplicitNull {
                payload: *payload,
                model: *tunnel_model,
            },
            IlmAction::EntropyLabelIndicator {
                payload,
                tunnel_model,
            } => IlmValue::EntropyLabelIndicator {
                payload: *payload,
                model: *tunnel_model,
            },
            IlmAction::Punt(class) => IlmValue::Punt((*class).into()),
            IlmAction::Discard => IlmValue::Discard,
        }))
    }

    fn group(
        &mut self,
        pass: &mut Pass<'_>,
        key: GroupKey,
    ) -> Result<Option<PathGroupId>, Refusal> {
        if let GroupKey::Paths(group, _) = &key {
            self.check_labels(group.nhlfes())?;
        }
        self.install_group(pass, key)
    }

    /// What the switch cannot push, whatever space it has.
    fn check_labels<'a>(&self, nhlfes: impl IntoIterator<Item = &'a Nhlfe>) -> Result<(), Refusal> {
        let most = self.capacity.pushed_labels;
        for nhlfe in nhlfes {
            let labels = nhlfe.labels().len();
            if labels > usize::from(most) {
                return Err(Refusal::TooManyLabels { labels, most });
            }
        }
        Ok(())
    }
}
