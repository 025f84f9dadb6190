//! The checks of the static LSPs: `[[static-lsp.ftn]]`, `[[static-lsp.ilm]]`,
//! `[[static-lsp.cross-connect]]`, `[[static-lsp.pseudowire]]` and
//! `[[static-lsp.point-to-multipoint]]`.

mod entries;
mod labels;
mod multipoint;
mod next_hops;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use forwarding::{IlmKey, LabelSpace, LabelSpaceKind, Payload, QosMap, TunnelModel};
use ipnet::IpNet;

use super::interfaces::Interfaces;
use super::named::Named;
use super::problem::{Problems, Span};
use super::section::{At, Section};
use super::{CircuitConfig, ProtectionConfig, StaticLsp, TunnelConfig};

pub(super) use next_hops::next_hop_address;

const PAYLOADS: &[(&str, Payload)] = &[("ipv4", Payload::Ipv4), ("ipv6", Payload::Ipv6)];
const TTL_MODELS: &[(&str, TunnelModel)] = &[
    ("uniform", TunnelModel::Uniform),
    ("pipe", TunnelModel::Pipe),
    ("short-pipe", TunnelModel::ShortPipe),
];

/// What the hardware profile allows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Labels that the egress pipeline can push.
    pub(super) pushed_labels: usize,
}

/// What static LSPs refer to.
#[derive(Clone, Copy)]
pub(super) struct Referred<'a> {
    pub(super) interfaces: &'a Interfaces,
    pub(super) circuits: &'a Named<CircuitConfig>,
    pub(super) maps: &'a Named<QosMap>,
    pub(super) protections: &'a Named<ProtectionConfig>,
    pub(super) tunnels: &'a Named<TunnelConfig>,
    pub(super) limits: Limits,
}

/// The static LSPs that were read so far, and where their unique values stand.
pub(super) struct StaticLsps<'a> {
    referred: Referred<'a>,
    names: BTreeMap<(&'static str, String), Span>,
    labels: BTreeMap<IlmKey, Span>,
    fecs: BTreeMap<(u16, IpNet), Span>,
    circuits: BTreeMap<String, Span>,
    /// Label spaces that incoming labels are in, where that is said.
    spaces: Vec<At<LabelSpace>>,
    /// Label spaces that something other than an interface leads to.
    led_to: BTreeSet<LabelSpace>,
    /// VRFs that something other than an interface fills.
    vrfs: BTreeSet<u16>,
    pub(super) read: Vec<StaticLsp>,
}

impl<'a> StaticLsps<'a> {
    /// None read yet. `led_to` are the label spaces of tunnels and upstream neighbours.
    pub(super) fn new(
        referred: Referred<'a>,
        led_to: impl IntoIterator<Item = LabelSpace>,
    ) -> Self {
        Self {
            referred,
            names: BTreeMap::new(),
            labels: BTreeMap::new(),
            fecs: BTreeMap::new(),
            circuits: BTreeMap::new(),
            spaces: Vec::new(),
            led_to: led_to.into_iter().collect(),
            vrfs: BTreeSet::new(),
            read: Vec::new(),
        }
    }

    /// Reads all of `[static-lsp]`.
    pub(super) fn read_all(&mut self, mut all: Section<'_, '_>, problems: &mut Problems) {
        for section in all.tables("ftn", "[[static-lsp.ftn]]", problems) {
            self.read_ftn(section, problems);
        }
        let group = "[[static-lsp.point-to-multipoint]]";
        for section in all.tables("point-to-multipoint", group, problems) {
            self.read_point_to_multipoint(section, problems);
        }
        for section in all.tables("ilm", "[[static-lsp.ilm]]", problems) {
            self.read_ilm(section, problems);
        }
        let connect = "[[static-lsp.cross-connect]]";
        for section in all.tables("cross-connect", connect, problems) {
            self.read_cross_connect(section, problems);
        }
        for section in all.tables("pseudowire", "[[static-lsp.pseudowire]]", problems) {
            self.read_pseudowire(section, problems);
        }
        all.finish(problems);
        self.check_spaces(problems);
    }

