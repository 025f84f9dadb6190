//! A p4-switch that runs mpls.p4 with entries in every table.

use std::sync::Arc;
use std::time::Duration;

use p4_switch::control::PortState;
use p4_switch::p4runtime::{Listener, Service};
use p4_switch::port::MemoryPort;
use p4_switch::{Engine, Switch, SwitchConfig};
use p4runtime_client::{
    Client, Connection, ConnectionOptions, MulticastGroup, Operation, Pipeline, Replica, Schema,
    Value,
};

/// The port to the daemon.
pub const CPU_PORT: u16 = 510;
/// Ports 1 to this are in use.
pub const PORTS: u16 = 6;
/// The MAC addresses that are the router's: its own, and two groups.
pub const STATIONS: [[u8; 6]; 3] = [
    [2, 0, 0, 0, 0, 1],
    [1, 0, 0x5e, 1, 1, 1],
    [1, 0, 0x5e, 0x80, 0, 5],
];
/// The neighbour whose upstream-assigned labels are known.
pub const NEIGHBOUR: [u8; 6] = [2, 0, 0, 0, 0, 2];
/// Labels 16 to this are bound, to every kind of entry by turns.
pub const LAST_LABEL: u32 = 79;
/// Port 6 is an attachment circuit as a whole, as VLAN 50 of port 4 is; pseudowires end there.
pub const ATTACHMENT_PORT: u16 = 6;
pub const ATTACHMENT_VLAN: (u16, u16) = (4, 50);
/// The VRF of a routing topology, of packets with DSCP 46.
const TOPOLOGY: u64 = 3996;
/// This port's state is down.
pub const DEAD_PORT: u16 = 3;

type Row<'a> = [(&'a str, u64)];

struct Tables<'a> {
    runtime: &'a tokio::runtime::Runtime,
    client: Client,
    schema: &'a Schema,
}

fn values<'a>(row: &Row<'a>) -> Vec<(&'a str, Value)> {
    row.iter()
        .map(|&(name, value)| (name, value.into()))
        .collect()
}

