//! The device under test: p4/mpls.p4 on a switch, with its entries written by a P4Runtime client.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

/// The reasons of p4/include/ids.p4.
pub(crate) use dataplane::{DropReason as Drop, PuntReason as Punt};
use p4runtime_client::{
    Client, Connection, ConnectionOptions, EntryBuilder, Event, EventStream, MeterRates,
    MulticastGroup, Operation, Pipeline, Replica, Value,
};
use p4runtime_proto::p4::v1;

use crate::device::{self, Device};
use crate::frame::{self, NEXT_HOP, ROUTER};

/// The fence's EtherType (local experimental, IEEE 802) and the port that it seems to come from.
const FENCE_TYPE: u16 = 0x88b5;
const FENCE_PORT: u16 = 500;

/// The models of RFC 3443 and RFC 3270 section 2.6, as `model`.
pub(crate) const UNIFORM: u8 = 0;
pub(crate) const PIPE: u8 = 1;
pub(crate) const SHORT_PIPE: u8 = 2;

/// No limit to the length of a packet.
pub(crate) const UNLIMITED: u16 = 0xffff;

/// What lies below the bottom of the stack, as `payload`.
pub(crate) const NOTHING_BELOW: u8 = 0;
pub(crate) const IPV4_BELOW: u8 = 1;
pub(crate) const IPV6_BELOW: u8 = 2;

/// A path group, by its id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group(pub(crate) u32);

/// What an ILM entry does, with map 0 and without protection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ilm {
    Swap(Group),
    PopForward(Group, u8, u8),
    PopIp(u16, u8, u8),
    PopLabel(u8),
    PopLabelIn(u16, u8),
    PopAttachment(Group, bool),
    ExplicitNull(u8, u8),
    EntropyIndicator(u8, u8),
    Replicate(u16),
    Punt(Punt),
    Discard,
}

/// What an FTN entry does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ftn {
    Forward(Group),
    Replicate(u16),
    ToRouter,
    Glean,
    Discard,
}

/// An NHLFE, and how the path group uses it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path<'a> {
    pub(crate) labels: &'a [u32],
    pub(crate) port: u16,
    pub(crate) model: u8,
    pub(crate) vlan_id: u16,
    pub(crate) qos_map: u8,
    pub(crate) entropy: u8,
    pub(crate) control_word: bool,
    pub(crate) upstream: bool,
    pub(crate) tunnel: u16,
    pub(crate) max_length: u16,
    /// The NHLFE, port and length that take its place while the port is down.
    pub(crate) backup: (u32, u16, u16),
}

impl<'a> Path<'a> {
    /// These labels, out of this port, in the uniform model, and nothing else.
    pub(crate) const fn new(labels: &'a [u32], port: u16) -> Self {
        Self {
            labels,
            port,
            model: UNIFORM,
            vlan_id: 0,
            qos_map: 0,
            entropy: 0,
            control_word: false,
            upstream: false,
            tunnel: 0,
            max_length: UNLIMITED,
            backup: (0, 0, 0),
        }
    }
}

/// A packet for the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PacketIn {
    pub(crate) ingress_port: u16,
    pub(crate) reason: u8,
    /// The first three at the most.
    pub(crate) popped: Vec<[u8; 4]>,
    pub(crate) max_length: u16,
    pub(crate) frame: Vec<u8>,
}

impl PacketIn {
    /// Reads the fields of the packet_in header of p4/include/headers.p4.
    fn decode(message: v1::PacketIn) -> Self {
        let packet = schema()
            .decode_packet_in(message)
            .expect("a packet_in of mpls.p4");
        let field = |name: &str| packet.metadata::<u32>(name).expect("a field of packet_in");
        let popped = ["popped_1", "popped_2", "popped_3"].map(|name| field(name).to_be_bytes());
        Self {
            ingress_port: packet.metadata("ingress_port").expect("a port number"),
            reason: packet.metadata("reason").expect("a punt reason"),
            popped: popped[..(field("popped_count") as usize).min(3)].to_vec(),
            max_length: packet.metadata("max_length").expect("a length"),
            frame: packet.payload.to_vec(),
        }
    }
}

/// What became of one frame.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) frames: Vec<(u16, Vec<u8>)>,
    pub(crate) packet_ins: Vec<PacketIn>,
    /// The drop reasons that were counted, once for each packet.
    pub(crate) dropped: Vec<Drop>,
}

