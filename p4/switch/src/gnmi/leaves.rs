//! The leaves of openconfig-interfaces that a port has.

use std::sync::Arc;
use std::time::SystemTime;

use gnmi_proto::gnmi::{Encoding, Path, TypedValue, typed_value::Value};
use gnmi_proto::path::{covers, interface_path};
use tonic::Status;

use crate::control::{PortInfo, PortState};

/// What a leaf is: the classes of GetRequest.type (section 3.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// What is set.
    Config,
    /// What is read, and tells of every change.
    State,
    /// What is read, and changes with every packet.
    Counter,
}

/// The value of a leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LeafValue {
    Text(String),
    Number(u64),
    Bool(bool),
}

/// The path of a leaf in little memory: the interface, and the elements after it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LeafName {
    interface: Arc<str>,
    rest: &'static [&'static str],
}

impl LeafName {
    /// The path.
    pub(super) fn path(&self) -> Path {
        interface_path(&self.interface, self.rest)
    }
}

/// A leaf of a port.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Leaf {
    pub(super) name: LeafName,
    pub(super) path: Path,
    pub(super) class: Class,
    pub(super) value: LeafValue,
}

/// The leaves of a port below its element.
fn of_port(port: &PortInfo) -> Vec<(&'static [&'static str], Class, LeafValue)> {
    use Class::{Config, Counter, State};
    use LeafValue::{Bool, Number, Text};
    let status = |up: bool| Text(if up { "UP" } else { "DOWN" }.to_owned());
    let seen = &port.statistics;
    // They are counted one after the other while packets go on.
    let unicast = |all: u64, others: u64| all.saturating_sub(others);
    vec![
        (&["config", "name"], Config, Text(port.name.clone())),
        (&["config", "enabled"], Config, Bool(port.enabled)),
        (&["state", "name"], State, Text(port.name.clone())),
        (&["state", "id"], State, Number(port.number.into())),
        (
            &["state", "ifindex"],
            State,
            Number(port.index.unwrap_or(0).into()),
        ),
        (&["state", "admin-status"], State, status(port.enabled)),
        (
            &["state", "oper-status"],
            State,
            status(port.state == PortState::Up),
        ),
        (&["state", "last-change"], State, Number(port.last_change)),
        (
            &["state", "counters", "in-pkts"],
            Counter,
            Number(seen.received_packets),
        ),
        (
            &["state", "counters", "in-unicast-pkts"],
            Counter,
            Number(unicast(
                seen.received_packets,
                seen.received_multicast + seen.received_broadcast,
            )),
        ),
        (
            &["state", "counters", "in-multicast-pkts"],
            Counter,
            Number(seen.received_multicast),
        ),
        (
            &["state", "counters", "in-broadcast-pkts"],
            Counter,
            Number(seen.received_broadcast),
        ),
        (
            &["state", "counters", "in-octets"],
            Counter,
            Number(seen.received_bytes),
        ),
        (
            &["state", "counters", "in-discards"],
            Counter,
            Number(seen.receive_overruns + seen.receive_oversized),
        ),
        (
            &["state", "counters", "in-errors"],
            Counter,
            Number(seen.receive_errors),
        ),
        (
            &["state", "counters", "out-pkts"],
            Counter,
            Number(seen.sent_packets),
        ),
        (
            &["state", "counters", "out-unicast-pkts"],
            Counter,
            Number(unicast(
                seen.sent_packets,
                seen.sent_multicast + seen.sent_broadcast,
            )),
        ),
        (
            &["state", "counters", "out-multicast-pkts"],
            Counter,
            Number(seen.sent_multicast),
        ),
        (
            &["state", "counters", "out-broadcast-pkts"],
            Counter,
            Number(seen.sent_broadcast),
        ),
        (
            &["state", "counters", "out-octets"],
            Counter,
            Number(seen.sent_bytes),
        ),
        (
            &["state", "counters", "out-discards"],
            Counter,
            Number(seen.send_queue_full + seen.send_link_down),
        ),
        (
            &["state", "counters", "out-errors"],
            Counter,
            Number(seen.send_too_long + seen.send_errors),
        ),
    ]
}

/// The leaves that a path covers, in the order of the ports.
pub(super) fn under(ports: &[PortInfo], path: &Path) -> Vec<Leaf> {
    let mut found = Vec::new();
    for port in ports {
        let interface: Arc<str> = port.name.as_str().into();
        for (rest, class, value) in of_port(port) {
            let own = interface_path(&port.name, rest);
            if covers(&path.elem, &own.elem) {
                found.push(Leaf {
                    name: LeafName {
                        interface: interface.clone(),
                        rest,
                    },
                    path: own,
                    class,
                    value,
                });
            }
        }
    }
    found
}

/// The path of a request: that of the prefix with its own after it (section 2.4.1).
pub(super) fn absolute(prefix: Option<&Path>, path: &Path) -> Result<Path, Status> {
    let mut whole = Path::default();
    for part in prefix.into_iter().chain([path]) {
        #[allow(deprecated)] // A client that still uses it would get all in place of what it wants.
        if !part.element.is_empty() {
            return Err(Status::invalid_argument(
                "a path in `element`: gNMI 0.4 took it out, use `elem`",
            ));
        }
        if !matches!(part.origin.as_str(), "" | "openconfig") {
            return Err(Status::not_found(format!(
                "origin `{}`: there is `openconfig` only",
                part.origin
            )));
        }
        whole.elem.extend(part.elem.iter().cloned());
    }
    Ok(whole)
}

/// A value in the encoding that a request asks for (section 2.3). JSON is also what a request has
/// that asks for none: it gets typed values, as from Stratum, on which clients of Stratum depend.
pub(super) fn encode(value: &LeafValue, encoding: Encoding) -> Result<TypedValue, Status> {
    let value = match encoding {
        Encoding::Proto | Encoding::Json => match value {
            LeafValue::Text(text) => Value::StringVal(text.clone()),
            LeafValue::Number(number) => Value::UintVal(*number),
            LeafValue::Bool(value) => Value::BoolVal(*value),
        },
        Encoding::JsonIetf => {
            let json = match value {
                LeafValue::Text(text) => serde_json::Value::from(text.as_str()),
                LeafValue::Bool(value) => serde_json::Value::from(*value),
                // RFC 7951 section 6.1: a number of 64 bits is a string.
                LeafValue::Number(number) => serde_json::Value::from(number.to_string()),
            };
            Value::JsonIetfVal(json.to_string().into_bytes())
        }
        Encoding::Bytes | Encoding::Ascii => {
            return Err(Status::unimplemented(format!(
                "encoding {}: there are PROTO and JSON_IETF",
                encoding.as_str_name()
            )));
        }
    };
    Ok(TypedValue { value: Some(value) })
}

/// Nanoseconds since the epoch, as gNMI's timestamps are.
pub(super) fn now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    // Until the year 2262.
    now.map_or(0, |now| now.as_nanos() as i64)
}
