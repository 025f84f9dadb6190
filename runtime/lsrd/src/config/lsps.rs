//! The checks of `[[static-lsp.ftn]]`, `[[static-lsp.ilm]]` and `[[static-lsp.cross-connect]]`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use forwarding::{Payload, TtlModel};
use ipnet::IpNet;
use mpls::Label;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::interfaces::{Interfaces, is_ipv4_unicast, is_ipv6_unicast, is_link_local};
use super::problem::{Problems, Span};
use super::section::{At, Section, text, wrong_type};
use super::{CrossConnect, IlmOperation, InterfaceConfig, NextHop, StaticFtn, StaticIlm};

const PAYLOADS: &[(&str, Payload)] = &[("ipv4", Payload::Ipv4), ("ipv6", Payload::Ipv6)];
const TTL_MODELS: &[(&str, TtlModel)] = &[
    ("uniform", TtlModel::Uniform),
    ("pipe", TtlModel::Pipe),
    ("short-pipe", TtlModel::ShortPipe),
];
const OPERATIONS: &[(&str, Operation)] = &[
    ("pop-and-look-up-ip", Operation::Ip),
    ("pop-and-look-up-label", Operation::Label),
    ("punt", Operation::Punt),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Ip,
    Label,
    Punt,
}

/// What the hardware profile allows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Labels that the egress pipeline can push.
    pub(super) pushed_labels: usize,
    /// The weights of all next hops of one path group together.
    pub(super) weights: u64,
}

/// The static LSPs that were read so far, and where their unique values stand.
pub(super) struct StaticLsps<'a> {
    interfaces: &'a Interfaces,
    limits: Limits,
    names: BTreeMap<(&'static str, String), Span>,
    labels: BTreeMap<(u16, u32), Span>,
    fecs: BTreeMap<(u16, IpNet), Span>,
    pub(super) ftn: Vec<StaticFtn>,
    pub(super) ilm: Vec<StaticIlm>,
    pub(super) cross_connects: Vec<CrossConnect>,
}

impl<'a> StaticLsps<'a> {
    /// None read yet.
    pub(super) fn new(interfaces: &'a Interfaces, limits: Limits) -> Self {
        Self {
            interfaces,
            limits,
            names: BTreeMap::new(),
            labels: BTreeMap::new(),
            fecs: BTreeMap::new(),
            ftn: Vec::new(),
            ilm: Vec::new(),
            cross_connects: Vec::new(),
        }
    }

    /// Reads one `[[static-lsp.ftn]]`.
    pub(super) fn read_ftn(&mut self, mut section: Section<'_, '_>, problems: &mut Problems) {
        let name = self.name("ftn", &mut section, problems);
        let vrf = vrf(&mut section, problems).map_or(0, |vrf| vrf.value);
        let fec = self.fec(&mut section, vrf, problems);
        let ttl_model = ttl_model(&mut section, problems);
        let family = fec.map(|fec| match fec {
            IpNet::V4(_) => Payload::Ipv4,
            IpNet::V6(_) => Payload::Ipv6,
        });
        let next_hops = self.next_hops(&mut section, family, problems);
        section.finish(problems);
        if let (Some(name), Some(fec), Some(next_hops)) = (name, fec, next_hops) {
            self.ftn.push(StaticFtn {
                name,
                fec,
                vrf,
                ttl_model,
                next_hops,
            });
        }
    }