impl Outcome {
    /// The frame left by this port as this frame, and nothing else happened.
    #[track_caller]
    pub(crate) fn is_forwarded(&self, port: u16, frame: &[u8]) {
        assert_eq!(self.frames, [(port, frame.to_vec())], "{self:02x?}");
        assert!(
            self.packet_ins.is_empty() && self.dropped.is_empty(),
            "{self:02x?}"
        );
    }

    /// The frame was dropped and counted for this reason, and nothing else happened.
    #[track_caller]
    pub(crate) fn is_dropped(&self, reason: Drop) {
        assert_eq!(self.dropped, [reason], "{self:02x?}");
        assert!(
            self.frames.is_empty() && self.packet_ins.is_empty(),
            "{self:02x?}"
        );
    }

    /// The packet that went to the daemon for this reason; it was not forwarded.
    #[track_caller]
    pub(crate) fn punted(&self, reason: Punt) -> PacketIn {
        assert!(self.frames.is_empty(), "{self:02x?}");
        assert_eq!(self.packet_ins.len(), 1, "{self:02x?}");
        assert_eq!(self.packet_ins[0].reason, reason.number(), "{self:02x?}");
        self.packet_ins[0].clone()
    }
}

pub(crate) struct Dut {
    device: Box<dyn Device>,
    client: Client,
    events: RefCell<EventStream>,
    next_id: Cell<u32>,
    ports: RefCell<BTreeSet<(u16, u16)>>,
    runtime: tokio::runtime::Runtime,
}

/// The program, compiled once for all tests.
fn pipeline() -> &'static Pipeline {
    static PIPELINE: OnceLock<Pipeline> = OnceLock::new();
    PIPELINE.get_or_init(device::compile)
}

fn schema() -> &'static p4runtime_client::Schema {
    pipeline().schema()
}

impl Dut {
    /// A switch that runs mpls.p4. Ports 1 to 5 are configured in VRF 0 and label space 0, with MPLS
    /// on all but port 3; each punt class passes everything.
    pub(crate) fn new() -> Self {
        let device = device::device();
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build().expect("a tokio runtime");
        let options = ConnectionOptions {
            address: device.address(),
            device_id: 1,
            election_id: 1,
            // All tests start at once, on a machine that may be busy with others.
            timeout: Duration::from_secs(60),
        };
        let Connection { client, events, .. } = runtime
            .block_on(Connection::open(&options))
            .expect("the switch answers");
        runtime
            .block_on(client.ensure_pipeline(pipeline()))
            .expect("the switch takes the program");
        let dut = Self {
            device,
            client,
            events: RefCell::new(events),
            next_id: Cell::new(1),
            ports: RefCell::default(),
            runtime,
        };
        for port in 1..=5 {
            dut.port(port, port != 3, 0, 0);
        }
        dut.port(FENCE_PORT, false, 0, 0);
        dut.control_packet(FENCE_TYPE, 0xffff, [0; 6], [0; 6]);
        for reason in Punt::ALL {
            let entry = dut.entry("punt_policy", &[("reason", reason.number().into())]);
            dut.insert(entry.action("punt_metered", &[]).expect("the action"));
        }
        dut
    }

    fn write(&self, operation: Operation, entry: EntryBuilder) {
        let entry = entry.build().expect("an entry of mpls.p4");
        let outcome = self
            .runtime
            .block_on(self.client.write(&[(operation, &entry)]))
            .expect("the switch answers");
        for result in &outcome {
            result
                .as_ref()
                .unwrap_or_else(|error| panic!("{entry:?}: {error}"));
        }
    }

    fn insert(&self, entry: EntryBuilder) {
        self.write(Operation::Insert, entry);
    }

    fn entry(&self, table: &str, exact: &[(&str, Value)]) -> EntryBuilder {
        let begin = schema().entry(table).expect("a table of mpls.p4");
        exact.iter().fold(begin, |entry, (name, value)| {
            entry
                .exact(name, value.clone())
                .expect("a field of the table")
        })
    }

    /// An entry of a table with exact keys, in the words of mpls.p4.
    pub(crate) fn add(
        &self,
        table: &str,
        key: &[(&str, u64)],
        action: &str,
        arguments: &[(&str, u64)],
    ) {
        self.set(Operation::Insert, table, key, action, arguments);
    }

