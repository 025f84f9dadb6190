//! The ILM, the FTN, and the static LSPs as configured.

use dataplane::Counters;
use forwarding::{
    EntryKey, Fec, FtnAction, IlmAction, IlmKey, Nhlfe, PathGroup, Protocol, State, TailEnd,
    TunnelModel, UnresolvedNextHop,
};
use northbound::v1::{self, Owner, ftn_entry, ilm_entry, nhlfe::Resolution, static_lsp};

use super::super::Shown;
use super::{
    circuit_name, counter, is_chosen, owner, payload, protection_name, qos_map, status, ttl_model,
};
use crate::config::{Config, StaticLspKind};

/// The ILM. `lfib`: only what forwards, without entries that another owner's stand before and
/// without labels that are never looked up.
pub(in super::super) fn ilm(
    shown: &Shown<'_>,
    counters: &Option<Counters>,
    lfib: bool,
) -> Vec<v1::IlmEntry> {
    let views = shown
        .router
        .forwarding()
        .ilm_views(&shown.status.programmed);
    let views = views
        .filter(|view| !lfib || (is_chosen(&view.state) && *view.action != IlmAction::Discard));
    let entries = views.map(|view| {
        let context = Context::of(shown, counters, &view.state, &view.unresolved);
        v1::IlmEntry {
            name: view.owner.name().to_owned(),
            status: Some(status(&view.state)),
            counter: context
                .counters
                .and_then(|all| all.ilm.get(view.key))
                .map(counter),
            owner: match view.owner.protocol {
                Protocol::Local => Owner::SpecialPurposeLabel,
                protocol => owner(protocol),
            }
            .into(),
            ..context.ilm(view.key, view.action)
        }
    });
    entries.collect()
}

/// The FTN. `lfib`: only what pushes labels, without entries that another owner's stand before.
pub(in super::super) fn ftn(
    shown: &Shown<'_>,
    counters: &Option<Counters>,
    lfib: bool,
) -> Vec<v1::FtnEntry> {
    let views = shown
        .router
        .forwarding()
        .ftn_views(&shown.status.programmed);
    let views = views.filter(|view| {
        let pushes = view.action.nhlfes().any(|nhlfe| !nhlfe.labels().is_empty());
        !lfib || (pushes && is_chosen(&view.state))
    });
    let entries = views.map(|view| {
        let context = Context::of(shown, counters, &view.state, &view.unresolved);
        v1::FtnEntry {
            name: view.owner.name().to_owned(),
            status: Some(status(&view.state)),
            counter: context
                .counters
                .and_then(|all| all.ftn.get(view.key))
                .map(counter),
            owner: owner(view.owner.protocol).into(),
            ..context.ftn(view.key, view.action)
        }
    });
    entries.collect()
}

/// The static LSPs as configured.
pub(in super::super) fn static_lsps(config: &Config) -> Vec<v1::StaticLsp> {
    let context = Context {
        shown: None,
        config,
        counters: None,
        unresolved: &[],
    };
    let lsps = config.static_lsps.iter().map(|lsp| v1::StaticLsp {
        name: lsp.name.clone(),
        kind: match lsp.kind {
            StaticLspKind::Ftn => static_lsp::Kind::Ftn,
            StaticLspKind::Ilm => static_lsp::Kind::Ilm,
            StaticLspKind::CrossConnect => static_lsp::Kind::CrossConnect,
            StaticLspKind::Pseudowire => static_lsp::Kind::Pseudowire,
            StaticLspKind::PointToMultipoint => static_lsp::Kind::PointToMultipoint,
        }
        .into(),
        ftn: lsp
            .ftn
            .as_ref()
            .map(|(fec, action)| context.ftn(fec, action)),
        ilm: lsp
            .ilm
            .as_ref()
            .map(|(key, action)| context.ilm(key, action)),
    });
    lsps.collect()
}

/// What an entry is shown with.
struct Context<'a> {
    /// The router as it runs; none for what is only configured.
    shown: Option<&'a Shown<'a>>,
    config: &'a Config,
    counters: Option<&'a Counters>,
    unresolved: &'a [UnresolvedNextHop],
}

impl<'a> Context<'a> {
    /// The context of an entry of the running router; what is not in the switch has no counter.
    fn of(
        shown: &'a Shown<'a>,
        counters: &'a Option<Counters>,
        state: &State,
        unresolved: &'a [UnresolvedNextHop],
    ) -> Self {
        Self {
            shown: Some(shown),
            config: shown.router.config(),
            counters: counters.as_ref().filter(|_| is_chosen(state)),
            unresolved,
        }
    }

