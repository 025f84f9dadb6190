//! The checks of FTN entries, ILM entries, cross-connects and pseudowires.

use forwarding::{
    Fec, FtnAction, IlmAction, LabelSpace, Payload, PuntClass, QosMapId, TailEnd, VrfId,
};
use ipnet::IpNet;
use toml::Spanned;

use super::super::problem::{Problems, Span};
use super::super::section::{At, Section};
use super::super::{ProtectionKind, StaticLsp, StaticLspKind, protection, qos};
use super::next_hops::{Alike, Paths};
use super::{StaticLsps, label_space, payload, ttl_model, vrf};

const OPERATIONS: &[(&str, Operation)] = &[
    ("pop-and-look-up-ip", Operation::Ip),
    ("pop-and-look-up-label", Operation::Label),
    ("punt", Operation::Punt),
    ("discard", Operation::Discard),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Ip,
    Label,
    Punt,
    Discard,
}

impl StaticLsps<'_> {
    /// Reads one `[[static-lsp.ftn]]`.
    pub(super) fn read_ftn(&mut self, mut section: Section<'_, '_>, problems: &mut Problems) {
        let name = self.name("ftn", &mut section, problems);
        let vrf = vrf(&mut section, problems).map_or(0, |vrf| vrf.value);
        let fec = self.fec(&mut section, vrf, problems);
        let tunnel_model = ttl_model(&mut section, problems);
        let qos_map = qos::reference(self.referred.maps, &mut section, problems);
        let alike = Alike {
            payload: fec.map(|fec| match fec {
                IpNet::V4(_) => Payload::Ipv4,
                IpNet::V6(_) => Payload::Ipv6,
            }),
            tunnel_model,
            qos_map,
            control_word: false,
            group: None,
        };
        let paths = self.paths(&mut section, alike, problems);
        section.finish(problems);
        self.vrfs.insert(vrf);
        if let (Some(name), Some(fec), Some(paths)) = (name, fec, paths) {
            let action = match paths {
                Paths::Group(group) => FtnAction::Forward(group),
                Paths::Both(replication) => FtnAction::Replicate(replication),
            };
            self.read.push(StaticLsp {
                name,
                kind: StaticLspKind::Ftn,
                ftn: Some((Fec::prefix(VrfId(vrf), fec), action)),
                ilm: None,
            });
        }
    }

    /// Reads one `[[static-lsp.ilm]]`.
    pub(super) fn read_ilm(&mut self, mut section: Section<'_, '_>, problems: &mut Problems) {
        let name = self.name("ilm", &mut section, problems);
        let key = self.incoming_label(&mut section, problems);
        let operation = match section.get("operation") {
            Some(_) => section.word("operation", OPERATIONS, problems),
            None => {
                let example = "operation = \"pop-and-look-up-ip\"";
                section.missing("operation", example, problems);
                None
            }
        };
        let payload = payload(&mut section, problems);
        let vrf = vrf(&mut section, problems);
        let next_space = label_space("next-label-space", &mut section, problems);
        let tunnel_model = ttl_model(&mut section, problems);
        let qos_map = qos::reference(self.referred.maps, &mut section, problems);
        let tail_end = self.tail_end(&mut section, problems);
        self.led_to
            .extend(next_space.as_ref().map(|space| space.value));
        let unused = |keys: &[(&str, Option<Span>)], problems: &mut Problems| {
            for (key, span) in keys {
                if let Some(span) = span {
                    problems.add(
                        span,
                        format!("`{key}` has no meaning for this operation"),
                        "not used",
                        "remove it, or use another operation",
                    );
                }
            }
        };
        let of_ip = [
            ("payload", payload.as_ref().map(|at| at.span.clone())),
            ("vrf", vrf.as_ref().map(|at| at.span.clone())),
        ];
        let of_label = [(
            "next-label-space",
            next_space.as_ref().map(|at| at.span.clone()),
        )];
        let action = operation.and_then(|operation| match operation.value {
            Operation::Ip => {
                unused(&of_label, problems);
                if section.get("payload").is_none() {
                    problems.add(
                        &operation.span,
                        "`pop-and-look-up-ip` needs to know what is below the label",
                        "`payload` is missing",
                        "add payload = \"ipv4\" or payload = \"ipv6\": it is known from the FEC \
                         and never guessed from the packet (RFC 9790)",
                    );
                }
                self.check_vrf(vrf.as_ref(), problems);
                Some(IlmAction::PopAndLookUpIp {
                    vrf: VrfId(vrf.map_or(0, |vrf| vrf.value)),
                    payload: payload?.value,
                    tunnel_model,
                    qos_map,
                    tail_end: tail_end.ok()?,
                })
            }
            Operation::Label => {
                unused(&of_ip, problems);
                Some(IlmAction::PopAndLookUpLabel {
                    label_space: next_space.map_or(LabelSpace::PLATFORM, |space| space.value),
                    tunnel_model,
                    qos_map,
                    tail_end: tail_end.ok()?,
                })
            }
            Operation::Punt | Operation::Discard => {
                unused(&of_ip, problems);
                unused(&of_label, problems);
                Some(match operation.value {
                    Operation::Punt => IlmAction::Punt(PuntClass::LabelAction),
                    _ => IlmAction::Discard,
                })
            }
        });
        section.finish(problems);
        if let (Some(name), Some(key), Some(action)) = (name, key, action) {
            self.read.push(StaticLsp {
                name,
                kind: StaticLspKind::Ilm,
                ftn: None,
                ilm: Some((key, action)),
            });
        }
    }

    /// The keys `protection` and `protection-path` at the tail of 1+1 protection.
    fn tail_end(
        &self,
        section: &mut Section<'_, '_>,
        problems: &mut Problems,
    ) -> Result<Option<TailEnd>, ()> {
        let named = section.get("protection").is_some();
        let domain = protection::reference(self.referred.protections, section, problems);
        let role = protection::role(section, problems);
        if !named && role.is_none() && section.get("protection-path").is_none() {
            return Ok(None);
        }
        if !named {
            section.missing("protection", "protection = \"east\"", problems);
        }
        if section.get("protection-path").is_none() {
            section.missing("protection-path", "protection-path = \"working\"", problems);
        }
        let (Some(domain), Some(role)) = (domain, role) else {
            return Err(());
        };
        if domain.value.kind != ProtectionKind::OnePlusOne {
            problems.add(
                &domain.span,
                format!("`{}` is 1:1 protection", domain.value.name),
                "its tail takes what comes by either path",
                "remove `protection` and `protection-path`, or make it kind = \"one-plus-one\"",
            );
            return Err(());
        }
        Ok(Some(TailEnd {
            protection: domain.value.id,
            role: role.value,
        }))
    }

    /// Reads one `[[static-lsp.cross-connect]]`.
    pub(super) fn read_cross_connect(
        &mut self,
        mut section: Section<'_, '_>,
        problems: &mut Problems,
    ) {
        let name = self.name("cross-connect", &mut section, problems);
        let key = self.incoming_label(&mut section, problems);
        let payload = payload(&mut section, problems).map(|payload| payload.value);
        let tunnel_model = ttl_model(&mut section, problems);
        let qos_map = qos::reference(self.referred.maps, &mut section, problems);
        let alike = Alike {
            payload,
            tunnel_model,
            qos_map,
            control_word: false,
            group: None,
        };
        let paths = self.paths(&mut section, alike, problems);
        let action = paths.map(|paths| match paths {
            Paths::Group(paths) => {
                let all: Vec<_> = paths.nhlfes().collect();
                let popping = all.iter().filter(|nhlfe| nhlfe.labels().is_empty()).count();
                check_popping(popping, all.len(), &mut section, problems);
                IlmAction::Forward {
                    paths,
                    payload,
                    tunnel_model,
                    qos_map,
                }
            }
            Paths::Both(replication) => IlmAction::Replicate {
                replication,
                qos_map,
            },
        });
        section.finish(problems);
        if let (Some(name), Some(key), Some(action)) = (name, key, action) {
            self.read.push(StaticLsp {
                name,
                kind: StaticLspKind::CrossConnect,
                ftn: None,
                ilm: Some((key, action)),
            });
        }
    }

    /// Reads one `[[static-lsp.pseudowire]]` (RFC 4448).
    pub(super) fn read_pseudowire(
        &mut self,
        mut section: Section<'_, '_>,
        problems: &mut Problems,
    ) {
        let name = self.name("pseudowire", &mut section, problems);
        let circuit = self.circuit(&mut section, problems);
        let key = self.incoming_label(&mut section, problems);
        let control_word = section.boolean("control-word", true, problems);
        let given = section.get("qos-map").is_some();
        let qos_map = qos::reference(self.referred.maps, &mut section, problems);
        // Without a map of its own the pseudowire has the circuit's.
        let qos_map = match (&circuit, given) {
            (Some(circuit), false) => circuit.value.1,
            _ => qos_map,
        };
        let alike = Alike {
            payload: None,
            // An Ethernet frame has no TTL to be uniform with.
            tunnel_model: forwarding::TunnelModel::Pipe,
            qos_map,
            control_word,
            group: None,
        };
        let paths = self.paths(&mut section, alike, problems);
        let list = list_span(&mut section);
        section.finish(problems);
        let (Some(name), Some(circuit), Some(key), Some(paths)) = (name, circuit, key, paths)
        else {
            return;
        };
        let Paths::Group(group) = paths else {
            problems.add(
                &list,
                "a pseudowire has no 1+1 protection of its own",
                "sent by one path at a time",
                "protect the LSP below it, or use a [[protection]] of kind \"one-to-one\"",
            );
            return;
        };
        if group.pops_labels() {
            problems.add(
                &list,
                "a pseudowire needs a label: its far end tells the circuit by it",
                "a next hop without labels",
                "the innermost label of each next hop is the one that the far end bound",
            );
            return;
        }
        let (circuit, _) = circuit.value;
        let deliver = IlmAction::PopToAttachmentCircuit {
            circuit,
            control_word,
            qos_map,
            tail_end: None,
        };
        self.read.push(StaticLsp {
            name,
            kind: StaticLspKind::Pseudowire,
            ftn: Some((Fec::AttachmentCircuit(circuit), FtnAction::Forward(group))),
            ilm: Some((key, deliver)),
        });
    }

    /// The key `attachment-circuit`; each is the end of one pseudowire.
    fn circuit(
        &mut self,
        section: &mut Section<'_, '_>,
        problems: &mut Problems,
    ) -> Option<At<(forwarding::AttachmentCircuit, QosMapId)>> {
        let key = "attachment-circuit";
        if section.get(key).is_none() {
            section.missing(key, "attachment-circuit = \"customer-a\"", problems);
            return None;
        }
        let circuit = self.referred.circuits.referred(key, section, problems)?;
        let (_, config) = circuit.value;
        if let Some(earlier) = self.circuits.get(&config.name) {
            problems.add_conflict(
                &circuit.span,
                earlier,
                format!(
                    "two pseudowires end at attachment circuit `{}`",
                    config.name
                ),
                ("again here", "first here"),
                "a circuit is the end of one pseudowire",
            );
            return None;
        }
        let found = At {
            value: (config.circuit, config.qos_map),
            span: circuit.span.clone(),
        };
        self.circuits.insert(config.name.clone(), circuit.span);
        Some(found)
    }
}

fn list_span(section: &mut Section<'_, '_>) -> Span {
    section
        .get("next-hops")
        .map(Spanned::span)
        .unwrap_or_default()
}

/// A penultimate hop knows what it uncovers, and does not swap as well.
fn check_popping(
    popping: usize,
    next_hops: usize,
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) {
    let list = list_span(section);
    if popping > 0 && section.get("payload").is_none() {
        problems.add(
            &list,
            "a penultimate hop must know what is below the label that it pops",
            "no label is left here",
            "add payload = \"ipv4\" or payload = \"ipv6\": it is known from the FEC and never \
             guessed from the packet (RFC 9790)",
        );
    }
    if popping > 0 && popping < next_hops {
        problems.add(
            &list,
            "a cross-connect either swaps on all its next hops or pops on all",
            "some next hops have labels, some have none",
            "split the next hops, or let the popping ones push an explicit null: labels = \
             [\"explicit-null\"]",
        );
    }
}
