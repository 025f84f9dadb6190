//! The device under test: p4/mpls.p4 on a switch, with its entries written by a P4Runtime client.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use p4runtime_client::{
    Client, Connection, ConnectionOptions, EntryBuilder, Event, EventStream, MeterRates, Operation,
    Pipeline, Value,
};
use p4runtime_proto::p4::v1;

use crate::device::{self, Device};
use crate::frame::{self, NEXT_HOP, ROUTER};

/// The fence's EtherType (local experimental, IEEE 802) and the port that it seems to come from.
const FENCE_TYPE: u16 = 0x88b5;
const FENCE_PORT: u16 = 500;

/// RFC 3443's models, as `ttl_pipe`.
pub(crate) const UNIFORM: u8 = 0;
pub(crate) const PIPE: u8 = 1;

/// What lies below the bottom of the stack, as `payload`.
pub(crate) const NOTHING_BELOW: u8 = 0;
pub(crate) const IPV4_BELOW: u8 = 1;
pub(crate) const IPV6_BELOW: u8 = 2;

/// A path group, by its id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group(u32);

/// What an ILM entry does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ilm {
    Swap(Group),
    PopForward(Group, u8, u8),
    PopIp(u16, u8, u8),
    PopLabel(u8),
    ExplicitNull(u8, u8),
    Punt,
}

/// What an FTN entry does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ftn {
    Forward(Group),
    ToRouter,
    Glean,
    Discard,
}

/// Drop reasons: p4/include/ids.p4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Drop {
    PortNotConfigured = 1,
    MalformedFrame = 2,
    NotForRouter = 3,
    EtherType = 4,
    MplsNotEnabled = 5,
    LabelStack = 6,
    UnknownLabel = 7,
    TooManyPops = 8,
    LabelPayload = 9,
    IpHeader = 10,
    TtlExpired = 11,
    NoRoute = 12,
    DiscardRoute = 13,
    NoPathGroup = 14,
    PuntRate = 15,
    PuntPolicy = 16,
}

const DROPS: [Drop; 16] = [
    Drop::PortNotConfigured,
    Drop::MalformedFrame,
    Drop::NotForRouter,
    Drop::EtherType,
    Drop::MplsNotEnabled,
    Drop::LabelStack,
    Drop::UnknownLabel,
    Drop::TooManyPops,
    Drop::LabelPayload,
    Drop::IpHeader,
    Drop::TtlExpired,
    Drop::NoRoute,
    Drop::DiscardRoute,
    Drop::NoPathGroup,
    Drop::PuntRate,
    Drop::PuntPolicy,
];

/// Punt reasons: p4/include/ids.p4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Punt {
    Control = 1,
    ToRouter = 2,
    TtlExpired = 3,
    UnknownLabel = 4,
    Glean = 5,
    LabelAction = 6,
    NoRoute = 7,
}

const PUNTS: [Punt; 7] = [
    Punt::Control,
    Punt::ToRouter,
    Punt::TtlExpired,
    Punt::UnknownLabel,
    Punt::Glean,
    Punt::LabelAction,
    Punt::NoRoute,
];

/// A packet for the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PacketIn {
    pub(crate) ingress_port: u16,
    pub(crate) reason: u8,
    pub(crate) popped: Vec<[u8; 4]>,
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
            popped: popped[..field("popped_count") as usize].to_vec(),
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
        assert_eq!(self.packet_ins[0].reason, reason as u8, "{self:02x?}");
        self.packet_ins[0].clone()
    }
}