impl Tables<'_> {
    fn add(&self, table: &str, key: &Row<'_>, action: &str, arguments: &Row<'_>) {
        self.add_values(table, &values(key), None, action, &values(arguments));
    }

    fn add_values(
        &self,
        table: &str,
        key: &[(&str, Value)],
        lpm: Option<(Value, u32)>,
        action: &str,
        arguments: &[(&str, Value)],
    ) {
        let mut entry = self.schema.entry(table).expect("a table");
        for (name, value) in key {
            entry = match *name {
                "src_addr" if table.starts_with("tunnel_end") => {
                    let mask: u128 = if table.ends_with('4') {
                        u32::MAX.into()
                    } else {
                        u128::MAX
                    };
                    entry
                        .ternary(name, value.clone(), mask)
                        .expect("a field")
                        .priority(1)
                }
                "ether_type" | "protocol" => {
                    let mask = if *name == "protocol" { 0xffu64 } else { 0xffff };
                    entry
                        .ternary(name, value.clone(), mask)
                        .expect("a field")
                        .priority(1)
                }
                _ => entry.exact(name, value.clone()).expect("a field"),
            };
        }
        if let Some((prefix, length)) = lpm {
            entry = entry.lpm("dst_addr", prefix, length).expect("a field");
        }
        let entry = entry
            .action(action, arguments)
            .expect("an action")
            .build()
            .expect("an entry");
        let updates = [(Operation::Insert, &entry)];
        let outcome = self
            .runtime
            .block_on(self.client.write(&updates))
            .expect("an answer");
        for result in outcome {
            result.unwrap_or_else(|error| panic!("{table}: {error}"));
        }
    }

    /// An NHLFE that pushes so many labels, with everything around them that the number tells.
    fn nhlfe(&self, nhlfe: u64, labels: u64) {
        let mut arguments = vec![
            ("src_mac", 0x0200_0000_0001),
            ("dst_mac", 0x0200_0000_0003),
            ("vlan_id", if nhlfe % 5 == 0 { 300 } else { 0 }),
            ("qos_map", nhlfe % 3),
        ];
        let mut action = "forward_unlabelled".to_owned();
        if labels > 0 {
            action = format!("push_{labels}");
            arguments.extend([
                ("model", nhlfe % 2),
                (
                    "entropy",
                    if nhlfe % 3 == 0 {
                        1 + nhlfe % labels
                    } else {
                        0
                    },
                ),
                ("control_word", 0),
                ("upstream", u64::from(nhlfe % 7 == 0)),
                ("tunnel", if nhlfe % 4 == 0 { 1 + nhlfe % 6 } else { 0 }),
            ]);
        }
        let names = ["label_1", "label_2", "label_3", "label_4"];
        arguments.extend(
            names
                .into_iter()
                .take(labels as usize)
                .map(|name| (name, 1000 + nhlfe)),
        );
        self.add("nhlfe", &[("nhlfe", nhlfe)], &action, &arguments);
    }

    /// Path group `id` over `members` paths with so many labels each.
    fn group(&self, id: u64, members: u64, labels: u64) {
        let protected = id % 2 == 0;
        let key = [("path_group", id)];
        let masks = [
            ("protection", if protected { 1 + id % 4 } else { 0 }),
            ("working_mask", members - 1),
            ("protecting_mask", 0),
            ("hash_shift", id % 20),
        ];
        self.add("path_group", &key, "set_path_group", &masks);
        for (protecting, buckets) in [(0, members), (1, u64::from(protected))] {
            for bucket in 0..buckets {
                let nhlfe = id * 16 + bucket * 2 + protecting + 1;
                self.nhlfe(nhlfe, labels);
                let key = [
                    ("path_group", id),
                    ("protecting", protecting),
                    ("bucket", bucket),
                ];
                let backed_up = id % 3 == 0;
                let arguments = [
                    ("nhlfe", nhlfe),
                    ("port", 2 + bucket % 4),
                    ("max_length", if id % 5 == 0 { 100 } else { 0xffff }),
                    ("backup_nhlfe", if backed_up { 17 } else { 0 }),
                    ("backup_port", if backed_up { 2 } else { 0 }),
                    ("backup_max_length", if backed_up { 200 } else { 0 }),
                ];
                self.add("path_bucket", &key, "set_nhlfe", &arguments);
            }
        }
    }

    fn label(&self, label_space: u64, label: u64, action: &str, arguments: &Row<'_>) {
        for table in ["ilm", "ilm_second", "ilm_third"] {
            self.add(
                table,
                &[("label_space", label_space), ("label", label)],
                action,
                arguments,
            );
        }
    }

    /// The entry of one label of many: each kind, with each parameter, by turns.
    fn any_label(&self, label_space: u64, label: u64) {
        let group = 1 + label % 10;
        let unlabelled = ("path_group", 11 + label % 2);
        let payload = ("payload", label / 8 % 3);
        let ip = ("payload", 1 + label / 8 % 2);
        let model = ("model", label / 16 % 3);
        let qos_map = ("qos_map", label % 3);
        let protection = ("protection", if label % 16 > 11 { 5 } else { 0 });
        let protecting = ("protecting", label / 32 % 2);
        let (action, arguments): (&str, Vec<_>) = match label % 8 {
            0 | 1 => ("swap", vec![("path_group", group), qos_map]),
            2 => {
                // Under the pipe models an IPv4 header that is not right may pass, as it came.
                let model = if payload.1 == 1 { ("model", 0) } else { model };
                ("pop_and_forward", vec![unlabelled, payload, model, qos_map])
            }
            3 => (
                "pop_and_look_up_ip",
                vec![("vrf", 0), ip, model, qos_map, protection, protecting],
            ),
            4 | 5 => {
                let space = ("label_space", if label % 3 == 0 { 7 } else { 0 });
                (
                    "pop_and_look_up_label",
                    vec![space, model, qos_map, protection, protecting],
                )
            }
            6 => {
                let control_word = ("control_word", label / 8 % 2);
                let circuit = ("path_group", 13 + label % 2);
                let arguments = vec![circuit, control_word, qos_map, protection, protecting];
                ("pop_to_attachment_circuit", arguments)
            }
            _ => {
                let limit = ("max_length", if label > 40 { 90 } else { 0xffff });
                ("replicate", vec![("multicast_group", 1), limit, qos_map])
            }
        };
        self.label(label_space, label, action, &arguments);
    }
}

