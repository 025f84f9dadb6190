//! Between the typed entries and those of P4Runtime: the names of mpls.p4 stand here alone.

mod decode;
mod encode;

use forwarding::{Payload, TunnelKind, TunnelModel};
use p4runtime_client::{Schema, SchemaError};

use crate::Table;

pub use decode::decode;
pub use encode::encode;

/// Checks that the P4 program has every table, counter and header that this crate uses.
///
/// # Errors
/// One is missing; the error names it.
pub fn check_program(schema: &Schema) -> Result<(), SchemaError> {
    for table in Table::ALL.into_iter().filter(|table| table.is_in_program()) {
        schema.table(table.name())?;
    }
    for counter in DROP_COUNTERS {
        schema.counter(counter)?;
    }
    for header in ["packet_in", "packet_out"] {
        schema.header(header)?;
    }
    Ok(())
}

/// The counters of drops, in the ingress and in the egress pipeline.
pub(crate) const DROP_COUNTERS: [&str; 2] = ["drops", "egress_drops"];

const PUSH: [&str; 4] = ["push_1", "push_2", "push_3", "push_4"];
const LABELS: [&str; 4] = ["label_1", "label_2", "label_3", "label_4"];

/// The actions of `tunnel_encapsulation`, for IPv4 and IPv6.
const ENCAPSULATIONS: [(TunnelKind, [&str; 2]); 3] = [
    (TunnelKind::Udp, ["udp_ipv4", "udp_ipv6"]),
    (TunnelKind::Gre, ["gre_ipv4", "gre_ipv6"]),
    (TunnelKind::Ip, ["mpls_in_ipv4", "mpls_in_ipv6"]),
];

/// The kinds of tunnels, by their number less 1.
const TUNNEL_KINDS: [TunnelKind; 3] = [TunnelKind::Udp, TunnelKind::Gre, TunnelKind::Ip];

/// `PAYLOAD_*` of mpls.p4.
const PAYLOADS: [Option<Payload>; 3] = [None, Some(Payload::Ipv4), Some(Payload::Ipv6)];

/// `MODEL_*` of mpls.p4.
const MODELS: [TunnelModel; 3] = [
    TunnelModel::Uniform,
    TunnelModel::Pipe,
    TunnelModel::ShortPipe,
];

/// The place of a value in one of the lists above, which is its number in the program.
fn number<T: PartialEq>(list: &[T], value: &T) -> u8 {
    // The lists have every value, and are shorter than 256.
    list.iter().position(|item| item == value).unwrap_or(0) as u8
}
