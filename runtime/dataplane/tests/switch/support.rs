//! A switch, a router on it, and packets.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dataplane::{Desired, Driver, HardwareProfile, InterfaceConfig, Options, Status};
use forwarding::{
    Fec, Forwarding, FtnAction, IlmAction, IlmKey, LabelSpace, MacAddress, NextHop, Nhlfe, Owner,
    PathGroup, Payload, Protocol, QosMapId, TunnelModel, VrfId,
};
use mpls::{Label, LabelStack, TrafficClass};
use p4_switch::control::PortState;
use p4_switch::p4runtime::{Address, Listener, Service};
use p4_switch::port::{MemoryPort, PortHandle};
use p4_switch::{Switch, SwitchConfig};
use p4runtime_client::{Pipeline, Schema};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn profile() -> HardwareProfile {
    HardwareProfile::load(&root().join("hw-profiles/p4-switch.toml")).unwrap()
}

/// mpls.p4 for the profile of p4-switch.
pub(crate) fn pipeline() -> Pipeline {
    static PIPELINE: OnceLock<Pipeline> = OnceLock::new();
    let compile = || {
        let defines = p4_compiler::profile::load(&root().join("hw-profiles/p4-switch.toml"));
        let options = p4_compiler::Options {
            defines: defines.unwrap(),
            ..Default::default()
        };
        let source = p4_compiler::Source::File(root().join("p4/mpls.p4"));
        let compiled = p4_compiler::compile(&source, &options).unwrap();
        Pipeline::new(compiled.p4info, compiled.bmv2.to_json().into()).unwrap()
    };
    PIPELINE.get_or_init(compile).clone()
}

pub(crate) fn schema() -> Schema {
    pipeline().schema().clone()
}

/// A running switch with the ports 1 to 3 and its P4Runtime server on a Unix socket.
pub(crate) struct RunningSwitch {
    pub(crate) switch: Switch,
    ports: Vec<(Arc<MemoryPort>, PortHandle)>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl RunningSwitch {
    pub(crate) async fn start(socket: &Path) -> Self {
        let config = SwitchConfig {
            cpu_port: Some(510),
            ..Default::default()
        };
        let (switch, events) = Switch::new(config.clone());
        let port = |number| {
            let port = Arc::new(MemoryPort::new(format!("port{number}")));
            let handle = switch
                .add_port(number, port.clone(), PortState::Up, None)
                .unwrap();
            (port, handle)
        };
        let ports = (1..4).map(port).collect();
        let service = Service::new(1, switch.clone(), config, events);
        let listener = Listener::bind(&Address::Unix(socket.to_owned()))
            .await
            .unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            listener.serve(service, stopped).await.unwrap();
        });
        Self {
            switch,
            ports,
            stop,
            task,
        }
    }

    /// A frame arrives at a port; what goes to the CPU port goes up.
    pub(crate) fn receive(&self, port: usize, frame: &[u8]) {
        self.ports[port - 1].1.receive(frame);
    }

    /// The oldest frame that left by a port and was not taken yet.
    pub(crate) fn sent(&self, port: usize) -> Option<Vec<u8>> {
        self.ports[port - 1].0.take()
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }
}

/// A directory with the socket of a switch.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.0.path().join("switch.sock")
    }

    pub(crate) fn options(&self) -> Options {
        let address = format!("unix://{}", self.socket().display())
            .parse()
            .unwrap();
        Options {
            connect_timeout: Duration::from_secs(20),
            ..Options::new(address, profile(), pipeline())
        }
    }
}

/// Waits for a status.
pub(crate) async fn wait_for(driver: &Driver, wanted: impl FnMut(&Status) -> bool) -> Status {
    let mut status = driver.handle.status();
    let found = timeout(Duration::from_secs(60), status.wait_for(wanted)).await;
    match found {
        Ok(status) => status.unwrap().clone(),
        Err(_) => panic!(
            "the status stays {:#?}",
            driver.handle.status().borrow().clone()
        ),
    }
}

pub(crate) async fn in_sync(driver: &Driver) -> Status {
    wait_for(driver, |status| status.in_sync).await
}

pub(crate) fn label(value: u32) -> Label {
    Label::new(value).unwrap()
}

pub(crate) fn fec(prefix: &str) -> Fec {
    Fec::prefix(VrfId::DEFAULT, prefix.parse().unwrap())
}

pub(crate) fn next_hop(interface: &str) -> NextHop {
    NextHop::new(interface, [10, 0, 12, 2].into())
}