/// A switch of this engine, with everything set up.
pub fn switch(engine: Engine) -> Switch {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../p4/mpls.p4").into();
    let compiled = p4_compiler::compile(&p4_compiler::Source::File(program), &Default::default())
        .unwrap_or_else(|reports| panic!("mpls.p4 does not compile: {reports:?}"));
    let json = compiled.bmv2.to_json().into_bytes();
    let pipeline = Pipeline::new(compiled.p4info, json).expect("a P4Info");

    let config = SwitchConfig {
        cpu_port: Some(CPU_PORT.into()),
        engine,
        ..SwitchConfig::default()
    };
    let (switch, events) = Switch::new(config.clone());
    for port in 1..=PORTS {
        let memory = Arc::new(MemoryPort::new(format!("port{port}")));
        switch
            .add_port(port.into(), memory, PortState::Up, None)
            .expect("a new port");
    }
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let path = std::env::temp_dir().join(format!("p4lsr-fuzz-{}-{engine:?}", std::process::id()));
    let url = format!("unix://{}", path.display());
    let listen = url.parse().expect("an address");
    let served = switch.clone();
    let server = runtime.block_on(async {
        let listener = Listener::bind(&listen).await.expect("a socket");
        let service = Service::new(1, served, config, events);
        tokio::spawn(listener.serve(service, std::future::pending()))
    });
    let options = ConnectionOptions {
        address: url.parse().expect("an address"),
        device_id: 1,
        election_id: 1,
        timeout: Duration::from_secs(10),
    };
    let Connection { client, .. } = runtime
        .block_on(Connection::open(&options))
        .expect("the switch answers");
    runtime
        .block_on(client.ensure_pipeline(&pipeline))
        .expect("the program");
    fill(&Tables {
        runtime: &runtime,
        client,
        schema: pipeline.schema(),
    });
    server.abort();
    runtime.shutdown_background();
    let _ = std::fs::remove_file(path);
    switch
}

