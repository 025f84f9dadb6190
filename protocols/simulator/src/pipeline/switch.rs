//! A switch that runs mpls.p4, with the entries of what the model of it holds.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use dataplane::{
    Desired, Entries, InterfaceConfig, Key, PuntRate, PuntReason, Reconciliation, Switchover,
    Translator, Update, Value,
};
use forwarding::{
    Dscp, Fec, FtnAction, FtnEntry, IlmAction, IlmEntry, IlmKey, InterfaceName, LabelSpace, Lfib,
    MacAddress, NextHop, Owner, Protocol, QosMapId, VrfId,
};
use ldp::{MultiTopologyId, PrefixFec};
use p4_switch::control::ControlError;
use p4_switch::{Clock, Engine, LoadError, SwitchConfig};
use p4runtime_client::{Code, Operation, UpdateError};

use super::{Program, entries, frame};
use crate::network::{Packet, Step};
use crate::router::{Pipeline, Router};

/// The port of packets to lsrd: that of the hardware profile.
const CPU: u32 = 510;
/// The port by which the packets that are tried come in; those of links are 1 on.
const ACCESS: u16 = 500;
const ACCESS_MAC: MacAddress = MacAddress([2, 0xFE, 0, 0, 0, 1]);
/// Octets of the header in front of what goes to lsrd: port and reason, and what was popped.
const PACKET_IN: std::ops::Range<usize> = 0..2;

/// A switch of p4-switch's engine.
#[derive(Debug)]
pub struct RealSwitch {
    program: Arc<Program>,
    switch: p4_switch::Switch,
    clock: Arc<Clock>,
    multi_topology: Option<MultiTopologyId>,
    state: RefCell<State>,
}

/// What the switch was made to hold.
#[derive(Debug)]
struct State {
    translator: Translator,
    held: Entries,
    /// What of the router that is the translation of.
    source: Option<Source>,
    /// What could not be written, in words.
    problems: Vec<String>,
}

/// What of a router its switch depends on.
#[derive(Debug, PartialEq)]
struct Source {
    ftn: BTreeMap<Fec, FtnAction>,
    ilm: BTreeMap<IlmKey, (IlmAction, PrefixFec)>,
    /// Of each interface whether it is up, and whether its neighbour is known by IPv4 and IPv6.
    interfaces: Vec<(bool, [bool; 2])>,
}

impl Source {
    fn is_of(&self, router: &Router) -> bool {
        self.ftn == *router.switch.ftn()
            && self.ilm == *router.switch.ilm()
            && self.interfaces == interfaces(router)
    }

    fn of(router: &Router) -> Self {
        Self {
            ftn: router.switch.ftn().clone(),
            ilm: router.switch.ilm().clone(),
            interfaces: interfaces(router),
        }
    }
}

fn interfaces(router: &Router) -> Vec<(bool, [bool; 2])> {
    let interfaces = router.interfaces.iter().enumerate();
    interfaces
        .map(|(place, interface)| {
            let resolved =
                neighbours(router, place).map(|of| of.is_some_and(|of| router.switch.resolves(of)));
            (interface.up, resolved)
        })
        .collect()
}

/// The neighbour on an interface, by its place, as IPv4 and as IPv6 name it.
fn neighbours(router: &Router, place: usize) -> [Option<&NextHop>; 2] {
    [&router.neighbours, &router.ipv6_neighbours].map(|of| of.get(place))
}

/// The port of an interface, by its place.
fn port(place: usize) -> u16 {
    // No router of a simulation has as many links.
    u16::try_from(place + 1)
        .unwrap_or(ACCESS - 1)
        .min(ACCESS - 1)
}

/// A MAC address for the owner of an IP address, another one for each on a link.
fn mac(address: IpAddr) -> MacAddress {
    let (family, [a, b, c, d]) = match address {
        IpAddr::V4(address) => (4, address.octets()),
        IpAddr::V6(address) => (6, (address.to_bits() as u32).to_be_bytes()),
    };
    MacAddress([2, family, a, b, c, d])
}

impl RealSwitch {
    /// A switch that holds nothing yet, in a network with this second topology, if there is one.
    ///
    /// # Errors
    /// It cannot run the program.
    pub fn new(
        program: Arc<Program>,
        multi_topology: Option<MultiTopologyId>,
    ) -> Result<Self, LoadError> {
        let clock = Arc::new(Clock::manual());
        let config = SwitchConfig {
            cpu_port: Some(CPU),
            clock: Arc::clone(&clock),
            // A few packets on many switches: to generate code for each would take longer.
            engine: Engine::Interpreter,
            ..SwitchConfig::default()
        };
        // Its events are of no use: what goes to lsrd is given back with the rest.
        let (switch, _) = p4_switch::Switch::new(config);
        switch.load(&program.document)?;
        let capacity = dataplane::Capacity::new(&program.profile, Some(&program.schema));
        let state = State {
            translator: Translator::new(capacity),
            held: Entries::new(),
            source: None,
            problems: Vec::new(),
        };
        Ok(Self {
            program,
            switch,
            clock,
            multi_topology,
            state: RefCell::new(state),
        })
    }