    /// Reads one `[[static-lsp.ilm]]`.
    pub(super) fn read_ilm(&mut self, mut section: Section<'_, '_>, problems: &mut Problems) {
        let name = self.name("ilm", &mut section, problems);
        let incoming = self.incoming_label(&mut section, problems);
        let operation = match section.get("operation") {
            Some(_) => section.word("operation", OPERATIONS, problems),
            None => {
                let example = "operation = \"pop-and-look-up-ip\"";
                section.missing("operation", example, problems);
                None
            }
        };
        let payload = section.word("payload", PAYLOADS, problems);
        let vrf = vrf(&mut section, problems);
        let ttl_model = ttl_model(&mut section, problems);
        let operation = operation.and_then(|operation| match operation.value {
            Operation::Ip => match payload {
                Some(payload) => {
                    self.check_vrf(vrf.as_ref(), problems);
                    let vrf = vrf.map_or(0, |vrf| vrf.value);
                    Some(IlmOperation::PopAndLookUpIp {
                        vrf,
                        payload: payload.value,
                    })
                }
                None => {
                    if section.get("payload").is_none() {
                        problems.add(
                            &operation.span,
                            "`pop-and-look-up-ip` needs to know what is below the label",
                            "`payload` is missing",
                            "add payload = \"ipv4\" or payload = \"ipv6\": it is known from the \
                             FEC and never guessed from the packet (RFC 9790)",
                        );
                    }
                    None
                }
            },
            Operation::Label | Operation::Punt => {
                for (key, given) in [
                    ("payload", payload.map(|at| at.span)),
                    ("vrf", vrf.map(|at| at.span)),
                ] {
                    if let Some(span) = given {
                        problems.add(
                            &span,
                            format!("`{key}` has no meaning for this operation"),
                            "not used",
                            "remove it, or use operation = \"pop-and-look-up-ip\"",
                        );
                    }
                }
                Some(match operation.value {
                    Operation::Punt => IlmOperation::Punt,
                    _ => IlmOperation::PopAndLookUpLabel,
                })
            }
        });
        section.finish(problems);
        if let (Some(name), Some((label, label_space)), Some(operation)) =
            (name, incoming, operation)
        {
            self.ilm.push(StaticIlm {
                name,
                label,
                label_space,
                operation,
                ttl_model,
            });
        }
    }

    /// Reads one `[[static-lsp.cross-connect]]`.
    pub(super) fn read_cross_connect(
        &mut self,
        mut section: Section<'_, '_>,
        problems: &mut Problems,
    ) {
        let name = self.name("cross-connect", &mut section, problems);
        let incoming = self.incoming_label(&mut section, problems);
        let payload = section
            .word("payload", PAYLOADS, problems)
            .map(|payload| payload.value);
        let ttl_model = ttl_model(&mut section, problems);
        let next_hops = self.next_hops(&mut section, payload, problems);
        if let Some(next_hops) = &next_hops {
            let popping = next_hops.iter().filter(|hop| hop.labels.is_empty()).count();
            let list = section
                .get("next-hops")
                .map(Spanned::span)
                .unwrap_or_default();
            if popping > 0 && section.get("payload").is_none() {
                problems.add(
                    &list,
                    "a penultimate hop must know what is below the label that it pops",
                    "no label is left here",
                    "add payload = \"ipv4\" or payload = \"ipv6\": it is known from the FEC and \
                     never guessed from the packet (RFC 9790)",
                );
            }
            if popping > 0 && popping < next_hops.len() {
                problems.add(
                    &list,
                    "a cross-connect either swaps on all its next hops or pops on all",
                    "some next hops have labels, some have none",
                    "split the next hops, or let the popping ones push an explicit null: \
                     labels = [\"explicit-null\"]",
                );
            }
        }
        section.finish(problems);
        if let (Some(name), Some((label, label_space)), Some(next_hops)) =
            (name, incoming, next_hops)
        {
            self.cross_connects.push(CrossConnect {
                name,
                label,
                label_space,
                payload,
                ttl_model,
                next_hops,
            });
        }
    }

    fn name(
        &mut self,
        kind: &'static str,
        section: &mut Section<'_, '_>,
        problems: &mut Problems,
    ) -> Option<String> {
        let name = section.need_text("name", "name = \"to-pe2\"", problems)?;
        if name.value.trim().is_empty() {
            problems.add(
                &name.span,
                "the name of an LSP is empty",
                "empty",
                "give it a name",
            );
            return None;
        }
        let key = (kind, name.value.to_owned());
        if let Some(earlier) = self.names.get(&key) {
            problems.add_conflict(
                &name.span,
                earlier,
                format!(
                    "two entries of static-lsp.{kind} have the name `{}`",
                    name.value
                ),
                ("again here", "first here"),
                "counters and messages tell them by name: give each its own",
            );
            return None;
        }
        self.names.insert(key, name.span);
        Some(name.value.to_owned())
    }

