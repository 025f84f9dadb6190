//! The authentication of Hellos (RFC 7349).

use std::net::IpAddr;

use ldp::packet::{
    AuthenticationAlgorithm, AuthenticationError, Body, CryptographicAuthentication, Hello,
    Message, Pdu, authenticate, verify,
};

use crate::octets::sender;

const ALGORITHMS: [AuthenticationAlgorithm; 4] = [
    AuthenticationAlgorithm::HmacSha1,
    AuthenticationAlgorithm::HmacSha256,
    AuthenticationAlgorithm::HmacSha384,
    AuthenticationAlgorithm::HmacSha512,
];

fn unsigned(algorithm: AuthenticationAlgorithm) -> Vec<u8> {
    let authentication = CryptographicAuthentication::unsigned(5, 0x1_0000_0002, algorithm);
    let hello = Hello {
        hold_time: 15,
        ipv4_transport: Some([192, 0, 2, 1].into()),
        authentication: Some(authentication),
        ..Hello::default()
    };
    let pdu = Pdu {
        identifier: sender(),
        messages: vec![Message::new(1, Body::Hello(Box::new(hello)))],
    };
    pdu.encode().expect("a PDU")
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// The digest at the end of a signed Hello, in hex.
fn digest(algorithm: AuthenticationAlgorithm, key: &[u8], source: &str) -> String {
    let mut octets = unsigned(algorithm);
    authenticate(&mut octets, key, algorithm, address(source)).expect("a Hello to sign");
    assert_eq!(verify(&octets, key, algorithm, address(source)), Ok(()));
    let data = &octets[octets.len() - algorithm.digest_length()..];
    data.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// RFC 7349 section 5: the key with the protocol's id, as long as the digest; the source address and
/// 0x878FE1F3 where the data will be. The digests were computed by another program (Python's hmac).
#[test]
fn digests_are_those_of_section_5() {
    use AuthenticationAlgorithm::{HmacSha1, HmacSha256, HmacSha512};
    // Longer than the digest, so it is hashed, though HMAC with SHA-512 itself would take it.
    let long = [b'k'; 70];
    for (algorithm, key, source, expected) in [
        (
            HmacSha1,
            &b"secret"[..],
            "192.0.2.1",
            "bc59ad130edcc0ca11754a9edb77e3877840b722",
        ),
        (
            HmacSha1,
            &long,
            "fe80::1",
            "76eac99843268e78cd11396c43144a0b00116446",
        ),
        (
            HmacSha256,
            b"secret",
            "192.0.2.1",
            "b5111c9949bf397a4391e6dd870131a54afcaec1bed94f8a6f8308b745e91764",
        ),
        (
            HmacSha256,
            b"secret",
            "fe80::1",
            "ab94f7d30dcce22e78f5ee883819cd56167b7e2085b79290d9fc710ddc005503",
        ),
        (
            HmacSha512,
            &long,
            "192.0.2.1",
            "3b819239e5379e8c2e056f17acf38d7fb915bd62262b415bf8953f3e6fdbfd2f\
             9d7d9d20f6557622a22f961fc3069740ca64cea1aac53037c7d6dcf342efe550",
        ),
    ] {
        assert_eq!(digest(algorithm, key, source), expected);
    }
    assert_eq!(
        digest(AuthenticationAlgorithm::HmacSha384, b"secret", "fe80::1"),
        "5ecd31e97a1836f59ae386fedfc969e0b65f4094da827d059f8d47282dc64475\
         e983dd6d506a2d5908075d124bf3bb6e"
    );
}

/// RFC 7349 section 6: whatever differs, the Hello is discarded.
#[test]
fn another_key_source_or_octet_does_not_verify() {
    for algorithm in ALGORITHMS {
        let source = address("192.0.2.1");
        let mut octets = unsigned(algorithm);
        authenticate(&mut octets, b"secret", algorithm, source).expect("a Hello to sign");
        let refused = Err(AuthenticationError::Digest);
        assert_eq!(verify(&octets, b"other", algorithm, source), refused);
        assert_eq!(
            verify(&octets, b"secret", algorithm, address("192.0.2.2")),
            refused
        );
        // Every octet counts: the LDP Identifier, the Message ID, the hold time, the digest.
        for at in [4, 15, 23, octets.len() - 1] {
            let mut changed = octets.clone();
            changed[at] ^= 1;
            assert_eq!(
                verify(&changed, b"secret", algorithm, source),
                refused,
                "octet {at}"
            );
        }
    }
}

#[test]
fn a_hello_without_authentication_does_not_verify() {
    let algorithm = AuthenticationAlgorithm::HmacSha256;
    let source = address("192.0.2.1");
    let pdu = Pdu {
        identifier: sender(),
        messages: vec![Message::new(1, Body::Hello(Box::default()))],
    };
    let octets = pdu.encode().expect("a PDU");
    assert_eq!(
        verify(&octets, b"secret", algorithm, source),
        Err(AuthenticationError::Missing)
    );
    // The digest of another algorithm.
    assert_eq!(
        verify(
            &unsigned(AuthenticationAlgorithm::HmacSha1),
            b"secret",
            algorithm,
            source
        ),
        Err(AuthenticationError::Length {
            actual: 20,
            expected: 32
        })
    );
    for end in 0..octets.len() {
        assert_eq!(
            verify(&octets[..end], b"secret", algorithm, source),
            Err(AuthenticationError::NoHello)
        );
    }
}