pub(crate) fn nhlfe(interface: &str, labels: &[u32]) -> Nhlfe {
    let labels = labels.iter().map(|&value| label(value));
    Nhlfe::new(next_hop(interface), labels, TunnelModel::Uniform).unwrap()
}

pub(crate) fn group(nhlfes: &[Nhlfe]) -> Arc<PathGroup> {
    let path = |nhlfe: &Nhlfe| forwarding::Path::new(nhlfe.clone(), 1);
    Arc::new(PathGroup::new(nhlfes.iter().map(path)).unwrap())
}

pub(crate) const ROUTER_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
pub(crate) const NEIGHBOUR_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);

/// A router with the interface `access` on port 1 and `core0`, `core1` on the ports 2 and 3. FEC
/// 10.2.0.0/24 is pushed the label 100 towards core0; label 200 is swapped to 300, label 201 is
/// popped, label 202 is the egress.
pub(crate) struct Router {
    pub(crate) forwarding: Forwarding,
    pub(crate) desired: Desired,
}

impl Router {
    pub(crate) fn new() -> Self {
        let mut router = Self {
            forwarding: Forwarding::new(),
            desired: Desired::new(&profile()),
        };
        for (port, name) in [(1, "access"), (2, "core0"), (3, "core1")] {
            router.forwarding.set_interface(name.into(), true);
            router
                .forwarding
                .set_neighbour(next_hop(name), NEIGHBOUR_MAC);
            let config = InterfaceConfig {
                port,
                vlan: None,
                mac: ROUTER_MAC,
                mtu: 1500,
                mpls_mtu: 1500,
                vrf: VrfId::DEFAULT,
                label_space: LabelSpace::PLATFORM,
                mpls_enabled: name != "access",
                qos_map: QosMapId::DEFAULT,
            };
            router.desired.interfaces.insert(name.into(), config);
        }
        router.ftn("10.2.0.0/24", &[nhlfe("core0", &[100])]);
        let forward = |labels| IlmAction::Forward {
            paths: group(&[nhlfe("core0", labels)]),
            payload: Some(Payload::Ipv4),
            tunnel_model: TunnelModel::Uniform,
            qos_map: QosMapId::DEFAULT,
        };
        router.ilm(200, forward(&[300]));
        router.ilm(201, forward(&[]));
        router.ilm(
            202,
            IlmAction::PopAndLookUpIp {
                vrf: VrfId::DEFAULT,
                payload: Payload::Ipv4,
                tunnel_model: TunnelModel::Uniform,
                qos_map: QosMapId::DEFAULT,
                tail_end: None,
            },
        );
        router
    }

    pub(crate) fn ftn(&mut self, prefix: &str, nhlfes: &[Nhlfe]) {
        let owner = Owner::named(Protocol::Static, "to-pe2");
        self.forwarding
            .bind_ftn(owner, fec(prefix), FtnAction::Forward(group(nhlfes)));
    }

    pub(crate) fn ilm(&mut self, value: u32, action: IlmAction) {
        let owner = Owner::named(Protocol::Static, "lsp");
        self.forwarding
            .bind_ilm(owner, IlmKey::platform(label(value)), action)
            .unwrap();
    }

    pub(crate) fn desired(&self) -> Desired {
        Desired {
            lfib: self.forwarding.lfib(),
            ..self.desired.clone()
        }
    }
}

/// An IPv4 packet of 28 octets with this TTL, from 10.1.0.1.
pub(crate) fn ipv4(destination: Ipv4Addr, ttl: u8) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 28, 0, 1, 0, 0, ttl, 17, 0, 0, 10, 1, 0, 1];
    packet.extend(destination.octets());
    packet.extend([0x13, 0x88, 0x13, 0x89, 0, 8, 0, 0]);
    let sum: u32 = packet[..20]
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]))
        .sum();
    let checksum = !((sum & 0xFFFF) + (sum >> 16)) as u16;
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet
}

pub(crate) fn frame(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = [ROUTER_MAC.0, NEIGHBOUR_MAC.0].concat();
    frame.extend(ether_type.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A labelled IPv4 packet to 10.2.0.9.
pub(crate) fn labelled(labels: &[u32], ttl: u8) -> Vec<u8> {
    let labels: Vec<_> = labels.iter().map(|&value| label(value)).collect();
    let stack = LabelStack::from_labels(&labels, TrafficClass::default(), ttl).unwrap();
    let packet = ipv4(Ipv4Addr::new(10, 2, 0, 9), 64);
    frame(0x8847, &[stack.encode(), packet].concat())
}
