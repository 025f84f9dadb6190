//! What LDP says of labels, as entries of the FTN and of the ILM (RFC 3031 sections 3.10 to 3.12), and what
//! of it is kept over a restart (RFC 3478): in one place for lsrd and for the simulator.

mod binder;
mod bindings;

use std::collections::VecDeque;
use std::sync::Arc;

pub use binder::{Binder, FecBinding, Update};
pub use bindings::Bindings;

use forwarding::{
    BindError, EntryKey, Fec, Forwarding, FtnAction, IlmAction, IlmKey, NextHop, Nhlfe, Owner,
    Path, PathGroup, Payload, QosMapId, TunnelModel, VrfId,
};
use ipnet::IpNet;
use ldp::label::{IlmOperation, LabelledNextHop, LfibChange};
use ldp::{MultiTopologyId, PrefixFec};
use smallvec::SmallVec;

/// How packets are put into LSPs and taken out of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LspSettings {
    /// How TTL and marking go on (RFC 3443, RFC 3270).
    pub tunnel_model: TunnelModel,
    /// Whether packets get an entropy label where the peer can take it (RFC 6790).
    pub entropy_label: bool,
}

/// An entry to be bound, or to be unbound where there is no action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LfibBinding {
    /// Of the FTN.
    Ftn(Fec, Option<FtnAction>),
    /// Of the ILM.
    Ilm(IlmKey, Option<IlmAction>),
}

impl LfibBinding {
    /// Binds the entry for this owner, or unbinds it.
    ///
    /// # Errors
    /// A label of the special-purpose range is not bound.
    pub fn apply(self, forwarding: &mut Forwarding, owner: &Owner) -> Result<(), BindError> {
        match self {
            Self::Ftn(fec, Some(action)) => forwarding.bind_ftn(owner.clone(), fec, action),
            Self::Ftn(fec, None) => forwarding.unbind_ftn(owner, &fec),
            Self::Ilm(key, Some(action)) => forwarding.bind_ilm(owner.clone(), key, action)?,
            Self::Ilm(key, None) => forwarding.unbind_ilm(owner, &key),
        }
        Ok(())
    }
}

/// Makes entries of LDP's changes.
#[derive(Debug, Default)]
pub struct LfibTranslator {
    settings: LspSettings,
    /// Next hops that were bound last, as both sides have them, so that NHLFEs share them.
    known: VecDeque<(ldp::label::NextHop, Arc<NextHop>)>,
    /// The next hops bound last, whether they may get entropy labels, and their paths. A FEC and its
    /// label come one after the other, and share them.
    last: Option<(NextHops, bool, Arc<PathGroup>)>,
}

/// A batch of changes goes by few next hops; others are made anew.
const KNOWN_NEXT_HOPS: usize = 16;

type NextHops = SmallVec<[LabelledNextHop; 1]>;

impl LfibTranslator {
    /// These settings count for the bindings that come.
    pub fn set(&mut self, settings: LspSettings) {
        self.settings = settings;
        // It was made by the former ones.
        self.last = None;
    }

    /// The entry that a change is about.
    pub fn binding(&mut self, change: LfibChange) -> LfibBinding {
        match change {
            LfibChange::BindFtn { fec, next_hops } => {
                let group = self.ingress_group(next_hops);
                LfibBinding::Ftn(ftn_key(fec), group.map(FtnAction::Forward))
            }
            LfibChange::UnbindFtn { fec } => LfibBinding::Ftn(ftn_key(fec), None),
            LfibChange::BindIlm {
                label,
                fec,
                operation,
            } => {
                let action = match operation {
                    IlmOperation::Egress => Some(self.egress(fec)),
                    IlmOperation::Forward(next_hops) => self.transit(fec, next_hops),
                };
                LfibBinding::Ilm(IlmKey::platform(label), action)
            }
            LfibChange::UnbindIlm { label, .. } => LfibBinding::Ilm(IlmKey::platform(label), None),
        }
    }

    fn egress(&self, fec: PrefixFec) -> IlmAction {
        IlmAction::PopAndLookUpIp {
            vrf: vrf_of(fec.topology),
            payload: payload(fec),
            tunnel_model: self.settings.tunnel_model,
            qos_map: QosMapId::DEFAULT,
            tail_end: None,
        }
    }

    fn transit(&mut self, fec: PrefixFec, next_hops: NextHops) -> Option<IlmAction> {
        let paths = self.transit_group(next_hops)?;
        Some(IlmAction::Forward {
            paths,
            payload: Some(payload(fec)),
            tunnel_model: self.settings.tunnel_model,
            qos_map: QosMapId::DEFAULT,
        })
    }

