//! Peers of the LSR that is measured.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use ldp::engine::{ConnectionId, Ldp, ReceivedDatagram};
use ldp::packet::{
    AddressMessage, AdvertisementDiscipline, Body, Capabilities, FecElement, Hello, Initialization,
    LabelMapping, Message, Pdu, PduBuilder,
};
use ldp::{LdpIdentifier, PrefixFec};
use mpls::Label;

/// The LSR that is measured.
pub(crate) const LOCAL: Ipv4Addr = Ipv4Addr::new(1, 1, 1, 1);

/// A FEC by its number: 20.0.0.0/32 on.
pub(crate) fn fec(number: u32) -> PrefixFec {
    let address = Ipv4Addr::from_bits(0x1400_0000 + number);
    PrefixFec::from(ipnet::IpNet::from(IpAddr::V4(address)))
}

/// A peer with this address on `eth0` is found and connects, and the session is operational for it.
pub(crate) fn connect(
    ldp: &mut Ldp,
    peer: LdpIdentifier,
    address: IpAddr,
    now: Instant,
) -> ConnectionId {
    let hello = Hello {
        hold_time: 0xffff,
        ipv4_transport: Some(peer.lsr_id),
        ..Hello::default()
    };
    let hello = ReceivedDatagram {
        interface: "eth0",
        source: address,
        destination: IpAddr::V4(Ipv4Addr::new(224, 0, 0, 2)),
        hop_limit: Some(1),
        octets: &pdu(peer, Body::Hello(Box::new(hello))),
    };
    ldp.handle_hello(hello, now);
    let accepted = ldp.accept(LOCAL.into(), peer.lsr_id.into(), now);
    let id = accepted.expect("accepted").id;
    let initialization = Initialization {
        protocol_version: 1,
        keepalive_time: 180,
        advertisement: AdvertisementDiscipline::DownstreamUnsolicited,
        loop_detection: false,
        path_vector_limit: 0,
        max_pdu_length: 4096,
        receiver: LdpIdentifier::platform(LOCAL),
        fault_tolerance: None,
        capabilities: Capabilities::default(),
    };
    let addresses = vec![address];
    for body in [
        Body::Initialization(Box::new(initialization)),
        Body::KeepAlive,
        Body::Address(AddressMessage { addresses }),
    ] {
        ldp.handle_octets(id, &pdu(peer, body), now);
    }
    id
}

/// A peer's Label Mappings for so many FECs.
pub(crate) fn mappings(peer: LdpIdentifier, fecs: u32) -> Vec<u8> {
    let mut builder = PduBuilder::new(peer, 4096);
    for number in 0..fecs {
        let label = Label::new(200_000 + number).expect("a label");
        let mapping = LabelMapping::new(vec![FecElement::Prefix(fec(number))], label);
        builder
            .push(number + 1, &Body::LabelMapping(mapping))
            .expect("it fits");
    }
    builder.take()
}

fn pdu(identifier: LdpIdentifier, body: Body) -> Vec<u8> {
    let messages = vec![Message::new(1, body)];
    let pdu = Pdu {
        identifier,
        messages,
    };
    pdu.encode().expect("it fits")
}
