//! The programs that are run, and their entries.

use p4_compiler::{Define, Options, Source};
use p4runtime_client::{Pipeline, Schema, TableEntry, Value};

/// Labels that are bound.
pub(crate) const LABELS: u32 = 10_000;
/// The first of them: those below are special (RFC 3032 section 2.1).
pub(crate) const FIRST_LABEL: u32 = 16;
/// The first of the labels that they are swapped to.
const OUTGOING: u32 = 100_000;
/// Ports of the switch: packets come in at 1 and 3, and leave by 2 and 4.
pub(crate) const PORTS: u32 = 4;
/// Prefixes that are bound.
const PREFIXES: u32 = 100_000;
/// Path groups, each with an NHLFE of its own.
const GROUPS: u32 = 1_000;
/// The router's MAC address at all ports.
pub(crate) const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 1];
const NEXT_HOP: [u8; 6] = [2, 0, 0, 0, 0, 3];

/// The port that an item leaves by: those of the first half by 2, the others by 4.
fn leaves_by(index: u32, count: u32) -> u32 {
    if index < count / 2 { 2 } else { 4 }
}

/// The path group of a label, which leaves by the same port.
fn group_of(index: u32) -> u32 {
    let half = GROUPS / 2;
    index % half + if index < LABELS / 2 { 0 } else { half }
}

/// The labels that leave by port 2 or 4, in no order.
pub(crate) fn labels(port: u32) -> impl Iterator<Item = u32> {
    let half = LABELS / 2;
    let first = FIRST_LABEL + if port == 2 { 0 } else { half };
    // 1237 and 5000 have no common divisor.
    (0..half).map(move |index| first + index * 1237 % half)
}

/// A program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// one_label.p4, beside this file.
    OneLabel,
    /// p4/mpls.p4 with full tables.
    Mpls,
}

impl Program {
    pub(crate) const ALL: [Self; 2] = [Self::OneLabel, Self::Mpls];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneLabel => "one_label.p4",
            Self::Mpls => "mpls.p4",
        }
    }

    /// Compiled by p4-compiler: all switches run the same JSON.
    pub(crate) fn pipeline(self) -> Pipeline {
        let folder = bmv2_tests::source();
        let (path, defines) = match self {
            Self::OneLabel => ("bmv2-tests/benches/links/one_label.p4", Vec::new()),
            Self::Mpls => {
                let sizes = [
                    format!("ILM_SIZE={LABELS}"),
                    format!("FTN_IPV4_SIZE={PREFIXES}"),
                    format!("PATH_GROUP_SIZE={GROUPS}"),
                ];
                ("p4/mpls.p4", sizes.map(Define::Define).to_vec())
            }
        };
        let options = Options {
            defines,
            ..Options::default()
        };
        let compiled = p4_compiler::compile(&Source::File(folder.join(path)), &options)
            .unwrap_or_else(|reports| panic!("{path} does not compile: {reports:?}"));
        let json = compiled.bmv2.to_json().into_bytes();
        Pipeline::new(compiled.p4info, json).expect("a P4Info of the compiler")
    }

    /// Entries in batches: what stands in a later one refers to earlier ones.
    pub(crate) fn entries(self, schema: &Schema) -> Vec<TableEntry> {
        match self {
            Self::OneLabel => one_label(schema),
            Self::Mpls => mpls(schema),
        }
    }
}

/// An entry whose key has exact fields only, or one prefix of this length, last.
fn entry(
    schema: &Schema,
    table: &str,
    key: &[(&str, Value)],
    prefix: Option<u32>,
    action: &str,
    arguments: &[(&str, Value)],
) -> TableEntry {
    let mut entry = schema.entry(table).expect("a table of the program");
    for (index, (name, value)) in key.iter().enumerate() {
        let result = match prefix {
            Some(length) if index + 1 == key.len() => entry.lpm(name, value.clone(), length),
            _ => entry.exact(name, value.clone()),
        };
        entry = result.expect("a field of the table");
    }
    let entry = entry
        .action(action, arguments)
        .expect("an action of the table");
    entry.build().expect("a whole entry")
}