    /// The paths of packets that come with a label.
    fn transit_group(&mut self, mut next_hops: NextHops) -> Option<Arc<PathGroup>> {
        // What is below the label may be another label (RFC 3031, 3.17): without a label for the
        // next hop nothing can be said of it there.
        next_hops.retain(|hop| hop.label.is_some());
        self.group(next_hops, false)
    }

    /// The paths of packets that get their first label.
    fn ingress_group(&mut self, next_hops: NextHops) -> Option<Arc<PathGroup>> {
        let entropy = self.settings.entropy_label;
        self.group(next_hops, entropy)
    }

    fn group(&mut self, next_hops: NextHops, entropy: bool) -> Option<Arc<PathGroup>> {
        if let Some((known, with_entropy, group)) = &self.last
            && *with_entropy == entropy
            && *known == next_hops
        {
            return Some(Arc::clone(group));
        }
        let group = match next_hops.as_slice() {
            // Nearly all FECs have one next hop, and its link is the limit.
            [hop] if hop.weight == 1 && hop.mtu.is_none() => {
                PathGroup::single(self.nhlfe(hop, entropy)?)
            }
            several => {
                let paths = several.iter().filter_map(|hop| {
                    let weight = hop.weight.clamp(1, forwarding::MAX_WEIGHT);
                    let nhlfe = self.nhlfe(hop, entropy)?;
                    let mtu = hop.mtu.map(|mtu| mtu.saturating_sub(below_label(&nhlfe)));
                    Some(Path::new(nhlfe, weight).with_mtu(mtu))
                });
                let paths = paths.collect();
                path_group(paths)?
            }
        };
        let group = Arc::new(group);
        self.last = Some((next_hops, entropy, Arc::clone(&group)));
        Some(group)
    }

    /// `None`: its label cannot be pushed, and without it packets would get out of their LSP there.
    fn nhlfe(&mut self, hop: &LabelledNextHop, entropy: bool) -> Option<Nhlfe> {
        let next_hop = self.next_hop(&hop.next_hop);
        let model = self.settings.tunnel_model;
        let nhlfe = Nhlfe::new(next_hop, hop.label, model).ok()?;
        Some(
            match entropy && hop.entropy_label_capable && !nhlfe.labels().is_empty() {
                true => nhlfe.clone().with_entropy_label(1).unwrap_or(nhlfe),
                false => nhlfe,
            },
        )
    }

    fn next_hop(&mut self, next_hop: &ldp::label::NextHop) -> Arc<NextHop> {
        let known = self.known.iter().find(|(of, _)| of == next_hop);
        if let Some((_, known)) = known {
            return Arc::clone(known);
        }
        let new = Arc::new(NextHop::new(&*next_hop.interface, next_hop.address));
        self.known.truncate(KNOWN_NEXT_HOPS - 1);
        self.known.push_front((next_hop.clone(), Arc::clone(&new)));
        new
    }
}

/// Octets that an NHLFE puts between the packet and the label of the LSP.
fn below_label(nhlfe: &Nhlfe) -> u16 {
    match nhlfe.entropy_label() {
        // Its indicator and itself (RFC 6790 section 4.2).
        Some(_) => 8,
        None => 0,
    }
}

/// Two paths that are one get the sum of their shares, and the lesser MTU.
fn path_group(mut paths: SmallVec<[Path; 1]>) -> Option<PathGroup> {
    paths.sort();
    paths.dedup_by(|later, earlier| {
        let same = later.nhlfe == earlier.nhlfe;
        if same {
            earlier.weight = (earlier.weight + later.weight).min(forwarding::MAX_WEIGHT);
            let mtus = [earlier.mtu, later.mtu].into_iter();
            earlier.mtu = mtus.flatten().min();
        }
        same
    });
    paths.truncate(forwarding::MAX_PATHS);
    PathGroup::new(paths).ok()
}

/// The key of the entry that a change is about.
pub fn entry_key(change: &LfibChange) -> EntryKey {
    match change {
        LfibChange::BindFtn { fec, .. } | LfibChange::UnbindFtn { fec } => {
            EntryKey::Ftn(ftn_key(*fec))
        }
        LfibChange::BindIlm { label, .. } | LfibChange::UnbindIlm { label, .. } => {
            EntryKey::Ilm(IlmKey::platform(*label))
        }
    }
}

/// The FEC in the FTN.
pub fn ftn_key(fec: PrefixFec) -> Fec {
    Fec::prefix(vrf_of(fec.topology), fec.prefix)
}

/// The VRF in which the FECs of a topology (RFC 7307) stand in the FTN: the one of its number, of the default one
/// the global VRF.
pub fn vrf_of(topology: MultiTopologyId) -> VrfId {
    VrfId(topology.0)
}