    /// One write to an entry that is there.
    pub(crate) fn modify(
        &self,
        table: &str,
        key: &[(&str, u64)],
        action: &str,
        arguments: &[(&str, u64)],
    ) {
        self.set(Operation::Modify, table, key, action, arguments);
    }

    fn set(
        &self,
        operation: Operation,
        table: &str,
        key: &[(&str, u64)],
        action: &str,
        arguments: &[(&str, u64)],
    ) {
        let values = |pairs: &[(&'_ str, u64)]| -> Vec<Value> {
            pairs.iter().map(|&(_, value)| value.into()).collect()
        };
        let (keys, values) = (values(key), values(arguments));
        let key: Vec<_> = key.iter().map(|pair| pair.0).zip(keys).collect();
        let arguments: Vec<_> = arguments.iter().map(|pair| pair.0).zip(values).collect();
        let entry = self.entry(table, &key);
        self.write(
            operation,
            entry.action(action, &arguments).expect("the action"),
        );
    }

    /// The same with values of any width.
    pub(crate) fn add_values(
        &self,
        table: &str,
        key: &[(&str, Value)],
        action: &str,
        arguments: &[(&str, Value)],
    ) {
        let entry = self.entry(table, key);
        self.insert(entry.action(action, arguments).expect("the action"));
    }

    fn id(&self) -> u32 {
        self.next_id.replace(self.next_id.get() + 1)
    }

    /// Configures a port, anew if it was.
    pub(crate) fn port(&self, port: u16, mpls: bool, vrf: u16, label_space: u16) {
        self.interface(port, 0, mpls, vrf, label_space, 0);
    }

    /// Configures an interface, anew if it was.
    pub(crate) fn interface(
        &self,
        port: u16,
        vlan_id: u16,
        mpls: bool,
        vrf: u16,
        label_space: u16,
        qos_map: u8,
    ) {
        let new_port = self.ports.borrow().iter().all(|&(known, _)| known != port);
        let operation = if self.ports.borrow_mut().insert((port, vlan_id)) {
            Operation::Insert
        } else {
            Operation::Modify
        };
        let key = [("ingress_port", port.into()), ("vlan_id", vlan_id.into())];
        let arguments = [
            ("mpls_enabled", mpls.into()),
            ("vrf", vrf.into()),
            ("label_space", label_space.into()),
            ("qos_map", qos_map.into()),
        ];
        self.set(operation, "interface", &key, "set_interface", &arguments);
        if new_port {
            self.station_mac(port, ROUTER);
        }
    }

    /// Takes packets to this MAC address on a port.
    pub(crate) fn station_mac(&self, port: u16, mac: [u8; 6]) {
        let key = [("ingress_port", port.into()), ("dst_addr", mac.into())];
        let entry = self.entry("station_mac", &key);
        self.insert(entry.action("admit", &[]).expect("the action"));
    }

    /// A path group over NHLFEs that push these labels and leave by these ports.
    pub(crate) fn group(&self, paths: &[(&[u32], u16)]) -> Group {
        let paths: Vec<_> = paths
            .iter()
            .map(|&(labels, port)| Path::new(labels, port))
            .collect();
        self.group_of(&paths)
    }

    /// A path group of one NHLFE that leaves by port 2, in the uniform model.
    pub(crate) fn path(&self, labels: &[u32]) -> Group {
        self.group_of(&[Path::new(labels, 2)])
    }

    /// The same in the pipe model.
    pub(crate) fn path_pipe(&self, labels: &[u32]) -> Group {
        self.group_of(&[Path {
            model: PIPE,
            ..Path::new(labels, 2)
        }])
    }

    /// A path group without protection.
    pub(crate) fn group_of(&self, paths: &[Path<'_>]) -> Group {
        self.protected_group(0, paths, &[])
    }

    /// A path group whose working and protecting paths a protection state chooses from.
    pub(crate) fn protected_group(
        &self,
        protection: u16,
        working: &[Path<'_>],
        protecting: &[Path<'_>],
    ) -> Group {
        let group = self.id();
        let mut masks = [0, 0];
        for (set, paths) in [working, protecting].into_iter().enumerate() {
            if paths.is_empty() {
                continue;
            }
            let buckets = if paths.len() == 1 {
                1
            } else {
                (paths.len() * 16).next_power_of_two()
            };
            masks[set] = buckets as u64 - 1;
            let nhlfes: Vec<_> = paths.iter().map(|path| self.nhlfe(path)).collect();
            for bucket in 0..buckets {
                let member = bucket % paths.len();
                self.bucket(
                    Operation::Insert,
                    Group(group),
                    set,
                    bucket,
                    nhlfes[member],
                    &paths[member],
                );
            }
        }
        self.add(
            "path_group",
            &[("path_group", group.into())],
            "set_path_group",
            &[
                ("protection", protection.into()),
                ("working_mask", masks[0]),
                ("protecting_mask", masks[1]),
                ("hash_shift", 7),
            ],
        );
        Group(group)
    }

    /// Writes one bucket of a path group.
    pub(crate) fn bucket(
        &self,
        operation: Operation,
        group: Group,
        set: usize,
        bucket: usize,
        nhlfe: u32,
        path: &Path<'_>,
    ) {
        let key = [
            ("path_group", group.0.into()),
            ("protecting", set as u64),
            ("bucket", bucket as u64),
        ];
        let (backup, backup_port, backup_max_length) = path.backup;
        let arguments = [
            ("nhlfe", nhlfe.into()),
            ("port", path.port.into()),
            ("max_length", path.max_length.into()),
            ("backup_nhlfe", backup.into()),
            ("backup_port", backup_port.into()),
            ("backup_max_length", backup_max_length.into()),
        ];
        self.set(operation, "path_bucket", &key, "set_nhlfe", &arguments);
    }

    /// An NHLFE of its own, by its id.
    pub(crate) fn nhlfe(&self, path: &Path<'_>) -> u32 {
        let nhlfe = self.id();
        let labels = path.labels;
        let mut arguments: Vec<(&str, Value)> = vec![
            ("src_mac", ROUTER.into()),
            ("dst_mac", NEXT_HOP.into()),
            ("vlan_id", path.vlan_id.into()),
            ("qos_map", path.qos_map.into()),
        ];
        let mut action = "forward_unlabelled".to_owned();
        if !labels.is_empty() {
            action = format!("push_{}", labels.len());
            arguments.push(("model", path.model.into()));
            arguments.push(("entropy", path.entropy.into()));
            arguments.push(("control_word", u8::from(path.control_word).into()));
            arguments.push(("upstream", u8::from(path.upstream).into()));
            arguments.push(("tunnel", path.tunnel.into()));
        }
        let names = ["label_1", "label_2", "label_3", "label_4"];
        let labels = labels.iter().map(|&label| label.into());
        arguments.extend(names.into_iter().zip(labels));
        let begin = self.entry("nhlfe", &[("nhlfe", nhlfe.into())]);
        self.insert(begin.action(&action, &arguments).expect("the action"));
        nhlfe
    }

    /// A path group that ends in an attachment circuit: a port, and the VLAN ID of its tag or 0.
    pub(crate) fn attachment(&self, port: u16, vlan_id: u16) -> Group {
        let nhlfe = self.id();
        self.add(
            "nhlfe",
            &[("nhlfe", nhlfe.into())],
            "to_attachment_circuit",
            &[("vlan_id", vlan_id.into())],
        );
        let group = Group(self.id());
        self.bucket(Operation::Insert, group, 0, 0, nhlfe, &Path::new(&[], port));
        let key = [("path_group", group.0.into())];
        let arguments = [
            ("protection", 0),
            ("working_mask", 0),
            ("protecting_mask", 0),
            ("hash_shift", 0),
        ];
        self.add("path_group", &key, "set_path_group", &arguments);
        group
    }

    /// A multicast group of copies to these NHLFEs.
    pub(crate) fn branches(&self, group: u16, paths: &[Path<'_>]) {
        let replicas: Vec<_> = paths.iter().zip(1..).collect();
        for &(path, replica) in &replicas {
            self.branch(group, replica, path);
        }
        let replicas: Vec<_> = replicas
            .into_iter()
            .map(|(path, replica)| (path.port, replica))
            .collect();
        self.multicast(group, &replicas);
    }

    /// One branch of a multicast group: the NHLFE of this replica.
    pub(crate) fn branch(&self, group: u16, replica: u32, path: &Path<'_>) {
        let nhlfe = self.nhlfe(path);
        let key = [
            ("multicast_group", group.into()),
            ("replica", replica.into()),
        ];
        self.add("branch", &key, "set_branch", &[("nhlfe", nhlfe.into())]);
    }

    /// The bud node's own copy: this replica is looked up again in a label space.
    pub(crate) fn local_branch(&self, group: u16, replica: u32, label_space: u16) {
        let key = [
            ("multicast_group", group.into()),
            ("replica", replica.into()),
        ];
        let space = [("label_space", label_space.into())];
        self.add("branch", &key, "look_up_again", &space);
    }

    /// Makes a port as a whole an attachment circuit that leads into a path group.
    pub(crate) fn attach_port(&self, port: u16, Group(group): Group) {
        let key = [("ingress_port", port.into())];
        let arguments = [("path_group", group.into()), ("qos_map", 0)];
        self.add(
            "attachment_port",
            &key,
            "attachment_circuit_port",
            &arguments,
        );
    }

    /// A multicast group, by its replicas' ports and instances.
    pub(crate) fn multicast(&self, group: u16, replicas: &[(u16, u32)]) {
        let replica = |&(port, instance): &(u16, u32)| Replica {
            port: port.into(),
            instance,
        };
        let group = MulticastGroup {
            id: group.into(),
            replicas: replicas.iter().map(replica).collect(),
        };
        let updates = [(Operation::Insert, &group)];
        let write = self.client.write_multicast_groups(&updates);
        let outcome = self.runtime.block_on(write).expect("the switch answers");
        outcome
            .into_iter()
            .for_each(|result| result.expect("a multicast group"));
    }

    /// Binds a label in label space 0.
    pub(crate) fn ilm(&self, label: u32, action: Ilm) {
        self.ilm_in(0, label, action);
    }

    /// Binds a label in a label space.
    pub(crate) fn ilm_in(&self, label_space: u16, label: u32, action: Ilm) {
        let model = |payload: u8, model: u8| {
            [("payload", payload.into()), ("model", model.into())].to_vec()
        };
        let qos_map = [("qos_map", 0)];
        let unprotected = [("qos_map", 0), ("protection", 0), ("protecting", 0)];
        let (name, arguments): (&str, Vec<(&str, u64)>) = match action {
            Ilm::Swap(Group(group)) => ("swap", [[("path_group", group.into())], qos_map].concat()),
            Ilm::PopForward(Group(group), payload, pipe) => (
                "pop_and_forward",
                [
                    &[("path_group", group.into())][..],
                    &model(payload, pipe),
                    &qos_map,
                ]
                .concat(),
            ),
            Ilm::PopIp(vrf, payload, pipe) => (
                "pop_and_look_up_ip",
                [
                    &[("vrf", vrf.into())][..],
                    &model(payload, pipe),
                    &unprotected,
                ]
                .concat(),
            ),
            Ilm::PopLabel(pipe) => {
                return self.ilm_in(label_space, label, Ilm::PopLabelIn(label_space, pipe));
            }
            Ilm::PopLabelIn(space, pipe) => (
                "pop_and_look_up_label",
                [
                    &[("label_space", space.into()), ("model", pipe.into())][..],
                    &unprotected,
                ]
                .concat(),
            ),
            Ilm::PopAttachment(Group(group), control_word) => (
                "pop_to_attachment_circuit",
                [
                    &[
                        ("path_group", group.into()),
                        ("control_word", control_word.into()),
                    ][..],
                    &unprotected,
                ]
                .concat(),
            ),
            Ilm::ExplicitNull(payload, pipe) => ("explicit_null", model(payload, pipe)),
            Ilm::EntropyIndicator(payload, pipe) => {
                ("entropy_label_indicator", model(payload, pipe))
            }
            Ilm::Replicate(group) => (
                "replicate",
                vec![
                    ("multicast_group", group.into()),
                    ("max_length", UNLIMITED.into()),
                    ("qos_map", 0),
                ],
            ),
            Ilm::Punt(reason) => ("punt_label", vec![("reason", reason.number().into())]),
            Ilm::Discard => ("discard_label", Vec::new()),
        };
        self.ilm_as(label_space, label, name, &arguments);
    }

    /// Binds a label in the words of mpls.p4; the three ILM tables hold the same entries.
    pub(crate) fn ilm_as(
        &self,
        label_space: u16,
        label: u32,
        action: &str,
        arguments: &[(&str, u64)],
    ) {
        for table in ["ilm", "ilm_second", "ilm_third"] {
            let key = [("label_space", label_space.into()), ("label", label.into())];
            self.add(table, &key, action, arguments);
        }
    }

    /// Labels 0 and 2 as every label switching router has them.
    pub(crate) fn explicit_nulls(&self) {
        self.ilm(0, Ilm::ExplicitNull(IPV4_BELOW, UNIFORM));
        self.ilm(2, Ilm::ExplicitNull(IPV6_BELOW, UNIFORM));
    }

    /// Binds an IPv4 prefix.
    pub(crate) fn ftn4(&self, vrf: u16, prefix: [u8; 4], length: u32, action: Ftn) {
        self.ftn(
            "ftn_ipv4",
            vrf,
            u32::from_be_bytes(prefix).into(),
            length,
            action,
        );
    }

    /// Binds an IPv6 prefix.
    pub(crate) fn ftn6(&self, vrf: u16, prefix: [u8; 16], length: u32, action: Ftn) {
        self.ftn(
            "ftn_ipv6",
            vrf,
            u128::from_be_bytes(prefix).into(),
            length,
            action,
        );
    }

    fn ftn(&self, table: &str, vrf: u16, prefix: Value, length: u32, action: Ftn) {
        let entry = self.entry(table, &[("vrf", vrf.into())]);
        let entry = entry.lpm("dst_addr", prefix, length).expect("the field");
        let entry = match action {
            Ftn::Forward(Group(group)) => {
                entry.action("forward_fec", &[("path_group", group.into())])
            }
            Ftn::Replicate(group) => entry.action(
                "replicate_fec",
                &[
                    ("multicast_group", group.into()),
                    ("max_length", UNLIMITED.into()),
                ],
            ),
            Ftn::ToRouter => entry.action("to_router", &[]),
            Ftn::Glean => entry.action("glean", &[]),
            Ftn::Discard => entry.action("discard", &[]),
        };
        self.insert(entry.expect("the action"));
    }

    /// IP packets for the router of this protocol and destination port (0: any) are of this class.
    pub(crate) fn service(&self, protocol: u8, dst_port: u16, reason: Punt) {
        let mut entry = self
            .entry("service_class", &[])
            .ternary("protocol", protocol, 0xffu8)
            .expect("the field");
        if dst_port != 0 {
            entry = entry
                .ternary("dst_port", dst_port, 0xffffu16)
                .expect("the field");
        }
        let reason = [("reason", reason.number().into())];
        self.insert(
            entry
                .priority(10)
                .action("set_service_class", &reason)
                .expect("the action"),
        );
    }

    /// The end of a tunnel that carries MPLS, from one sender.
    pub(crate) fn tunnel_end(
        &self,
        version: u8,
        kind: u8,
        dst: Value,
        src: (Value, Value),
        label_space: u16,
    ) {
        let key = [
            ("vrf", 0u16.into()),
            ("kind", kind.into()),
            ("dst_addr", dst),
        ];
        let entry = self.entry(&format!("tunnel_end_ipv{version}"), &key);
        let entry = entry
            .ternary("src_addr", src.0, src.1)
            .expect("the field")
            .priority(10);
        let space = [("label_space", label_space.into())];
        self.insert(entry.action("decapsulate", &space).expect("the action"));
    }

    /// Punts what matches on any port.
    pub(crate) fn control_packet(
        &self,
        ether_type: u16,
        type_mask: u16,
        dst: [u8; 6],
        dst_mask: [u8; 6],
    ) {
        let entry = self
            .entry("control_packet", &[])
            .ternary("ether_type", ether_type, type_mask);
        let entry = entry.expect("the field").ternary("dst_addr", dst, dst_mask);
        let entry = entry.expect("the field").priority(10);
        let reason = [("reason", Punt::Control.number().into())];
        self.insert(entry.action("punt_control", &reason).expect("the action"));
    }

    /// Limits a punt class to a rate and a burst of packets.
    pub(crate) fn punt_rate(&self, reason: Punt, rate: i64, burst: i64) {
        let entry = self.entry("punt_policy", &[("reason", reason.number().into())]);
        let entry = entry.action("punt_metered", &[]).expect("the action");
        let rates = MeterRates {
            cir: rate,
            cburst: burst,
            pir: rate,
            pburst: burst,
        };
        self.write(
            Operation::Modify,
            entry.meter(rates).expect("the table has a meter"),
        );
    }

    /// How often each drop reason was counted so far, at ingress and at egress.
    fn drop_counts(&self) -> Vec<u64> {
        let mut counts = vec![0; Drop::ALL.len()];
        for counter in ["drops", "egress_drops"] {
            let counter = schema().counter(counter).expect("a counter of mpls.p4").id;
            let cells = self.runtime.block_on(self.client.read_counter(counter));
            let cells = cells.expect("the switch answers");
            for (count, reason) in counts.iter_mut().zip(Drop::ALL) {
                let index = reason.index();
                let cell = cells.iter().find(|(at, _)| *at == index);
                *count += cell.map_or(0, |(_, value)| value.packets);
            }
        }
        counts
    }

    /// Sees what becomes of a frame that `send` sends. A control packet that is submitted behind it
    /// comes back when all that the frame sent to the daemon has come.
    fn observe(&self, send: impl FnOnce()) -> Outcome {
        let before = self.drop_counts();
        send();
        let mut frames = self.device.frames();
        let fence = frame::ethernet([0; 6], [0; 6], FENCE_TYPE, &[&[0; 46]]);
        self.write_packet_out(0, true, FENCE_PORT, &fence);
        let mut packet_ins = Vec::new();
        let mut events = self.events.borrow_mut();
        loop {
            let next = async { tokio::time::timeout(Duration::from_secs(60), events.next()).await };
            match self.runtime.block_on(next).expect("the fence comes back") {
                Ok(Event::PacketIn(message)) => {
                    let packet_in = PacketIn::decode(message);
                    if packet_in.frame == fence {
                        break;
                    }
                    packet_ins.push(packet_in);
                }
                other => panic!("{other:?}"),
            }
        }
        // What the daemon sends stands in line with the fence, and may leave by a port after the frames
        // were taken.
        frames.extend(self.device.frames());
        let mut dropped = Vec::new();
        for ((reason, before), after) in Drop::ALL.iter().zip(before).zip(self.drop_counts()) {
            dropped.extend((before..after).map(|_| *reason));
        }
        Outcome {
            frames,
            packet_ins,
            dropped,
        }
    }

    /// Whether the kernel carries the frames, and lets through only what it takes for frames.
    pub(crate) fn has_kernel_links(&self) -> bool {
        self.device.has_kernel_links()
    }

    /// Sends a frame into a port and sees what becomes of it.
    pub(crate) fn send(&self, port: u16, frame: &[u8]) -> Outcome {
        self.observe(|| self.device.send(port, frame))
    }

    /// Sends frames into a port, all at once, and takes what comes out of the ports.
    pub(crate) fn forward_all(&self, port: u16, frames: &[Vec<u8>]) -> Vec<(u16, Vec<u8>)> {
        // As many as a real switch on a busy machine takes without losing any.
        let bursts = frames.chunks(16).flat_map(|burst| {
            burst.iter().for_each(|frame| self.device.send(port, frame));
            self.device.frames()
        });
        bursts.collect()
    }

    fn write_packet_out(&self, egress_port: u16, submit: bool, ingress_port: u16, frame: &[u8]) {
        let metadata = [
            ("egress_port", egress_port.into()),
            ("submit_to_ingress", u8::from(submit).into()),
            ("ingress_port", ingress_port.into()),
            ("unused", 0u8.into()),
        ];
        let message = schema()
            .packet_out(&metadata, frame.to_vec())
            .expect("a packet_out");
        self.runtime
            .block_on(self.client.packet_out(message))
            .expect("the switch answers");
    }

    /// The daemon sends a frame out of a port.
    pub(crate) fn packet_out(&self, port: u16, frame: &[u8]) -> Outcome {
        self.observe(|| self.write_packet_out(port, false, 0, frame))
    }

    /// The daemon submits a frame to the pipeline as if it had come by a port.
    pub(crate) fn packet_out_as_received_on(&self, port: u16, frame: &[u8]) -> Outcome {
        self.observe(|| self.write_packet_out(0, true, port, frame))
    }
}