/// Swaps of all labels. The next hops of the first half are at the first of the ports that packets
/// leave by, those of the second half at the other.
fn one_label(schema: &Schema) -> Vec<TableEntry> {
    let mut entries = Vec::new();
    for index in 0..GROUPS {
        let arguments = [
            ("port", leaves_by(index, GROUPS).into()),
            ("src_addr", ROUTER.into()),
            ("dst_addr", NEXT_HOP.into()),
        ];
        let key = [("meta.next_hop", (1 + index).into())];
        entries.push(entry(schema, "next_hop", &key, None, "forward", &arguments));
    }
    for index in 0..LABELS {
        let arguments = [
            ("label", (OUTGOING + index).into()),
            ("next_hop", (1 + group_of(index)).into()),
        ];
        let key = [("hdr.mpls.label", (FIRST_LABEL + index).into())];
        entries.push(entry(schema, "ilm", &key, None, "swap", &arguments));
    }
    entries
}

/// As runtime/dataplane writes them: interfaces, NHLFEs, path groups of one bucket, then the ILM, and
/// an FTN that no packet here looks at.
fn mpls(schema: &Schema) -> Vec<TableEntry> {
    let mut entries = Vec::new();
    let zero = |names: &[&'static str]| -> Vec<(&'static str, Value)> {
        names.iter().map(|name| (*name, 0_u32.into())).collect()
    };
    for port in 1..=PORTS {
        let key = [("ingress_port", port.into()), ("vlan_id", 0_u32.into())];
        let mut interface = zero(&["vrf", "label_space", "qos_map"]);
        interface.push(("mpls_enabled", 1_u32.into()));
        entries.push(entry(
            schema,
            "interface",
            &key,
            None,
            "set_interface",
            &interface,
        ));
        let key = [("ingress_port", port.into()), ("dst_addr", ROUTER.into())];
        entries.push(entry(schema, "station_mac", &key, None, "admit", &[]));
    }
    for index in 0..GROUPS {
        let number = Value::from(1 + index);
        let mut nhlfe = zero(&[
            "vlan_id",
            "qos_map",
            "model",
            "entropy",
            "control_word",
            "upstream",
            "tunnel",
        ]);
        nhlfe.extend([
            ("src_mac", ROUTER.into()),
            ("dst_mac", NEXT_HOP.into()),
            ("label_1", (OUTGOING + index).into()),
        ]);
        let key = [("nhlfe", number.clone())];
        entries.push(entry(schema, "nhlfe", &key, None, "push_1", &nhlfe));
        let mut group = zero(&["protection", "working_mask", "protecting_mask"]);
        group.push(("hash_shift", 7_u32.into()));
        let key = [("path_group", number.clone())];
        entries.push(entry(
            schema,
            "path_group",
            &key,
            None,
            "set_path_group",
            &group,
        ));
        let mut bucket = zero(&["backup_nhlfe", "backup_port", "backup_max_length"]);
        bucket.extend([
            ("nhlfe", number.clone()),
            ("port", leaves_by(index, GROUPS).into()),
            ("max_length", 1500_u32.into()),
        ]);
        let key = [
            ("path_group", number),
            ("protecting", 0_u32.into()),
            ("bucket", 0_u32.into()),
        ];
        entries.push(entry(
            schema,
            "path_bucket",
            &key,
            None,
            "set_nhlfe",
            &bucket,
        ));
    }
    for index in 0..LABELS {
        let arguments = [
            ("path_group", (1 + group_of(index)).into()),
            ("qos_map", 0_u32.into()),
        ];
        let key = [
            ("label_space", 0_u32.into()),
            ("label", (FIRST_LABEL + index).into()),
        ];
        for table in ["ilm", "ilm_second", "ilm_third"] {
            entries.push(entry(schema, table, &key, None, "swap", &arguments));
        }
    }
    for index in 0..PREFIXES {
        // 100,000 prefixes of length 24 from 20.0.0.0 on.
        let prefix = (20 << 24) + (index << 8);
        let key = [("vrf", 0_u32.into()), ("dst_addr", prefix.into())];
        let group = [("path_group", (1 + index % GROUPS).into())];
        entries.push(entry(
            schema,
            "ftn_ipv4",
            &key,
            Some(24),
            "forward_fec",
            &group,
        ));
    }
    entries
}