    /// The switch itself.
    pub fn switch(&self) -> &p4_switch::Switch {
        &self.switch
    }

    /// What lsrd would want of the switch if its LFIB were what the model holds.
    fn desired(&self, router: &Router) -> Desired {
        let owner = || Owner::from(Protocol::Ldp);
        let ftn = router.switch.ftn().iter().map(|(fec, action)| {
            let (owner, action) = (owner(), action.clone());
            (fec.clone(), FtnEntry { owner, action })
        });
        let ilm = router.switch.ilm().iter().map(|(key, (action, _))| {
            let (owner, action) = (owner(), action.clone());
            (*key, IlmEntry { owner, action })
        });
        let neighbours = router.neighbours.iter().chain(&router.ipv6_neighbours);
        let resolved = neighbours.filter(|neighbour| router.switch.resolves(neighbour));
        let lfib = Lfib {
            ftn: ftn.collect(),
            ilm: ilm.collect(),
            resolved: resolved.map(|of| (of.clone(), mac(of.address))).collect(),
            ..Lfib::default()
        };
        let config = |port, mac| InterfaceConfig {
            port,
            vlan: None,
            mac,
            mtu: 1500,
            mpls_mtu: 1520,
            vrf: VrfId::DEFAULT,
            label_space: LabelSpace::PLATFORM,
            mpls_enabled: true,
            qos_map: QosMapId::DEFAULT,
        };
        let links = router.interfaces.iter().enumerate().map(|(place, of)| {
            let name = InterfaceName::from(&*of.name);
            (name, config(port(place), mac(of.address.addr())))
        });
        let access = (InterfaceName::from("access"), config(ACCESS, ACCESS_MAC));
        // A router without the topology knows its packets, too, and has no route for them.
        let topology = self.multi_topology.and_then(|topology| {
            let dscp = Dscp::new(frame::DSCP).ok()?;
            Some(((VrfId::DEFAULT, dscp), ldp_lfib::vrf_of(topology)))
        });
        // What is punted is looked at, however much it is.
        let all = PuntRate {
            rate: 1_000_000,
            burst: 1_000_000,
        };
        Desired {
            lfib: Arc::new(lfib),
            interfaces: links.chain([access]).collect(),
            punt: PuntReason::ALL.map(|reason| (reason, all)).into(),
            topologies: topology.into_iter().collect(),
            router_id: router.id,
            ..Desired::new(&self.program.profile)
        }
    }

    /// Brings the switch to what the model holds.
    fn follow(&self, router: &Router) {
        let mut state = self.state.borrow_mut();
        if state
            .source
            .as_ref()
            .is_some_and(|source| source.is_of(router))
        {
            return;
        }
        let desired = self.desired(router);
        let ports = router.interfaces.iter().enumerate();
        let switchover = Switchover {
            ports: ports.map(|(place, of)| (port(place), of.up)).collect(),
            ..Switchover::default()
        };
        let State {
            translator, held, ..
        } = &mut *state;
        let mut target = translator.translate(&desired, &switchover, held, false);
        // lsrd writes these ahead of the others.
        for (port, up) in &switchover.ports {
            if !up {
                target
                    .entries
                    .insert(Key::PortState(*port), Value::PortDown);
            }
        }
        let mut change = Reconciliation::new(held, &target.entries, false);
        while let Some(batch) = change.next_batch() {
            let outcomes: Vec<_> = batch.iter().map(|update| self.write(update)).collect();
            change.complete(&outcomes);
        }
        let failures = change.finish().failures.into_iter();
        let refused = target
            .refused
            .iter()
            .map(|(key, why)| format!("{key}: {why}"));
        state.problems = failures
            .map(|(key, failure)| format!("{key}: {}", failure.reason))
            .chain(refused)
            .chain(target.problems)
            .collect();
        state.source = Some(Source::of(router));
    }

    fn write(&self, update: &Update) -> Result<(), UpdateError> {
        let (table, entry) = entries::entry(&self.program.schema, &update.key, &update.value)
            .map_err(|message| UpdateError {
                code: Code::InvalidArgument,
                message,
            })?;
        let written = self.switch.write(|state| match update.operation {
            Operation::Insert => state.insert_entry(&table, &entry),
            Operation::Modify => state.modify_entry(&table, &entry),
            Operation::Delete => state.delete_entry(&table, &entry.key),
        });
        written.map_err(|error| UpdateError {
            code: match error {
                ControlError::AlreadyExists { .. } => Code::AlreadyExists,
                ControlError::NotFound { .. } => Code::NotFound,
                _ => Code::Internal,
            },
            message: error.to_string(),
        })
    }