fn payload(fec: PrefixFec) -> Payload {
    match fec.prefix {
        IpNet::V4(_) => Payload::Ipv4,
        IpNet::V6(_) => Payload::Ipv6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forwarding::Protocol;
    use ldp::LdpIdentifier;
    use mpls::Label;
    use smallvec::smallvec;

    fn hop(last: u8, label: Option<u32>) -> LabelledNextHop {
        LabelledNextHop {
            next_hop: ldp::label::NextHop {
                interface: "core0".into(),
                address: [10, 0, 12, last].into(),
            },
            weight: 1,
            label: label.map(|label| Label::new(label).unwrap()),
            peer: Some(LdpIdentifier::platform([10, 255, 0, 2].into())),
            entropy_label_capable: true,
            mtu: None,
        }
    }

    fn fec() -> PrefixFec {
        PrefixFec::from("10.2.0.0/24".parse::<IpNet>().unwrap())
    }

    fn changes(next_hops: &NextHops) -> [LfibChange; 2] {
        let bind_ftn = LfibChange::BindFtn {
            fec: fec(),
            next_hops: next_hops.clone(),
        };
        let bind_ilm = LfibChange::BindIlm {
            label: Label::new(16_000).unwrap(),
            fec: fec(),
            operation: IlmOperation::Forward(next_hops.clone()),
        };
        [bind_ftn, bind_ilm]
    }

    fn apply(
        translator: &mut LfibTranslator,
        forwarding: &mut Forwarding,
        changes: impl IntoIterator<Item = LfibChange>,
    ) {
        for change in changes {
            let binding = translator.binding(change);
            binding.apply(forwarding, &Protocol::Ldp.into()).unwrap();
        }
    }

    /// The actions of a FEC and of its incoming label, with these next hops.
    fn bound(settings: LspSettings, next_hops: &NextHops) -> (FtnAction, IlmAction) {
        let mut translator = LfibTranslator::default();
        translator.set(settings);
        let mut forwarding = Forwarding::new();
        apply(&mut translator, &mut forwarding, changes(next_hops));
        let lfib = forwarding.lfib();
        let ftn = &lfib.ftn[&Fec::prefix(VrfId::DEFAULT, fec().prefix)];
        let ilm = &lfib.ilm[&IlmKey::platform(Label::new(16_000).unwrap())];
        assert_eq!([&ftn.owner, &ilm.owner], [&Protocol::Ldp.into(); 2]);
        (ftn.action.clone(), ilm.action.clone())
    }

    /// RFC 3032 section 2.1: implicit null is no label on the wire: the FTN forwards without one,
    /// and the ILM pops.
    #[test]
    fn implicit_null_pops() {
        let (ftn, ilm) = bound(LspSettings::default(), &smallvec![hop(2, Some(3))]);
        assert_eq!(ftn.to_string(), "forward");
        assert_eq!(ilm.to_string(), "pop");
    }

    /// A FEC and its incoming label have the same paths, which are held once.
    #[test]
    fn a_fec_and_its_label_share_their_paths() {
        let (ftn, ilm) = bound(LspSettings::default(), &smallvec![hop(2, Some(100))]);
        let (ftn, ilm) = (ftn.path_group(), ilm.path_group());
        assert!(Arc::ptr_eq(ftn.unwrap(), ilm.unwrap()));
    }

    /// A next hop without a label takes packets of the FEC at the ingress, but none that arrive
    /// with a label.
    #[test]
    fn a_next_hop_without_a_label_takes_no_labelled_packets() {
        let next_hops = smallvec![hop(2, Some(100)), hop(3, None)];
        let (ftn, ilm) = bound(LspSettings::default(), &next_hops);
        assert_eq!(ftn.nhlfes().count(), 2);
        assert_eq!(ilm.nhlfes().count(), 1);
    }

    /// A special-purpose label cannot be pushed: that next hop is not used at all, as without a label packets would
    /// get out of their LSP there.
    #[test]
    fn a_next_hop_with_a_label_that_cannot_be_pushed_is_left_out() {
        let next_hops = smallvec![hop(2, Some(100)), hop(3, Some(7))];
        let (ftn, ilm) = bound(LspSettings::default(), &next_hops);
        assert_eq!(ftn.nhlfes().count(), 1);
        assert_eq!(ilm.nhlfes().count(), 1);
        for change in changes(&smallvec![hop(3, Some(7))]) {
            let binding = LfibTranslator::default().binding(change);
            assert!(matches!(
                binding,
                LfibBinding::Ftn(_, None) | LfibBinding::Ilm(_, None)
            ));
        }
    }

    /// Two next hops that are one in the LFIB get both shares.
    #[test]
    fn next_hops_that_are_one_share_once() {
        let twice = smallvec![hop(2, Some(100)), hop(3, Some(100)), hop(2, Some(100))];
        let (ftn, _) = bound(LspSettings::default(), &twice);
        let paths = ftn.path_group().unwrap().paths();
        let shares: Vec<_> = paths.iter().map(|path| path.weight).collect();
        assert_eq!(shares, [2, 1]);
    }

    /// RFC 6790 section 4.2: the ingress puts the entropy label below the label of an LSP whose
    /// egress can take it; whoever swaps does not.
    #[test]
    fn only_the_ingress_puts_an_entropy_label_on() {
        let settings = LspSettings {
            entropy_label: true,
            ..LspSettings::default()
        };
        let (ftn, ilm) = bound(settings, &smallvec![hop(2, Some(100))]);
        let below: Vec<_> = ftn.nhlfes().map(Nhlfe::entropy_label).collect();
        assert_eq!(below, [Some(1)]);
        let below: Vec<_> = ilm.nhlfes().map(Nhlfe::entropy_label).collect();
        assert_eq!(below, [None]);
    }

    /// RFC 3988 section 4: the MTU of the LSP limits what enters by its path. With an entropy label there is
    /// less room below the LSP's label (RFC 6790 section 4.2); of next hops that are one the lesser counts.
    #[test]
    fn the_mtu_of_the_lsp_limits_the_path_of_the_ingress() {
        let limited = |last, mtu| LabelledNextHop {
            mtu,
            ..hop(last, Some(100))
        };
        let mtus = |entropy_label, next_hops: &[LabelledNextHop]| {
            let settings = LspSettings {
                entropy_label,
                ..LspSettings::default()
            };
            let (ftn, _) = bound(settings, &next_hops.into());
            let paths = ftn.path_group().unwrap().paths();
            paths.iter().map(|path| path.mtu).collect::<Vec<_>>()
        };
        let alone = [limited(2, Some(1400))];
        assert_eq!(mtus(false, &alone), [Some(1400)]);
        assert_eq!(mtus(true, &alone), [Some(1392)]);
        let not_capable = LabelledNextHop {
            entropy_label_capable: false,
            ..limited(2, Some(1400))
        };
        assert_eq!(mtus(true, &[not_capable]), [Some(1400)]);
        let both = [limited(2, Some(1400)), limited(3, None)];
        assert_eq!(mtus(false, &both), [Some(1400), None]);
        for twice in [
            [None, Some(1400)],
            [Some(1400), None],
            [Some(1500), Some(1400)],
        ] {
            let twice = twice.map(|mtu| limited(2, mtu));
            assert_eq!(mtus(false, &twice), [Some(1400)]);
        }
        assert_eq!(mtus(true, &[limited(2, Some(3))]), [Some(0)]);
    }

    /// RFC 7307: the FECs of a topology are those of the VRF with its number, at the ingress and at the egress.
    #[test]
    fn another_topology_has_entries_of_its_own() {
        let fec = PrefixFec {
            topology: MultiTopologyId(5),
            ..fec()
        };
        let ingress = LfibChange::BindFtn {
            fec,
            next_hops: smallvec![hop(2, Some(100))],
        };
        let key = Fec::prefix(VrfId(5), fec.prefix);
        assert_eq!(entry_key(&ingress), EntryKey::Ftn(key.clone()));
        let binding = LfibTranslator::default().binding(ingress);
        assert!(matches!(binding, LfibBinding::Ftn(of, Some(_)) if of == key));
        let egress = LfibChange::BindIlm {
            label: Label::new(16_000).unwrap(),
            fec,
            operation: IlmOperation::Egress,
        };
        let LfibBinding::Ilm(_, Some(action)) = LfibTranslator::default().binding(egress) else {
            panic!("the egress binds its label")
        };
        assert!(matches!(
            action,
            IlmAction::PopAndLookUpIp { vrf: VrfId(5), .. }
        ));
    }

    #[test]
    fn what_is_unbound_is_gone() {
        let (mut translator, mut forwarding) = (LfibTranslator::default(), Forwarding::new());
        let bind = changes(&smallvec![hop(2, Some(100))]);
        apply(&mut translator, &mut forwarding, bind);
        let unbind = [
            LfibChange::UnbindFtn { fec: fec() },
            LfibChange::UnbindIlm {
                label: Label::new(16_000).unwrap(),
                fec: fec(),
            },
        ];
        apply(&mut translator, &mut forwarding, unbind);
        let lfib = forwarding.lfib();
        assert!(lfib.ftn.is_empty() && lfib.ilm.is_empty());
    }
}