fn fill(tables: &Tables<'_>) {
    for port in 1..=5 {
        for vlan_id in [0, 10] {
            let key = [("ingress_port", port), ("vlan_id", vlan_id)];
            let label_space = if port == 2 { 7 } else { 0 };
            let arguments = [
                ("mpls_enabled", u64::from(port != 5)),
                ("vrf", 0),
                ("label_space", label_space),
                ("qos_map", port % 3),
            ];
            tables.add("interface", &key, "set_interface", &arguments);
            let source = u64::from_be_bytes([0, 0, 2, 0, 0, 0, 0, 2]);
            let key = [key[0], key[1], ("src_addr", source)];
            tables.add(
                "upstream_context",
                &key,
                "set_upstream_context",
                &[("label_space", 7)],
            );
        }
        for mac in STATIONS {
            let key = [("ingress_port", port.into()), ("dst_addr", mac.into())];
            tables.add_values("station_mac", &key, None, "admit", &[]);
        }
    }
    let circuit = [("path_group", 15), ("qos_map", 1)];
    let port = [("ingress_port", ATTACHMENT_PORT.into())];
    tables.add(
        "attachment_port",
        &port,
        "attachment_circuit_port",
        &circuit,
    );
    let vlan = [
        ("ingress_port", ATTACHMENT_VLAN.0.into()),
        ("vlan_id", ATTACHMENT_VLAN.1.into()),
    ];
    tables.add("interface", &vlan, "attachment_circuit", &circuit);
    tables.add(
        "control_packet",
        &[("ether_type", 0x0806)],
        "punt_control",
        &[("reason", 1)],
    );
    for (protocol, reason) in [(6, 8), (17, 10), (46, 9)] {
        tables.add(
            "service_class",
            &[("protocol", protocol)],
            "set_service_class",
            &[("reason", reason)],
        );
    }
    for reason in 1..=14 {
        tables.add("punt_policy", &[("reason", reason)], "punt_metered", &[]);
    }

    for id in 1..=10 {
        tables.group(id, if id % 4 == 0 { 4 } else { 1 }, 1 + id % 4);
    }
    for id in [11, 12] {
        tables.group(id, 2, 0);
    }
    // Attachment circuits, and the pseudowire that they lead into.
    for (id, vlan_id) in [(13, 0), (14, 60)] {
        let nhlfe = id * 16;
        tables.add(
            "nhlfe",
            &[("nhlfe", nhlfe)],
            "to_attachment_circuit",
            &[("vlan_id", vlan_id)],
        );
        let arguments = [
            ("protection", 0),
            ("working_mask", 0),
            ("protecting_mask", 0),
            ("hash_shift", 0),
        ];
        tables.add(
            "path_group",
            &[("path_group", id)],
            "set_path_group",
            &arguments,
        );
        let key = [("path_group", id), ("protecting", 0), ("bucket", 0)];
        let arguments = [
            ("nhlfe", nhlfe),
            ("port", ATTACHMENT_PORT.into()),
            ("max_length", 0xffff),
            ("backup_nhlfe", 0),
            ("backup_port", 0),
            ("backup_max_length", 0),
        ];
        tables.add("path_bucket", &key, "set_nhlfe", &arguments);
    }
    tables.group(15, 4, 2);
    tables.add(
        "port_state",
        &[("port", DEAD_PORT.into())],
        "port_down",
        &[],
    );
    tables.add(
        "protection_state",
        &[("protection", 1)],
        "select_protecting",
        &[("protecting", 1)],
    );
    tables.add(
        "tail_selector",
        &[("protection", 5)],
        "select_path",
        &[("protecting", 1)],
    );

    let tunnels = [
        "udp_ipv4",
        "udp_ipv6",
        "gre_ipv4",
        "gre_ipv6",
        "mpls_in_ipv4",
        "mpls_in_ipv6",
    ];
    for (tunnel, action) in tunnels.into_iter().enumerate() {
        let ends = [("src_addr", 1), ("dst_addr", 2), ("ttl", 64), ("dscp", 46)];
        tables.add(
            "tunnel_encapsulation",
            &[("tunnel", tunnel as u64 + 1)],
            action,
            &ends,
        );
    }
    for kind in 1..=3u64 {
        let space = [("label_space", 0u64.into())];
        for (table, address) in [("tunnel_end_ipv4", 0x0a09_0909), ("tunnel_end_ipv6", 9)] {
            let source: u64 = 1;
            let key = [
                ("vrf", 0u64.into()),
                ("kind", kind.into()),
                ("dst_addr", (address as u64).into()),
                ("src_addr", source.into()),
            ];
            tables.add_values(table, &key, None, "decapsulate", &space);
        }
    }
    for map in 1..=2 {
        for tc in 0..8 {
            let key = [("qos_map", map), ("tc", tc)];
            tables.add(
                "tc_to_phb",
                &key,
                "set_phb",
                &[("phb", tc * 8), ("congestion", tc % 2)],
            );
            tables.add("congestion_mark", &key, "set_marked_tc", &[("tc", tc | 1)]);
        }
        for phb in 0..64 {
            let key = [("qos_map", map), ("dscp", phb)];
            tables.add("dscp_to_phb", &key, "set_dscp_phb", &[("phb", 63 - phb)]);
            for congestion in 0..2 {
                let key = [("qos_map", map), ("phb", phb), ("congestion", congestion)];
                let codes = [("tc", phb % 8), ("dscp", phb), ("pcp", phb % 8)];
                tables.add("phb_encoding", &key, "set_codes", &codes);
            }
        }
    }

    for label_space in [0, 7] {
        for (label, payload) in [(0, 1), (2, 2)] {
            let arguments = [("payload", payload), ("model", label / 2)];
            tables.label(label_space, label, "explicit_null", &arguments);
        }
        tables.label(label_space, 1, "punt_label", &[("reason", 13)]);
        tables.label(label_space, 13, "punt_label", &[("reason", 12)]);
        for label in [3, 4, 5, 6, 8, 9, 10, 11, 12, 14] {
            tables.label(label_space, label, "discard_label", &[]);
        }
        tables.label(
            label_space,
            7,
            "entropy_label_indicator",
            &[("payload", 1), ("model", 0)],
        );
        let extended = [
            ("label_space", 0xffff),
            ("model", 0),
            ("qos_map", 0),
            ("protection", 0),
            ("protecting", 0),
        ];
        tables.label(label_space, 15, "pop_and_look_up_label", &extended);
        for label in 16..=LAST_LABEL.into() {
            tables.any_label(label_space, label);
        }
    }
    tables.label(0xffff, 300, "punt_label", &[("reason", 6)]);
    // What a bud node's own copy is.
    for label in 16..=LAST_LABEL.into() {
        let leaf = [
            ("vrf", 0),
            ("payload", 1),
            ("model", 0),
            ("qos_map", 0),
            ("protection", 0),
            ("protecting", 0),
        ];
        tables.label(0x8000, label, "pop_and_look_up_ip", &leaf);
    }
    for (replica, nhlfe) in [(1, 17), (2, 33), (4, 49)] {
        let key = [("multicast_group", 1), ("replica", replica)];
        tables.add("branch", &key, "set_branch", &[("nhlfe", nhlfe)]);
    }
    let key = [("multicast_group", 1), ("replica", 3)];
    tables.add("branch", &key, "look_up_again", &[("label_space", 0x8000)]);
    let replicas = [(2, 1), (4, 2), (u32::from(CPU_PORT), 3), (5, 4), (5, 9)];
    let group = MulticastGroup {
        id: 1,
        replicas: replicas
            .into_iter()
            .map(|(port, instance)| Replica { port, instance })
            .collect(),
    };
    let updates = [(Operation::Insert, &group)];
    let written = tables.client.write_multicast_groups(&updates);
    for result in tables.runtime.block_on(written).expect("an answer") {
        result.expect("a multicast group");
    }

    let key = [("vrf", 0), ("dscp", 46)];
    let topology = [("vrf", TOPOLOGY)];
    tables.add("topology", &key, "set_topology", &topology);
    for vrf in [0, TOPOLOGY] {
        fill_ftn(tables, vrf);
    }
}