    fn incoming_label(
        &mut self,
        section: &mut Section<'_, '_>,
        problems: &mut Problems,
    ) -> Option<(Label, u16)> {
        let space = section.integer(
            "label-space",
            0..=u64::from(u16::MAX),
            "label space numbers",
            problems,
        );
        if let Some(space) = &space {
            let used =
                self.interfaces.all().iter().any(|interface| {
                    interface.mpls && u64::from(interface.label_space) == space.value
                });
            if !used && !self.interfaces.any_broken() {
                problems.add(
                    &space.span,
                    format!("no interface uses label space {}", space.value),
                    "labels of this space never arrive",
                    "set `label-space` on the [[interface]] where they arrive, with mpls = true",
                );
            }
        }
        let space = space.map_or(0, |space| space.value as u16);
        let Some(value) = section.get("label") else {
            section.missing("label", "label = 100", problems);
            return None;
        };
        let label = label("`label`", value, problems)?;
        let key = (space, label.value.value());
        if let Some(earlier) = self.labels.get(&key) {
            problems.add_conflict(
                &label.span,
                earlier,
                format!("label {} is used twice in label space {space}", label.value),
                ("again here", "first here"),
                "an incoming label has one meaning in its label space (RFC 3031, 3.14): choose \
                 another label",
            );
            return None;
        }
        self.labels.insert(key, label.span);
        Some((label.value, space))
    }

    /// A VRF without interface and without FTN entry forwards nothing.
    fn check_vrf(&self, vrf: Option<&At<u16>>, problems: &mut Problems) {
        let Some(At { value: vrf, span }) = vrf else {
            return;
        };
        let used = *vrf == 0
            || self.interfaces.any_broken()
            || self
                .interfaces
                .all()
                .iter()
                .any(|interface| interface.vrf == *vrf)
            || self.ftn.iter().any(|ftn| ftn.vrf == *vrf);
        if !used {
            problems.add(
                span,
                format!("VRF {vrf} is empty: no interface and no FTN entry is in it"),
                "packets would be dropped",
                format!("set vrf = {vrf} on an [[interface]] or on a [[static-lsp.ftn]]"),
            );
        }
    }

    fn fec(
        &mut self,
        section: &mut Section<'_, '_>,
        vrf: u16,
        problems: &mut Problems,
    ) -> Option<IpNet> {
        let given = section.need_text("fec", "fec = \"10.2.0.0/24\"", problems)?;
        let Ok(fec) = given.value.parse::<IpNet>() else {
            let remedy = match given.value.parse::<IpAddr>() {
                Ok(address) => format!("for the host alone write \"{}\"", IpNet::from(address)),
                Err(_) => {
                    "write prefix/length, as in \"10.2.0.0/24\" or \"2001:db8:2::/64\"".into()
                }
            };
            problems.add(
                &given.span,
                format!("`{}` is not an address prefix", given.value),
                "not prefix/length",
                remedy,
            );
            return None;
        };
        if fec.trunc() != fec {
            problems.add(
                &given.span,
                format!("`{fec}` has bits beyond its length"),
                "this is an address of a host",
                format!("the prefix is \"{}\"", fec.trunc()),
            );
            return None;
        }
        if let Some(earlier) = self.fecs.get(&(vrf, fec)) {
            problems.add_conflict(
                &given.span,
                earlier,
                format!("two FTN entries for {fec} in VRF {vrf}"),
                ("again here", "first here"),
                "one entry with several `next-hops` shares the load among them",
            );
            return None;
        }
        self.fecs.insert((vrf, fec), given.span);
        Some(fec)
    }

    fn next_hops(
        &self,
        section: &mut Section<'_, '_>,
        payload: Option<Payload>,
        problems: &mut Problems,
    ) -> Option<Vec<NextHop>> {
        let example = "next-hops = [{ interface = \"core0\", address = \"10.0.12.2\", labels = \
                       [100] }]";
        if section.get("next-hops").is_none() {
            section.missing("next-hops", example, problems);
            return None;
        }
        let list = section.list("next-hops", problems)?;
        if list.value.is_empty() {
            problems.add(
                &list.span,
                "`next-hops` is empty",
                "empty",
                format!("name one: {example}"),
            );
            return None;
        }
        let mut next_hops: Vec<At<NextHop>> = Vec::new();
        for value in list.value {
            let DeValue::Table(table) = value.get_ref() else {
                wrong_type("each of `next-hops`", value, "a table, in braces", problems);
                continue;
            };
            let Some(hop) = self.next_hop(table, value.span(), payload, problems) else {
                continue;
            };
            if let Some(earlier) = next_hops.iter().find(|earlier| {
                earlier.value.interface == hop.interface
                    && earlier.value.address == hop.address
                    && earlier.value.labels == hop.labels
            }) {
                problems.add_conflict(
                    &value.span(),
                    &earlier.span,
                    "the same next hop twice",
                    ("again here", "first here"),
                    "use `weight` to give a next hop a larger share",
                );
            }
            next_hops.push(At {
                value: hop,
                span: value.span(),
            });
        }
        let weights: u64 = next_hops
            .iter()
            .map(|hop| u64::from(hop.value.weight))
            .sum();
        if weights > self.limits.weights {
            problems.add(
                &list.span,
                format!("the weights of these next hops are {weights} together"),
                "too many",
                format!(
                    "the hardware profile allows {} per path group (path_group_max_members)",
                    self.limits.weights
                ),
            );
        }
        let complete = next_hops.len() == list.value.len();
        complete.then(|| next_hops.into_iter().map(|hop| hop.value).collect())
    }

