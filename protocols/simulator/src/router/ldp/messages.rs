//! What octets of a session say.

use std::collections::BTreeSet;

use ldp::MultiTopologyId;
use ldp::packet::{Body, FecElement, PduStream, TypedWildcard};

/// The messages of whole PDUs, in words.
pub(super) fn in_words(octets: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut stream = stream(octets);
    while let Ok(Some(pdu)) = stream.next_pdu() {
        lines.extend(pdu.messages().map(|message| match message {
            Ok(message) => message.to_string(),
            Err(error) => error.to_string(),
        }));
    }
    lines
}

/// The topologies besides the default one of which whole PDUs name FECs.
pub(super) fn topologies(octets: &[u8]) -> BTreeSet<MultiTopologyId> {
    let mut topologies = BTreeSet::new();
    let mut stream = stream(octets);
    while let Ok(Some(pdu)) = stream.next_pdu() {
        for message in pdu.messages().flatten() {
            topologies.extend(fec(&message.body).iter().filter_map(topology));
        }
    }
    topologies.remove(&MultiTopologyId::DEFAULT);
    topologies
}

fn stream(octets: &[u8]) -> PduStream {
    let mut stream = PduStream::new();
    stream.set_max_pdu_length(u16::MAX);
    stream.push(octets);
    stream
}

/// The FEC that a message is about. Capabilities name topologies, too, which tells of no FEC.
fn fec(body: &Body) -> &[FecElement] {
    match body {
        Body::Notification(notification) => &notification.fec,
        Body::LabelMapping(mapping) => &mapping.fec,
        Body::LabelRequest(request) => &request.fec,
        Body::LabelWithdraw(withdraw) => &withdraw.fec,
        Body::LabelRelease(release) => &release.fec,
        Body::LabelAbortRequest(abort) => &abort.fec,
        _ => &[],
    }
}

fn topology(element: &FecElement) -> Option<MultiTopologyId> {
    match element {
        FecElement::Prefix(fec) => Some(fec.topology),
        FecElement::TypedWildcard(TypedWildcard::Prefix { topology, .. }) => Some(*topology),
        FecElement::Wildcard | FecElement::Ignored { .. } | FecElement::Unknown { .. } => None,
    }
}