    /// What comes out for a packet: towards lsrd, why; by links, where and how.
    fn output(&self, fec: PrefixFec, packet: &Packet) -> (Vec<PuntReason>, Vec<(u32, Vec<u8>)>) {
        // The buckets of the meters fill again between two packets.
        self.clock.advance(Duration::from_secs(1));
        let frame = frame::build(ACCESS_MAC, fec, packet);
        let out = self.switch.process(ACCESS.into(), &frame);
        let (up, on): (Vec<_>, Vec<_>) = out.into_iter().partition(|(port, _)| *port == CPU);
        let reason = |octets: &Vec<u8>| {
            // 9 bits of a port, 7 of the reason.
            let number = octets.get(PACKET_IN)?.last()? & 0x7F;
            PuntReason::from_number(number)
        };
        (
            up.iter().filter_map(|(_, octets)| reason(octets)).collect(),
            on,
        )
    }
}

/// Whether a packet's own TTL is that of its label already, under another one. Where some paths of a label pop
/// and others swap, mpls.p4 pops first and then pushes for the latter, and the pop takes the TTL over (RFC
/// 3443, section 3.1): one hop or more before the end of the LSP, where it would be taken over anyway.
fn taken_over(packet: &Packet, way: &Packet, ttl: u8) -> bool {
    let label_ttl = way.stack.last().map(|(_, ttl)| *ttl);
    !packet.stack.is_empty() && label_ttl == Some(ttl) && ttl <= way.ttl
}

impl Pipeline for RealSwitch {
    fn forward(&self, router: &Router, fec: PrefixFec, packet: &Packet, step: Step) -> Step {
        self.follow(router);
        let (up, on) = self.output(fec, packet);
        let wrong = |what: &str| {
            Step::Wrong(format!(
                "mpls.p4 {what} of a packet to {fec} with {:?}, TTL {}, not {step:?}: up {up:?}, on {:?}",
                packet.stack,
                packet.ttl,
                on.iter()
                    .map(|(port, of)| (port, frame::parse(of)))
                    .collect::<Vec<_>>(),
            ))
        };
        let delivered =
            |reason: &PuntReason| matches!(reason, PuntReason::ToRouter | PuntReason::Glean);
        match &step {
            Step::Wrong(_) => step,
            Step::Deliver => match (up.as_slice(), on.as_slice()) {
                ([reason], []) if delivered(reason) => step,
                _ => wrong("does not deliver it"),
            },
            Step::Dropped(_) => match on.is_empty() && !up.iter().any(delivered) {
                true => step,
                false => wrong("sends on"),
            },
            Step::Forward(ways) => {
                let [(out, octets)] = on.as_slice() else {
                    return wrong("gives another number of copies");
                };
                let Some(parsed) = frame::parse(octets) else {
                    return wrong("gives no packet");
                };
                let chosen = ways.iter().position(|(link, way)| {
                    let Some(place) = router.place_of(*link) else {
                        return false;
                    };
                    let mut neighbours = neighbours(router, place).into_iter().flatten();
                    *out == u32::from(port(place))
                        && neighbours.any(|of| mac(of.address) == parsed.destination)
                        && parsed.stack == way.stack
                        && (parsed.ttl == way.ttl || taken_over(packet, way, parsed.ttl))
                });
                match chosen {
                    Some(chosen) => {
                        let mut ways = ways.clone();
                        ways.swap(0, chosen);
                        Step::Forward(ways)
                    }
                    None => wrong("gives something else"),
                }
            }
        }
    }

    fn differences(&self, router: &Router) -> Vec<String> {
        self.follow(router);
        let state = self.state.borrow();
        let mut differences = state.problems.clone();
        let mut counts: HashMap<String, usize> = HashMap::new();
        let read = self.switch.read(|switch| {
            for (key, value) in &state.held {
                let (table, entry) = match entries::entry(&self.program.schema, key, value) {
                    Ok(made) => made,
                    Err(error) => {
                        differences.push(format!("{key}: {error}"));
                        continue;
                    }
                };
                match switch.entry(&table, &entry.key) {
                    Ok(there) if same(&there.action, &entry.action) => {}
                    Ok(_) => differences.push(format!("{key} is another in the switch")),
                    Err(error) => differences.push(format!("{key}: {error}")),
                }
                *counts.entry(table).or_default() += 1;
            }
            for table in switch.tables().iter().filter(|table| !table.is_const) {
                let wanted = counts.get(&table.name).copied().unwrap_or(0);
                if table.size != wanted {
                    let (name, size) = (&table.name, table.size);
                    differences.push(format!("{name} has {size} entries, not {wanted}"));
                }
            }
            Ok(())
        });
        if let Err(error) = read {
            differences.push(error.to_string());
        }
        differences
    }
}

/// Whether two entries do the same: read back, arguments have leading zeros.
fn same(there: &p4_switch::control::EntryAction, wanted: &p4_switch::control::EntryAction) -> bool {
    use p4_switch::control::EntryAction::Action;
    let (Action(there), Action(wanted)) = (there, wanted) else {
        return false;
    };
    fn bare(value: &[u8]) -> &[u8] {
        let zeros = value.iter().take_while(|octet| **octet == 0).count();
        value.get(zeros..).unwrap_or_default()
    }
    let arguments = there.arguments.iter().zip(&wanted.arguments);
    there.name == wanted.name
        && there.arguments.len() == wanted.arguments.len()
        && arguments
            .into_iter()
            .all(|(one, other)| bare(one) == bare(other))
}
