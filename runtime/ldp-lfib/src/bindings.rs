//! What LDP bound, as it is kept over a restart (RFC 3478, 3.1): the switch forwards by it all the
//! while, and the neighbours wait.

use std::collections::BTreeMap;
use std::net::IpAddr;

use forwarding::EntryKey;
use ldp::label::{IlmOperation, LabelledNextHop, LfibChange, NextHop, Preserved};
use ldp::{MultiTopologyId, ParsePrefixFecError, PrefixFec};
use mpls::Label;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// The bindings of LDP as they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Bindings {
    ftn: BTreeMap<KeptFec, NextHops>,
    ilm: BTreeMap<Label, Incoming>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Incoming {
    fec: KeptFec,
    /// None: this router is the egress.
    next_hops: NextHops,
}

/// A FEC, as a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct KeptFec(PrefixFec);

impl TryFrom<String> for KeptFec {
    type Error = ParsePrefixFecError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl From<KeptFec> for String {
    fn from(KeptFec(fec): KeptFec) -> Self {
        fec.to_string()
    }
}

/// Next hops, without whose label each has: that is learned again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Hop>", into = "Vec<Hop>")]
struct NextHops(SmallVec<[LabelledNextHop; 1]>);

impl From<&SmallVec<[LabelledNextHop; 1]>> for NextHops {
    fn from(hops: &SmallVec<[LabelledNextHop; 1]>) -> Self {
        let unknown = |hop: &LabelledNextHop| LabelledNextHop {
            peer: None,
            ..hop.clone()
        };
        Self(hops.iter().map(unknown).collect())
    }
}

impl From<NextHops> for Vec<Hop> {
    fn from(hops: NextHops) -> Self {
        hops.0.iter().map(Hop::from).collect()
    }
}

impl From<Vec<Hop>> for NextHops {
    fn from(hops: Vec<Hop>) -> Self {
        Self(hops.iter().map(LabelledNextHop::from).collect())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Hop {
    interface: String,
    address: IpAddr,
    weight: u16,
    label: Option<Label>,
    entropy_label: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mtu: Option<u16>,
}

impl From<&LabelledNextHop> for Hop {
    fn from(hop: &LabelledNextHop) -> Self {
        Self {
            interface: hop.next_hop.interface.to_string(),
            address: hop.next_hop.address,
            weight: hop.weight,
            label: hop.label,
            entropy_label: hop.entropy_label_capable,
            mtu: hop.mtu,
        }
    }
}

impl From<&Hop> for LabelledNextHop {
    fn from(hop: &Hop) -> Self {
        Self {
            next_hop: NextHop {
                interface: hop.interface.as_str().into(),
                address: hop.address,
            },
            weight: hop.weight,
            label: hop.label,
            peer: None,
            entropy_label_capable: hop.entropy_label,
            mtu: hop.mtu,
        }
    }
}

impl Bindings {
    /// Takes a change in.
    pub fn apply(&mut self, change: &LfibChange) {
        match change {
            LfibChange::BindFtn { fec, next_hops } => {
                self.ftn.insert(KeptFec(*fec), next_hops.into());
            }
            LfibChange::UnbindFtn { fec } => {
                self.ftn.remove(&KeptFec(*fec));
            }
            LfibChange::BindIlm {
                label,
                fec,
                operation,
            } => {
                let next_hops = match operation {
                    IlmOperation::Egress => NextHops::default(),
                    IlmOperation::Forward(hops) => hops.into(),
                };
                let fec = KeptFec(*fec);
                self.ilm.insert(*label, Incoming { fec, next_hops });
            }
            LfibChange::UnbindIlm { label, .. } => {
                self.ilm.remove(label);
            }
        }
    }

    /// The entry of a FEC is not bound any more.
    pub fn forget(&mut self, key: &EntryKey, fec: PrefixFec) {
        match key {
            EntryKey::Ftn(_) => {
                self.ftn.remove(&KeptFec(fec));
            }
            EntryKey::Ilm(key) => {
                self.ilm.remove(&key.label);
            }
        }
    }

    /// Forgets the FECs of topologies (RFC 7307) for which this does not hold. The default topology stays.
    pub fn retain_topologies(&mut self, holds: impl Fn(MultiTopologyId) -> bool) {
        let stays = |KeptFec(fec): &KeptFec| {
            fec.topology == MultiTopologyId::DEFAULT || holds(fec.topology)
        };
        self.ftn.retain(|fec, _| stays(fec));
        self.ilm.retain(|_, incoming| stays(&incoming.fec));
    }

    /// What makes them anew.
    pub fn changes(&self) -> Vec<LfibChange> {
        let ftn = self.ftn.iter().map(|(fec, hops)| LfibChange::BindFtn {
            fec: fec.0,
            next_hops: hops.0.clone(),
        });
        let ilm = self.ilm.iter().map(|(label, incoming)| {
            let hops = &incoming.next_hops.0;
            LfibChange::BindIlm {
                label: *label,
                fec: incoming.fec.0,
                operation: match hops.is_empty() {
                    true => IlmOperation::Egress,
                    false => IlmOperation::Forward(hops.clone()),
                },
            }
        });
        ftn.chain(ilm).collect()
    }

    /// As the state machine wants to know them.
    pub fn preserved(&self) -> Preserved {
        let labels = self.ilm.iter();
        Preserved {
            labels: labels
                .map(|(label, incoming)| (incoming.fec.0, *label))
                .collect(),
            ftns: self.ftn.keys().map(|fec| fec.0).collect(),
        }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.ftn.is_empty() && self.ilm.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smallvec::smallvec;

    fn hop(label: Option<u32>) -> LabelledNextHop {
        LabelledNextHop {
            next_hop: NextHop {
                interface: "core0".into(),
                address: [10, 0, 12, 2].into(),
            },
            weight: 1,
            label: label.map(|label| Label::new(label).unwrap()),
            peer: None,
            entropy_label_capable: true,
            mtu: None,
        }
    }

    /// RFC 3478 section 3.1: what the restarting LSR preserved are its labels with their FECs.
    #[test]
    fn what_is_stored_makes_the_same_bindings_again() {
        let fec = |text: &str| text.parse::<PrefixFec>().unwrap();
        let label = |value| Label::new(value).unwrap();
        let changes = vec![
            LfibChange::BindFtn {
                fec: fec("10.2.0.0/24"),
                next_hops: smallvec![LabelledNextHop {
                    mtu: Some(1400),
                    ..hop(Some(100))
                }],
            },
            LfibChange::BindIlm {
                label: label(16_000),
                fec: fec("10.2.0.0/24"),
                operation: IlmOperation::Forward(smallvec![hop(Some(3))]),
            },
            LfibChange::BindIlm {
                label: label(16_001),
                fec: fec("2001:db8::/64 topology 3996"),
                operation: IlmOperation::Egress,
            },
        ];
        let mut bindings = Bindings::default();
        changes.iter().for_each(|change| bindings.apply(change));
        let text = serde_json::to_vec(&bindings).unwrap();
        let again: Bindings = serde_json::from_slice(&text).unwrap();
        assert_eq!(again.changes(), changes);
        let labels = [
            (fec("10.2.0.0/24"), label(16_000)),
            (fec("2001:db8::/64 topology 3996"), label(16_001)),
        ];
        assert_eq!(again.preserved().labels, labels);
        assert_eq!(again.preserved().ftns, [fec("10.2.0.0/24")]);
        bindings.apply(&LfibChange::UnbindFtn {
            fec: fec("10.2.0.0/24"),
        });
        assert!(bindings.preserved().ftns.is_empty());
    }

    /// What was stored before MTUs were is read, and says that there is none.
    #[test]
    fn bindings_without_mtus_are_read() {
        let text = r#"{"ftn": {"10.2.0.0/24": [{"interface": "core0", "address": "10.0.12.2",
            "weight": 1, "label": 100, "entropy-label": true}]}, "ilm": {}}"#;
        let bindings: Bindings = serde_json::from_str(text).unwrap();
        let expected = LfibChange::BindFtn {
            fec: "10.2.0.0/24".parse().unwrap(),
            next_hops: smallvec![hop(Some(100))],
        };
        assert_eq!(bindings.changes(), [expected]);
    }

    /// RFC 7307: the number of a topology that is gone may be a VRF's now, which has no part in its LSPs.
    #[test]
    fn the_bindings_of_topologies_that_are_gone_are_forgotten() {
        let mut bindings = Bindings::default();
        for (value, of) in [
            (16_000, ""),
            (16_001, " topology 5"),
            (16_002, " topology 6"),
        ] {
            let fec = format!("10.2.0.0/24{of}").parse().unwrap();
            let label = Label::new(value).unwrap();
            bindings.apply(&LfibChange::BindFtn {
                fec,
                next_hops: smallvec![hop(Some(100))],
            });
            bindings.apply(&LfibChange::BindIlm {
                label,
                fec,
                operation: IlmOperation::Egress,
            });
        }
        bindings.retain_topologies(|topology| topology == MultiTopologyId(6));
        let kept = bindings.preserved();
        let values: Vec<u32> = kept.labels.iter().map(|(_, label)| label.value()).collect();
        assert_eq!(values, [16_000, 16_002]);
        assert_eq!(kept.ftns.len(), 2);
    }
}