pub(crate) struct Dut {
    device: Box<dyn Device>,
    client: Client,
    events: RefCell<EventStream>,
    next_id: Cell<u32>,
    ports: RefCell<BTreeSet<u16>>,
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
            timeout: Duration::from_secs(10),
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
        for reason in PUNTS {
            let entry = dut.entry("punt_policy", &[("reason", (reason as u8).into())]);
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

    fn id(&self) -> u32 {
        self.next_id.replace(self.next_id.get() + 1)
    }

    /// Configures a port, anew if it was.
    pub(crate) fn port(&self, port: u16, mpls: bool, vrf: u16, label_space: u16) {
        let known = !self.ports.borrow_mut().insert(port);
        let operation = if known {
            Operation::Modify
        } else {
            Operation::Insert
        };
        let entry = self.entry("port_config", &[("ingress_port", port.into())]);
        let arguments = [
            ("mpls_enabled", u8::from(mpls).into()),
            ("vrf", vrf.into()),
            ("label_space", label_space.into()),
        ];
        self.write(
            operation,
            entry.action("set_port", &arguments).expect("the action"),
        );
        if !known {
            let key = [("ingress_port", port.into()), ("dst_addr", ROUTER.into())];
            let entry = self.entry("station_mac", &key);
            self.insert(entry.action("admit", &[]).expect("the action"));
        }
    }

    /// A path group over NHLFEs that push these labels and leave by these ports.
    pub(crate) fn group(&self, paths: &[(&[u32], u16)]) -> Group {
        self.make_group(paths, UNIFORM)
    }

    /// A path group of one NHLFE that leaves by port 2, in the uniform model.
    pub(crate) fn path(&self, labels: &[u32]) -> Group {
        self.make_group(&[(labels, 2)], UNIFORM)
    }

    /// The same in the pipe model.
    pub(crate) fn path_pipe(&self, labels: &[u32]) -> Group {
        self.make_group(&[(labels, 2)], PIPE)
    }

    fn make_group(&self, paths: &[(&[u32], u16)], ttl_pipe: u8) -> Group {
        let group = self.id();
        let mut entry = self.entry("path_group", &[("path_group", group.into())]);
        for &(labels, port) in paths {
            let nhlfe = self.id();
            let names = ["label_1", "label_2", "label_3", "label_4"];
            let macs = [("src_mac", ROUTER.into()), ("dst_mac", NEXT_HOP.into())];
            let mut arguments = macs.to_vec();
            let mut action = "forward_unlabelled".to_owned();
            if !labels.is_empty() {
                action = format!("push_{}", labels.len());
                arguments.push(("ttl_pipe", ttl_pipe.into()));
            }
            arguments.extend(
                names
                    .into_iter()
                    .zip(labels.iter().map(|&label| label.into())),
            );
            let begin = self.entry("nhlfe", &[("nhlfe", nhlfe.into())]);
            self.insert(begin.action(&action, &arguments).expect("the action"));
            let arguments = [("nhlfe", nhlfe.into()), ("port", port.into())];
            entry = entry
                .member("set_nhlfe", &arguments, 1, None)
                .expect("the action");
        }
        self.insert(entry);
        Group(group)
    }

    /// Binds a label in label space 0.
    pub(crate) fn ilm(&self, label: u32, action: Ilm) {
        self.ilm_in(0, label, action);
    }

    /// Binds a label in a label space; the three ILM tables hold the same entries.
    pub(crate) fn ilm_in(&self, label_space: u16, label: u32, action: Ilm) {
        let (name, arguments): (&str, Vec<(&str, Value)>) = match action {
            Ilm::Swap(Group(group)) => ("swap", vec![("path_group", group.into())]),
            Ilm::PopForward(Group(group), payload, ttl_pipe) => (
                "pop_and_forward",
                vec![
                    ("path_group", group.into()),
                    ("payload", payload.into()),
                    ("ttl_pipe", ttl_pipe.into()),
                ],
            ),
            Ilm::PopIp(vrf, payload, ttl_pipe) => (
                "pop_and_look_up_ip",
                vec![
                    ("vrf", vrf.into()),
                    ("payload", payload.into()),
                    ("ttl_pipe", ttl_pipe.into()),
                ],
            ),
            Ilm::PopLabel(ttl_pipe) => {
                ("pop_and_look_up_label", vec![("ttl_pipe", ttl_pipe.into())])
            }
            Ilm::ExplicitNull(payload, ttl_pipe) => (
                "explicit_null",
                vec![("payload", payload.into()), ("ttl_pipe", ttl_pipe.into())],
            ),
            Ilm::Punt => ("punt_label", Vec::new()),
        };
        for table in ["ilm", "ilm_second", "ilm_third"] {
            let key = [("label_space", label_space.into()), ("label", label.into())];
            let entry = self.entry(table, &key);
            self.insert(entry.action(name, &arguments).expect("the action"));
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
            Ftn::ToRouter => entry.action("to_router", &[]),
            Ftn::Glean => entry.action("glean", &[]),
            Ftn::Discard => entry.action("discard", &[]),
        };
        self.insert(entry.expect("the action"));
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
        self.insert(entry.action("punt_control", &[]).expect("the action"));
    }

    /// Limits a punt class to a rate and a burst of packets.
    pub(crate) fn punt_rate(&self, reason: Punt, rate: i64, burst: i64) {
        let entry = self.entry("punt_policy", &[("reason", (reason as u8).into())]);
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

    /// How often each drop reason was counted so far.
    fn drop_counts(&self) -> Vec<u64> {
        let counter = schema()
            .counter("drops")
            .expect("the counter of mpls.p4")
            .id;
        let cells = self.runtime.block_on(self.client.read_counter(counter));
        let cells = cells.expect("the switch answers");
        let packets = |reason: &Drop| {
            let cell = cells
                .iter()
                .find(|(index, _)| *index == u64::from(*reason as u8));
            cell.map_or(0, |(_, value)| value.packets)
        };
        DROPS.iter().map(packets).collect()
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
            let next = async { tokio::time::timeout(Duration::from_secs(10), events.next()).await };
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
        for ((reason, before), after) in DROPS.iter().zip(before).zip(self.drop_counts()) {
            dropped.extend((before..after).map(|_| *reason));
        }
        Outcome {
            frames,
            packet_ins,
            dropped,
        }
    }

    /// Sends a frame into a port and sees what becomes of it.
    pub(crate) fn send(&self, port: u16, frame: &[u8]) -> Outcome {
        self.observe(|| self.device.send(port, frame))
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