    /// Labels arrive in the spaces of interfaces, and in those that something leads to.
    fn check_spaces(&self, problems: &mut Problems) {
        let interfaces = self.referred.interfaces;
        if interfaces.any_broken() {
            return;
        }
        let of_interface = |space: LabelSpace| {
            let mut all = interfaces.all().iter();
            all.any(|interface| interface.mpls && interface.label_space == space.0)
        };
        for space in &self.spaces {
            if of_interface(space.value) || self.led_to.contains(&space.value) {
                continue;
            }
            let (message, remedy) = match space.value.kind() {
                LabelSpaceKind::Context => (
                    format!("nothing leads to context label space {}", space.value),
                    "name it in `next-label-space` of a [[static-lsp.ilm]], in \
                     `local-label-space` of a [[static-lsp.point-to-multipoint]], in a \
                     [[tunnel-end]] or in an [[upstream-label-space]]",
                ),
                _ => (
                    format!("no interface uses label space {}", space.value),
                    "set `label-space` on the [[interface]] where they arrive, with mpls = true",
                ),
            };
            let mark = "labels of this space never arrive";
            problems.add(&space.span, message, mark, remedy);
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
    ) -> Option<IlmKey> {
        let space = label_space("label-space", section, problems);
        self.spaces.extend(space.clone());
        let label_space = space.map_or(LabelSpace::PLATFORM, |space| space.value);
        let Some(value) = section.get("label") else {
            section.missing("label", "label = 100", problems);
            return None;
        };
        let label = labels::label("`label`", value, problems)?;
        let key = IlmKey {
            label_space,
            label: label.value,
        };
        if let Some(earlier) = self.labels.get(&key) {
            problems.add_conflict(
                &label.span,
                earlier,
                format!(
                    "label {} is used twice in label space {label_space}",
                    label.value
                ),
                ("again here", "first here"),
                "an incoming label has one meaning in its label space (RFC 3031, 3.14): choose \
                 another label",
            );
            return None;
        }
        self.labels.insert(key, label.span);
        Some(key)
    }

    /// A VRF without interface and without FTN entry forwards nothing.
    fn check_vrf(&self, vrf: Option<&At<u16>>, problems: &mut Problems) {
        let Some(At { value: vrf, span }) = vrf else {
            return;
        };
        let used = *vrf == 0
            || self.referred.interfaces.any_broken()
            || self
                .referred
                .interfaces
                .all()
                .iter()
                .any(|interface| interface.vrf == *vrf)
            || self.vrfs.contains(vrf);
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
}

/// The key `payload`.
fn payload(section: &mut Section<'_, '_>, problems: &mut Problems) -> Option<At<Payload>> {
    section.word("payload", PAYLOADS, problems)
}

/// A label space by its number.
pub(super) fn label_space(
    key: &'static str,
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> Option<At<LabelSpace>> {
    let last = u64::from(LabelSpace::EXTENDED_SPECIAL_PURPOSE.0) - 1;
    let what = "label spaces: 0 of the platform, 1 to 32767 of interfaces, 32768 to 65534 of \
                contexts";
    let space = section.integer(key, 0..=last, what, problems)?;
    Some(At {
        value: LabelSpace(space.value as u16),
        span: space.span,
    })
}

/// The key `vrf`.
pub(super) fn vrf(section: &mut Section<'_, '_>, problems: &mut Problems) -> Option<At<u16>> {
    let vrf = section.integer("vrf", 0..=u64::from(u16::MAX), "VRF numbers", problems)?;
    Some(At {
        value: vrf.value as u16,
        span: vrf.span,
    })
}

/// The key `ttl-model`.
fn ttl_model(section: &mut Section<'_, '_>, problems: &mut Problems) -> TunnelModel {
    let model = section.word("ttl-model", TTL_MODELS, problems);
    model.map_or(TunnelModel::Uniform, |model| model.value)
}

/// A tunnelling model by another key.
pub(super) fn tunnel_model(
    key: &'static str,
    section: &mut Section<'_, '_>,
    problems: &mut Problems,
) -> TunnelModel {
    let model = section.word(key, TTL_MODELS, problems);
    model.map_or(TunnelModel::Uniform, |model| model.value)
}
