//! A p4-switch in this process with ports in memory, served on a Unix socket.

use std::collections::BTreeMap;
use std::sync::Arc;

use p4_switch::control::PortState;
use p4_switch::p4runtime::{Listener, Service};
use p4_switch::port::{MemoryPort, PortHandle};
use p4_switch::{Switch, SwitchConfig};
use p4runtime_client::Address;

use super::{Device, PORTS};

/// A p4-switch of which the ports keep what is sent to them.
pub(crate) struct InProcess {
    address: Address,
    ports: BTreeMap<u16, (Arc<MemoryPort>, PortHandle)>,
    // The server lives as long as its runtime.
    _runtime: tokio::runtime::Runtime,
    _directory: tempfile::TempDir,
}

impl InProcess {
    /// Starts the switch and its server.
    pub(crate) fn start() -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a tokio runtime");
        let directory = tempfile::tempdir().expect("a directory for the socket");
        let url = format!("unix://{}", directory.path().join("grpc").display());
        let config = SwitchConfig {
            cpu_port: Some(510),
            ..SwitchConfig::default()
        };
        let (switch, events) = Switch::new(config.clone());
        let ports = (1..=PORTS).map(|number| {
            let port = Arc::new(MemoryPort::new(format!("port{number}")));
            let handle = switch.add_port(number.into(), port.clone(), PortState::Up, None);
            (number, (port, handle.expect("a new port")))
        });
        let ports = ports.collect();
        let listen = url.parse().expect("an address");
        runtime.block_on(async {
            let listener = Listener::bind(&listen)
                .await
                .expect("a socket in a new directory");
            let service = Service::new(1, switch, config, events);
            tokio::spawn(listener.serve(service, std::future::pending()));
        });
        Self {
            address: url.parse().expect("an address"),
            ports,
            _runtime: runtime,
            _directory: directory,
        }
    }
}

impl Device for InProcess {
    fn address(&self) -> Address {
        self.address.clone()
    }

    fn send(&self, port: u16, frame: &[u8]) {
        let (_, handle) = &self.ports[&port];
        handle.receive(frame);
    }

    fn frames(&self) -> Vec<(u16, Vec<u8>)> {
        let sent = |(number, (port, _)): (&u16, &(Arc<MemoryPort>, PortHandle))| {
            let number = *number;
            let port = Arc::clone(port);
            std::iter::from_fn(move || port.take()).map(move |frame| (number, frame))
        };
        self.ports.iter().flat_map(sent).collect()
    }
}
