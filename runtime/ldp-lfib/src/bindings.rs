//! What LDP bound, as it is kept over a restart (RFC 3478, 3.1): the switch forwards by it all the
//! while, and the neighbours wait.

use std::collections::BTreeMap;
use std::net::IpAddr;

use forwarding::{EntryKey, Fec};
use ipnet::IpNet;
use ldp::label::{IlmOperation, LabelledNextHop, LfibChange, NextHop, Preserved};
use ldp::{MultiTopologyId, PrefixFec};
use mpls::Label;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// The bindings of LDP as they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Bindings {
    ftn: BTreeMap<IpNet, NextHops>,
    ilm: BTreeMap<Label, Incoming>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Incoming {
    fec: IpNet,
    /// None: this router is the egress.
    next_hops: NextHops,
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
}

impl From<&LabelledNextHop> for Hop {
    fn from(hop: &LabelledNextHop) -> Self {
        Self {
            interface: hop.next_hop.interface.to_string(),
            address: hop.next_hop.address,
            weight: hop.weight,
            label: hop.label,
            entropy_label: hop.entropy_label_capable,
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
        }
    }
}

impl Bindings {
    /// Takes a change in. Other topologies than the default one are not kept.
    pub fn apply(&mut self, change: &LfibChange) {
        if change.fec().topology != MultiTopologyId::DEFAULT {
            return;
        }
        match change {
            LfibChange::BindFtn { fec, next_hops } => {
                self.ftn.insert(fec.prefix, next_hops.into());
            }
            LfibChange::UnbindFtn { fec } => {
                self.ftn.remove(&fec.prefix);
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
                let fec = fec.prefix;
                self.ilm.insert(*label, Incoming { fec, next_hops });
            }
            LfibChange::UnbindIlm { label, .. } => {
                self.ilm.remove(label);
            }
        }
    }

    /// An entry is not bound any more.
    pub fn forget(&mut self, key: &EntryKey) {
        match key {
            EntryKey::Ftn(Fec::Prefix { prefix, .. }) => {
                self.ftn.remove(prefix);
            }
            EntryKey::Ftn(_) => {}
            EntryKey::Ilm(key) => {
                self.ilm.remove(&key.label);
            }
        }
    }

    /// What makes them anew.
    pub fn changes(&self) -> Vec<LfibChange> {
        let ftn = self.ftn.iter().map(|(fec, hops)| LfibChange::BindFtn {
            fec: PrefixFec::from(*fec),
            next_hops: hops.0.clone(),
        });
        let ilm = self.ilm.iter().map(|(label, incoming)| {
            let hops = &incoming.next_hops.0;
            LfibChange::BindIlm {
                label: *label,
                fec: PrefixFec::from(incoming.fec),
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
                .map(|(label, incoming)| (PrefixFec::from(incoming.fec), *label))
                .collect(),
            ftns: self.ftn.keys().map(|fec| PrefixFec::from(*fec)).collect(),
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
        }
    }

    /// RFC 3478 section 3.1: what the restarting LSR preserved are its labels with their FECs.
    #[test]
    fn what_is_stored_makes_the_same_bindings_again() {
        let fec = |text: &str| PrefixFec::from(text.parse::<IpNet>().unwrap());
        let label = |value| Label::new(value).unwrap();
        let changes = vec![
            LfibChange::BindFtn {
                fec: fec("10.2.0.0/24"),
                next_hops: smallvec![hop(Some(100))],
            },
            LfibChange::BindIlm {
                label: label(16_000),
                fec: fec("10.2.0.0/24"),
                operation: IlmOperation::Forward(smallvec![hop(Some(3))]),
            },
            LfibChange::BindIlm {
                label: label(16_001),
                fec: fec("2001:db8::/64"),
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
            (fec("2001:db8::/64"), label(16_001)),
        ];
        assert_eq!(again.preserved().labels, labels);
        assert_eq!(again.preserved().ftns, [fec("10.2.0.0/24")]);
        bindings.apply(&LfibChange::UnbindFtn {
            fec: fec("10.2.0.0/24"),
        });
        assert!(bindings.preserved().ftns.is_empty());
    }
}