    fn ilm(&self, key: &IlmKey, action: &IlmAction) -> v1::IlmEntry {
        use ilm_entry::Operation;
        let mut entry = v1::IlmEntry {
            label_space: key.label_space.0.into(),
            label: key.label.value(),
            next_label_space: action.next_label_space().map_or(0, |space| space.0.into()),
            ..v1::IlmEntry::default()
        };
        let (operation, model, map) = match action {
            IlmAction::Forward {
                paths,
                payload: below,
                tunnel_model,
                qos_map,
            } => {
                entry.payload = payload(*below).into();
                entry.nhlfes = self.group(paths);
                entry.protection = self.group_protection(paths);
                let operation = match paths.pops_labels() {
                    true => Operation::PopAndForward,
                    false => Operation::Swap,
                };
                (operation, *tunnel_model, *qos_map)
            }
            IlmAction::PopAndLookUpIp {
                vrf,
                payload: below,
                tunnel_model,
                qos_map,
                tail_end,
            } => {
                entry.payload = payload(Some(*below)).into();
                entry.vrf = vrf.0.into();
                self.tail_end(&mut entry, *tail_end);
                (Operation::PopAndLookUpIp, *tunnel_model, *qos_map)
            }
            IlmAction::PopAndLookUpLabel {
                tunnel_model,
                qos_map,
                tail_end,
                ..
            } => {
                self.tail_end(&mut entry, *tail_end);
                (Operation::PopAndLookUpLabel, *tunnel_model, *qos_map)
            }
            IlmAction::PopToAttachmentCircuit {
                circuit,
                control_word,
                qos_map,
                tail_end,
            } => {
                entry.attachment_circuit = circuit_name(self.config, *circuit);
                entry.control_word = *control_word;
                self.tail_end(&mut entry, *tail_end);
                let model = TunnelModel::Pipe;
                (Operation::PopToAttachmentCircuit, model, *qos_map)
            }
            IlmAction::Replicate {
                replication,
                qos_map,
            } => {
                entry.bud = replication.local().is_some();
                let entry_key = EntryKey::Ilm(*key);
                let local = self
                    .counters
                    .and_then(|all| all.local_branches.get(&entry_key));
                entry.local_counter = local.map(counter);
                entry.nhlfes = self.branches(&entry_key, replication.branches());
                (Operation::Replicate, TunnelModel::default(), *qos_map)
            }
            IlmAction::ExplicitNull {
                payload: below,
                tunnel_model,
            } => {
                entry.payload = payload(Some(*below)).into();
                let map = forwarding::QosMapId::DEFAULT;
                (Operation::ExplicitNull, *tunnel_model, map)
            }
            IlmAction::EntropyLabelIndicator {
                payload: below,
                tunnel_model,
            } => {
                entry.payload = payload(*below).into();
                let map = forwarding::QosMapId::DEFAULT;
                (Operation::EntropyLabelIndicator, *tunnel_model, map)
            }
            IlmAction::Punt(class) => {
                entry.punt_class = class.to_string();
                let map = forwarding::QosMapId::DEFAULT;
                (Operation::Punt, TunnelModel::default(), map)
            }
            IlmAction::Discard => {
                let map = forwarding::QosMapId::DEFAULT;
                (Operation::Discard, TunnelModel::default(), map)
            }
        };
        entry.operation = operation.into();
        entry.ttl_model = ttl_model(model).into();
        entry.qos_map = qos_map(self.config, map);
        entry
    }

    fn ftn(&self, fec: &Fec, action: &FtnAction) -> v1::FtnEntry {
        let (vrf, fec_text) = match fec {
            Fec::Prefix { vrf, prefix } => (vrf.0, prefix.to_string()),
            Fec::MulticastGroup { vrf, group } => (vrf.0, group.to_string()),
            Fec::AttachmentCircuit(circuit) => (0, circuit_name(self.config, *circuit)),
            other => (0, other.to_string()),
        };
        let first = action.nhlfes().next();
        let mut entry = v1::FtnEntry {
            vrf: vrf.into(),
            fec: fec_text,
            ttl_model: ttl_model(first.map(Nhlfe::tunnel_model).unwrap_or_default()).into(),
            qos_map: first
                .map(|nhlfe| qos_map(self.config, nhlfe.qos_map()))
                .unwrap_or_default(),
            ..v1::FtnEntry::default()
        };
        let operation = match action {
            FtnAction::Forward(group) => {
                entry.nhlfes = self.group(group);
                entry.protection = self.group_protection(group);
                ftn_entry::Operation::Forward
            }
            FtnAction::Replicate(replication) => {
                let key = EntryKey::Ftn(fec.clone());
                entry.nhlfes = self.branches(&key, replication.branches());
                ftn_entry::Operation::Replicate
            }
            FtnAction::ToRouter => ftn_entry::Operation::ToRouter,
            FtnAction::Glean => ftn_entry::Operation::Glean,
            FtnAction::Discard => ftn_entry::Operation::Discard,
        };
        entry.operation = operation.into();
        entry
    }

