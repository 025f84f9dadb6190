//! Encoding and decoding of 50,000 Label Mappings in PDUs of 4096 octets.
//!
//! `cargo bench -p ldp --bench packets`

use std::net::Ipv4Addr;

use divan::Bencher;
use divan::counter::ItemsCount;
use ipnet::{IpNet, Ipv4Net};
use ldp::LdpIdentifier;
use ldp::packet::{Body, FecElement, LabelMapping, PduBuilder, PduStream};
use mpls::Label;

const MAPPINGS: u32 = 50_000;

fn main() {
    divan::main();
}

/// Mappings of /24 prefixes below 10.0.0.0.
fn mappings() -> Vec<Body> {
    (0..MAPPINGS)
        .map(|index| {
            let address = Ipv4Addr::from((10 << 24) + (index << 8));
            let prefix = IpNet::V4(Ipv4Net::new(address, 24).expect("a prefix"));
            let label = Label::new(16 + index).expect("a label");
            Body::LabelMapping(LabelMapping::new(
                vec![FecElement::Prefix(prefix.into())],
                label,
            ))
        })
        .collect()
}

fn encoded(mappings: &[Body]) -> Vec<u8> {
    let identifier = LdpIdentifier::platform(Ipv4Addr::new(192, 0, 2, 1));
    let mut builder = PduBuilder::new(identifier, 4096);
    for (mapping, id) in mappings.iter().zip(1..) {
        builder.push(id, mapping).expect("a short message");
    }
    builder.take()
}

#[divan::bench]
fn encode(bencher: Bencher) {
    let mappings = mappings();
    bencher
        .counter(ItemsCount::new(MAPPINGS))
        .bench(|| encoded(&mappings));
}

/// As TCP brings them: 64 KiB at once.
#[divan::bench]
fn decode(bencher: Bencher) {
    let octets = encoded(&mappings());
    bencher.counter(ItemsCount::new(MAPPINGS)).bench(|| {
        let mut stream = PduStream::new();
        let mut count = 0;
        for piece in octets.chunks(65536) {
            stream.push(piece);
            while let Ok(Some(pdu)) = stream.next_pdu() {
                for message in pdu.messages() {
                    let message = message.expect("a mapping");
                    divan::black_box(&message);
                    count += 1;
                }
            }
        }
        assert_eq!(count, MAPPINGS);
    });
}
