//! The checks of `[[topology]]`: routing topologies besides the default one (RFC 7307, RFC 5120, RFC 4915).

use std::collections::{BTreeMap, BTreeSet};

use ::ldp::MultiTopologyId;
use ::ldp::session::capability::MOST_TOPOLOGIES;
use forwarding::Dscp;
use toml::Spanned;
use toml::de::DeValue;

use super::TopologyConfig;
use super::interfaces::Interfaces;
use super::problem::{Problems, Span};
use super::qos;
use super::section::{At, Section};
use crate::kernel::{is_table_of_kernel, table_of_vrf};

/// What RFC 7307, section 9, leaves to IGPs. Those above are not assigned.
const IDS: std::ops::RangeInclusive<u64> = 1..=4095;
const WHAT_IDS: &str = "MT-IDs of topologies besides the default one (RFC 7307, section 9)";

/// The topologies that were read so far.
#[derive(Debug, Default)]
pub(super) struct Topologies {
    read: Vec<TopologyConfig>,
    ids: BTreeMap<u16, Span>,
    tables: BTreeMap<u32, Span>,
    dscps: BTreeMap<Dscp, Span>,
}

impl Topologies {
    /// Reads all `[[topology]]` tables.
    pub(super) fn read_all(
        &mut self,
        sections: Vec<Section<'_, '_>>,
        interfaces: &Interfaces,
        problems: &mut Problems,
    ) {
        if let Some(section) = sections.get(MOST_TOPOLOGIES) {
            problems.add(
                &section.span,
                format!("there are {} topologies", sections.len()),
                "one too many",
                format!(
                    "at most {MOST_TOPOLOGIES}, which fit a message of LDP: take out those from here on"
                ),
            );
        }
        for section in sections {
            self.read(section, interfaces, problems);
        }
    }

    /// Reads one `[[topology]]`.
    fn read(
        &mut self,
        mut section: Section<'_, '_>,
        interfaces: &Interfaces,
        problems: &mut Problems,
    ) {
        let id = self.id(&mut section, interfaces, problems);
        let routing_table = self.routing_table(&mut section, problems);
        let dscps = self.dscps(&mut section, problems);
        section.finish(problems);
        if let (Some(id), Some(routing_table)) = (id, routing_table) {
            self.read.push(TopologyConfig {
                id,
                routing_table,
                dscps,
            });
        }
    }

    fn id(
        &mut self,
        section: &mut Section<'_, '_>,
        interfaces: &Interfaces,
        problems: &mut Problems,
    ) -> Option<MultiTopologyId> {
        let At { value, span } =
            section.need_integer("id", "id = 3996", IDS, WHAT_IDS, problems)?;
        // At most 4095.
        let id = value as u16;
        if let Some(earlier) = self.ids.insert(id, span.clone()) {
            problems.add_conflict(
                &span,
                &earlier,
                format!("two topologies have the MT-ID {id}"),
                ("again here", "first here"),
                "give each its own MT-ID",
            );
            return None;
        }
        let of_vrf = interfaces.all().iter().find(|of| of.vrf == id);
        if let Some(interface) = of_vrf {
            problems.add(
                &span,
                format!("VRF {id} is that of interface `{}`", interface.name),
                "a VRF has this number",
                "VRFs and topologies have their numbers in common: choose another one of the two",
            );
            return None;
        }
        Some(MultiTopologyId(id))
    }

    fn routing_table(
        &mut self,
        section: &mut Section<'_, '_>,
        problems: &mut Problems,
    ) -> Option<u32> {
        let (key, example) = ("routing-table", "routing-table = 3996");
        let range = 1..=u64::from(u32::MAX);
        let what = "numbers of the kernel's routing tables";
        let At { value, span } = section.need_integer(key, example, range, what, problems)?;
        // Within the range that was asked for.
        let table = value as u32;
        let of_vrfs = table_of_vrf(1)..=table_of_vrf(u16::MAX);
        if is_table_of_kernel(table) || of_vrfs.contains(&table) {
            problems.add(
                &span,
                format!("routing table {table} has other routes"),
                "taken",
                format!(
                    "253 to 255 are the kernel's own, {} to {} those of VRFs: use another one",
                    of_vrfs.start(),
                    of_vrfs.end()
                ),
            );
            return None;
        }
        if let Some(earlier) = self.tables.insert(table, span.clone()) {
            problems.add_conflict(
                &span,
                &earlier,
                format!("two topologies have the routing table {table}"),
                ("again here", "first here"),
                "each topology has routes of its own: give each its own table",
            );
            return None;
        }
        Some(table)
    }

    fn dscps(&mut self, section: &mut Section<'_, '_>, problems: &mut Problems) -> BTreeSet<Dscp> {
        let Some(list) = section.list("dscp", problems) else {
            return BTreeSet::new();
        };
        let given = list.value.iter();
        given
            .filter_map(|value| self.dscp(value, problems))
            .collect()
    }

    fn dscp(&mut self, value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Dscp> {
        let At { value: dscp, span } = qos::code_point("dscp", value, problems)?;
        if let Some(earlier) = self.dscps.insert(dscp, span.clone()) {
            problems.add_conflict(
                &span,
                &earlier,
                format!("DSCP {dscp} is there twice"),
                ("again here", "first here"),
                "a packet is of one topology: name each DSCP once",
            );
            return None;
        }
        Some(dscp)
    }

    /// The topology that the key `topology` names; the default one when the key is absent.
    pub(super) fn referred(
        &self,
        section: &mut Section<'_, '_>,
        problems: &mut Problems,
    ) -> Option<MultiTopologyId> {
        if section.get("topology").is_none() {
            return Some(MultiTopologyId::DEFAULT);
        }
        let At { value, span } = section.integer("topology", IDS, WHAT_IDS, problems)?;
        // At most 4095.
        let id = value as u16;
        if !self.ids.contains_key(&id) {
            let known: Vec<String> = self.ids.keys().map(u16::to_string).collect();
            let remedy = match known.is_empty() {
                true => "add a [[topology]] with this id".to_owned(),
                false => format!("configured: {}", known.join(", ")),
            };
            problems.add(
                &span,
                format!("topology {id} is not configured"),
                "no [[topology]] has this id",
                remedy,
            );
            return None;
        }
        Some(MultiTopologyId(id))
    }

    /// Ends the reading.
    pub(super) fn into_vec(self) -> Vec<TopologyConfig> {
        self.read
    }

    /// Their MT-IDs.
    pub(super) fn ids(&self) -> BTreeSet<MultiTopologyId> {
        self.read.iter().map(|topology| topology.id).collect()
    }
}