/// The FECs of a VRF; those of the topology are others by their turns.
fn fill_ftn(tables: &Tables<'_>, vrf: u64) {
    // 10.0.0.0/8 by turns; 10.9.9.9 and ::9 are the router's.
    let fecs: [(&str, &Row<'_>); 5] = [
        ("forward_fec", &[("path_group", 4)]),
        ("forward_fec", &[("path_group", 11)]),
        (
            "replicate_fec",
            &[("multicast_group", 1), ("max_length", 0xffff)],
        ),
        ("glean", &[]),
        ("discard", &[]),
    ];
    let first = if vrf == TOPOLOGY { 2 } else { 0 };
    let vrf = [("vrf", Value::from(vrf))];
    for (index, (action, arguments)) in fecs.into_iter().cycle().skip(first).take(5).enumerate() {
        let index = index as u32;
        let prefix = Some((Value::from(0x0a00_0000 | index << 16), 16));
        tables.add_values("ftn_ipv4", &vrf, prefix, action, &values(arguments));
        let prefix = Some((
            Value::from(0x2001_0000_u128 << 96 | u128::from(index) << 96),
            32,
        ));
        tables.add_values("ftn_ipv6", &vrf, prefix, action, &values(arguments));
    }
    let ours = Some((Value::from(0x0a09_0909u32), 32));
    tables.add_values("ftn_ipv4", &vrf, ours, "to_router", &[]);
    tables.add_values(
        "ftn_ipv6",
        &vrf,
        Some((Value::from(9u128), 128)),
        "to_router",
        &[],
    );
    let group = Some((Value::from(0xe801_0101_u32), 32));
    let copies = [
        ("multicast_group", 1u64.into()),
        ("max_length", 0xffffu64.into()),
    ];
    tables.add_values("ftn_ipv4", &vrf, group, "replicate_fec", &copies);
}