    fn tail_end(&self, entry: &mut v1::IlmEntry, tail_end: Option<TailEnd>) {
        if let Some(tail_end) = tail_end {
            entry.protection = protection_name(self.config, tail_end.protection);
            entry.tail_end = tail_end.role.to_string();
        }
    }

    fn group_protection(&self, group: &PathGroup) -> String {
        let protection = group.protection();
        protection
            .map(|protection| protection_name(self.config, protection))
            .unwrap_or_default()
    }

    fn group(&self, group: &PathGroup) -> Vec<v1::Nhlfe> {
        let sets = [(group.paths(), false), (group.protecting_paths(), true)];
        let paths = sets
            .into_iter()
            .flat_map(|(paths, protecting)| paths.iter().map(move |path| (path, protecting)));
        let nhlfes = paths.map(|(path, protecting)| v1::Nhlfe {
            weight: path.weight.into(),
            protecting,
            mtu: path.mtu.map(u32::from),
            backup: path
                .backup
                .as_ref()
                .map(|backup| Box::new(self.counted_nhlfe(backup))),
            ..self.counted_nhlfe(&path.nhlfe)
        });
        nhlfes.collect()
    }

    fn branches(&self, key: &EntryKey, branches: &[Nhlfe]) -> Vec<v1::Nhlfe> {
        let nhlfes = branches.iter().map(|branch| {
            let counters = self.counters.and_then(|all| all.branches.get(key));
            v1::Nhlfe {
                weight: 1,
                counter: counters
                    .and_then(|branches| branches.get(branch))
                    .map(counter),
                ..self.nhlfe(branch)
            }
        });
        nhlfes.collect()
    }

    fn counted_nhlfe(&self, nhlfe: &Nhlfe) -> v1::Nhlfe {
        v1::Nhlfe {
            counter: self
                .counters
                .and_then(|all| all.nhlfe.get(nhlfe))
                .map(counter),
            ..self.nhlfe(nhlfe)
        }
    }

    fn nhlfe(&self, nhlfe: &Nhlfe) -> v1::Nhlfe {
        let next_hop = nhlfe.next_hop();
        let problem = self
            .unresolved
            .iter()
            .find(|problem| problem.next_hop == *next_hop);
        // What is only configured is not looked for in the LFIB.
        let resolution = match problem.map(|problem| problem.problem) {
            None => Resolution::NeighbourResolved,
            Some(forwarding::NextHopProblem::NeighbourUnresolved) => {
                Resolution::NeighbourUnresolved
            }
            Some(
                forwarding::NextHopProblem::NoInterface | forwarding::NextHopProblem::InterfaceDown,
            ) => Resolution::InterfaceDown,
        };
        let lfib = self.shown.map(|shown| shown.router.forwarding().lfib());
        let mac = lfib.and_then(|lfib| lfib.resolved.get(next_hop).copied());
        let tunnel = nhlfe.tunnel().map(|tunnel| {
            let mut named = self.config.tunnels.iter();
            named
                .find(|named| named.tunnel == *tunnel && named.next_hop == *next_hop)
                .map_or_else(|| tunnel.to_string(), |named| named.name.clone())
        });
        v1::Nhlfe {
            interface: next_hop.interface.to_string(),
            next_hop: next_hop.address.to_string(),
            labels: nhlfe.labels().iter().map(|label| label.value()).collect(),
            resolution: resolution.into(),
            mac: mac.map(|mac| mac.to_string()).unwrap_or_default(),
            entropy_label_below: nhlfe.entropy_label().unwrap_or(0).into(),
            control_word: nhlfe.has_control_word(),
            upstream_assigned: nhlfe.is_upstream_assigned(),
            tunnel: tunnel.unwrap_or_default(),
            ..v1::Nhlfe::default()
        }
    }
}