    fn next_hop(
        &self,
        table: &DeTable<'_>,
        span: Span,
        payload: Option<Payload>,
        problems: &mut Problems,
    ) -> Option<NextHop> {
        let mut section = Section::new("a next hop", table, span);
        let name = section.need_text("interface", "interface = \"core0\"", problems);
        let address = section.need_text("address", "address = \"10.0.12.2\"", problems);
        let labels = self.out_labels(&mut section, payload, problems);
        let weight = section
            .integer("weight", 1..=u64::from(u8::MAX), "weights", problems)
            .map_or(1, |weight| weight.value as u16);
        section.finish(problems);
        let (name, address, labels) = (name?, address?, labels?);
        let interface = self.interface(&name, problems)?;
        if !labels.value.is_empty() && !interface.mpls {
            problems.add(
                &name.span,
                format!("MPLS is not enabled on interface `{}`", name.value),
                "labelled packets cannot leave here",
                format!("set mpls = true on the [[interface]] `{}`", name.value),
            );
        }
        let address = next_hop_address(&address, interface, problems)?;
        Some(NextHop {
            interface: interface.name.clone(),
            address,
            labels: labels.value,
            weight,
        })
    }

    fn interface(&self, name: &At<&str>, problems: &mut Problems) -> Option<&InterfaceConfig> {
        if !self.interfaces.has(name.value) {
            let known: Vec<_> = self
                .interfaces
                .all()
                .iter()
                .map(|i| i.name.as_str())
                .collect();
            let remedy = match known.is_empty() {
                true => "add an [[interface]] with this name".to_owned(),
                false => format!("configured: {}", known.join(", ")),
            };
            problems.add(
                &name.span,
                format!("interface `{}` is not configured", name.value),
                "no [[interface]] has this name",
                remedy,
            );
        }
        self.interfaces.get(name.value)
    }

    fn out_labels(
        &self,
        section: &mut Section<'_, '_>,
        payload: Option<Payload>,
        problems: &mut Problems,
    ) -> Option<At<Vec<Label>>> {
        let Some(list) = section.list("labels", problems) else {
            // A wrong type was told by list().
            let span = section.span.clone();
            return section.get("labels").is_none().then_some(At {
                value: Vec::new(),
                span,
            });
        };
        let mut labels = Vec::new();
        for (position, value) in list.value.iter().enumerate() {
            let last = position + 1 == list.value.len();
            match value.get_ref() {
                DeValue::String(_) => {
                    let word = text("each of `labels`", value, problems)?;
                    labels.extend(self.named_label(
                        &word,
                        last,
                        list.value.len(),
                        payload,
                        problems,
                    )?);
                }
                _ => labels.push(label("each of `labels`", value, problems)?.value),
            }
        }
        if labels.len() > self.limits.pushed_labels {
            problems.add(
                &list.span,
                format!("a stack of {} labels is too deep", labels.len()),
                "",
                format!(
                    "the hardware profile pushes at most {} (pushed_labels)",
                    self.limits.pushed_labels
                ),
            );
            return None;
        }
        Some(At {
            value: labels,
            span: list.span,
        })
    }

    /// A label by its name in RFC 3032, 2.1: nothing to push for implicit null.
    fn named_label(
        &self,
        word: &At<&str>,
        last: bool,
        count: usize,
        payload: Option<Payload>,
        problems: &mut Problems,
    ) -> Option<Option<Label>> {
        match word.value {
            "implicit-null" if count == 1 => Some(None),
            "implicit-null" => {
                problems.add(
                    &word.span,
                    "`implicit-null` never stands in a label stack (RFC 3032, 2.1)",
                    "with other labels",
                    "it stands alone, as labels = [\"implicit-null\"], and means: pop",
                );
                None
            }
            "explicit-null" if !last => {
                problems.add(
                    &word.span,
                    "`explicit-null` must be the innermost label here",
                    "labels follow",
                    "move it to the end of the list",
                );
                None
            }
            "explicit-null" => match payload {
                Some(Payload::Ipv4) => Some(Some(Label::IPV4_EXPLICIT_NULL)),
                Some(Payload::Ipv6) => Some(Some(Label::IPV6_EXPLICIT_NULL)),
                _ => {
                    problems.add(
                        &word.span,
                        "`explicit-null` is label 0 for IPv4 and label 2 for IPv6 (RFC 3032, 2.1)",
                        "which one?",
                        "add payload = \"ipv4\" or payload = \"ipv6\"",
                    );
                    None
                }
            },
            other => {
                problems.add(
                    &word.span,
                    format!("`{other}` is not a label"),
                    "not known",
                    "write a number from 16 to 1048575, \"implicit-null\" or \"explicit-null\"",
                );
                None
            }
        }
    }
}

fn next_hop_address(
    given: &At<&str>,
    interface: &InterfaceConfig,
    problems: &mut Problems,
) -> Option<IpAddr> {
    let name = &interface.name;
    let mut refuse = |message: String, mark: &str, remedy: String| {
        problems.add(&given.span, message, mark, remedy);
        None
    };
    let address: IpAddr = match given.value.parse() {
        Ok(address) => address,
        Err(_) => {
            return refuse(
                format!("`{}` is not an address", given.value),
                "malformed",
                "write the neighbour's address without a length, as in \"10.0.12.2\"".into(),
            );
        }
    };
    let unicast = match address {
        IpAddr::V4(address) => is_ipv4_unicast(address),
        IpAddr::V6(address) => is_ipv6_unicast(address),
    };
    if !unicast {
        return refuse(
            format!("`{address}` cannot be a next hop"),
            "not a unicast address",
            "write the address of the neighbouring router".into(),
        );
    }
    if interface.addresses.iter().any(|own| own.addr() == address) {
        return refuse(
            format!("`{address}` is this router's own address on {name}"),
            "own address",
            "write the address of the neighbouring router".into(),
        );
    }
    let connected = interface.addresses.iter().any(|own| own.contains(&address));
    if !connected && !is_link_local(address) {
        let prefixes: Vec<String> = interface
            .addresses
            .iter()
            .map(|own| own.trunc().to_string())
            .collect();
        let remedy = match prefixes.is_empty() {
            true => format!("give {name} an address in the next hop's prefix"),
            false => format!("connected on {name}: {}", prefixes.join(", ")),
        };
        return refuse(
            format!("next hop {address} is not on a connected prefix of interface {name}"),
            "not connected",
            remedy,
        );
    }
    Some(address)
}

fn label(what: &str, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<At<Label>> {
    let Some(number) = value.get_ref().as_integer() else {
        wrong_type(what, value, "a label, which is a whole number", problems);
        return None;
    };
    let label = u32::from_str_radix(number.as_str(), number.radix())
        .ok()
        .and_then(|number| Label::try_from(number).ok())
        .filter(|label| !label.is_reserved());
    if label.is_none() {
        let remedy = match number.as_str() {
            "0" | "2" => {
                "labels 16 to 1048575 are for LSPs; for an explicit null (RFC 3032, 2.1) write \
                 labels = [\"explicit-null\"] at a next hop"
            }
            "3" => {
                "labels 16 to 1048575 are for LSPs; for implicit null (RFC 3032, 2.1) write \
                 labels = [\"implicit-null\"] at a next hop"
            }
            _ => "labels 16 to 1048575 are for LSPs; 0 to 15 are special-purpose (RFC 7274)",
        };
        problems.add(
            &value.span(),
            format!("label {} is out of range", number.as_str()),
            "out of range",
            remedy,
        );
        return None;
    }
    label.map(|label| At {
        value: label,
        span: value.span(),
    })
}

fn vrf(section: &mut Section<'_, '_>, problems: &mut Problems) -> Option<At<u16>> {
    let vrf = section.integer("vrf", 0..=u64::from(u16::MAX), "VRF numbers", problems)?;
    Some(At {
        value: vrf.value as u16,
        span: vrf.span,
    })
}

fn ttl_model(section: &mut Section<'_, '_>, problems: &mut Problems) -> TtlModel {
    let model = section.word("ttl-model", TTL_MODELS, problems);
    model.map_or(TtlModel::Uniform, |model| model.value)
}
