//! The cryptographic authentication of Hellos (RFC 7349).

use std::net::IpAddr;
use std::ops::Range;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::message::message_type;
use super::pdu::{DEFAULT_MAX_PDU_LENGTH, MESSAGE_HEADER_LENGTH, PDU_HEADER_LENGTH, RawPdu};
use super::tlv::{TLV_HEADER_LENGTH, Tlvs, kind};
use super::{AuthenticationAlgorithm, CryptographicAuthentication};

/// The LDP Cryptographic Protocol ID, which goes behind the key (RFC 7349 sections 4 and 9).
const CRYPTOGRAPHIC_PROTOCOL_ID: [u8; 2] = [0, 2];
/// What fills the Authentication Data behind the source address (RFC 7349 section 5).
const AUTHENTICATION_TAG: [u8; 4] = [0x87, 0x8F, 0xE1, 0xF3];
/// Octets of Security Association ID and Cryptographic Sequence Number.
const FIXED_PART: usize = 12;

/// Why a Hello has no valid authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// The octets are not a PDU with a Hello at its front.
    #[error("this is no Hello")]
    NoHello,
    /// There is no Cryptographic Authentication TLV.
    #[error("the Hello has no Cryptographic Authentication TLV")]
    Missing,
    /// The Authentication Data has another length than the digest of the algorithm.
    #[error("the authentication data has {actual} octets, where the algorithm has {expected}")]
    Length {
        /// The octets that are there.
        actual: usize,
        /// The octets of the digest.
        expected: usize,
    },
    /// The digest is another one: another key, another algorithm, another source address, or a changed
    /// Hello.
    #[error("the digest does not match")]
    Digest,
}

impl AuthenticationAlgorithm {
    /// Octets of the digest: L in RFC 7349 section 5.
    pub const fn digest_length(self) -> usize {
        match self {
            Self::HmacSha1 => 20,
            Self::HmacSha256 => 32,
            Self::HmacSha384 => 48,
            Self::HmacSha512 => 64,
        }
    }

    /// The digest of octets without a key.
    fn hash(self, octets: &[u8]) -> Vec<u8> {
        match self {
            Self::HmacSha1 => Sha1::digest(octets).to_vec(),
            Self::HmacSha256 => Sha256::digest(octets).to_vec(),
            Self::HmacSha384 => Sha384::digest(octets).to_vec(),
            Self::HmacSha512 => Sha512::digest(octets).to_vec(),
        }
    }

    /// Ko: the key with the protocol's id, in exactly the length of the digest (RFC 7349 section 5.1).
    fn prepare_key(self, key: &[u8]) -> Vec<u8> {
        let mut specific = key.to_vec();
        specific.extend_from_slice(&CRYPTOGRAPHIC_PROTOCOL_ID);
        if specific.len() > self.digest_length() {
            specific = self.hash(&specific);
        }
        specific.resize(self.digest_length(), 0);
        specific
    }

    /// AuthTag: the source address, and a constant behind it (RFC 7349 section 5).
    fn tag(self, source: IpAddr) -> Vec<u8> {
        let mut tag = match source {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        while tag.len() < self.digest_length() {
            tag.extend_from_slice(&AUTHENTICATION_TAG);
        }
        tag
    }
}

impl CryptographicAuthentication {
    /// The TLV before [`authenticate`] computes its data: of the right length, and zero.
    pub fn unsigned(
        security_association: u32,
        sequence: u64,
        algorithm: AuthenticationAlgorithm,
    ) -> Self {
        Self {
            security_association,
            sequence,
            data: vec![0; algorithm.digest_length()],
        }
    }
}

/// Where the Authentication Data of a Hello is.
fn locate(
    octets: &[u8],
    algorithm: AuthenticationAlgorithm,
) -> Result<(usize, Range<usize>), AuthenticationError> {
    let pdu = match RawPdu::parse(octets, DEFAULT_MAX_PDU_LENGTH) {
        Ok(Some(pdu)) => pdu.octets(),
        Ok(None) | Err(_) => return Err(AuthenticationError::NoHello),
    };
    let Some((&[high, low, length_high, length_low, _, _, _, _], behind)) = pdu
        .get(PDU_HEADER_LENGTH..)
        .and_then(<[u8]>::split_first_chunk::<MESSAGE_HEADER_LENGTH>)
    else {
        return Err(AuthenticationError::NoHello);
    };
    let length = usize::from(u16::from_be_bytes([length_high, length_low]));
    if u16::from_be_bytes([high, low]) != message_type::HELLO {
        return Err(AuthenticationError::NoHello);
    }
    let parameters = length
        .checked_sub(4)
        .and_then(|length| behind.get(..length))
        .ok_or(AuthenticationError::NoHello)?;
    let mut offset = PDU_HEADER_LENGTH + MESSAGE_HEADER_LENGTH;
    for tlv in Tlvs::new(parameters) {
        let tlv = tlv.map_err(|_| AuthenticationError::NoHello)?;
        if tlv.kind == kind::CRYPTOGRAPHIC_AUTHENTICATION {
            let expected = algorithm.digest_length();
            let actual = tlv.value.len().saturating_sub(FIXED_PART);
            if actual != expected {
                return Err(AuthenticationError::Length { actual, expected });
            }
            let start = offset + TLV_HEADER_LENGTH + FIXED_PART;
            return Ok((pdu.len(), start..start + expected));
        }
        offset += tlv.octets.len();
    }
    Err(AuthenticationError::Missing)
}

/// The code of a Hello with the AuthTag in the place of its Authentication Data.
fn code<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Option<M> {
    let mut code = <M as KeyInit>::new_from_slice(key).ok()?;
    for part in parts {
        code.update(part);
    }
    Some(code)
}

/// Writes the Authentication Data of a Hello (RFC 7349 section 5).
///
/// The octets are the PDU, with a Cryptographic Authentication TLV as from
/// [`CryptographicAuthentication::unsigned`]. The key is that of the security association; the source is
/// the address that the datagram is sent from.
///
/// # Errors
/// There is no such TLV.
pub fn authenticate(
    octets: &mut [u8],
    key: &[u8],
    algorithm: AuthenticationAlgorithm,
    source: IpAddr,
) -> Result<(), AuthenticationError> {
    let (end, place) = locate(octets, algorithm)?;
    let tag = algorithm.tag(source);
    let prepared = algorithm.prepare_key(key);
    let parts = parts(octets, end, &place, &tag)?;
    let digest = match algorithm {
        AuthenticationAlgorithm::HmacSha1 => finish::<Hmac<Sha1>>(&prepared, &parts),
        AuthenticationAlgorithm::HmacSha256 => finish::<Hmac<Sha256>>(&prepared, &parts),
        AuthenticationAlgorithm::HmacSha384 => finish::<Hmac<Sha384>>(&prepared, &parts),
        AuthenticationAlgorithm::HmacSha512 => finish::<Hmac<Sha512>>(&prepared, &parts),
    };
    match (octets.get_mut(place), digest) {
        (Some(data), Some(digest)) if data.len() == digest.len() => {
            data.copy_from_slice(&digest);
            Ok(())
        }
        _ => Err(AuthenticationError::Missing),
    }
}

/// Checks the Authentication Data of a received Hello (RFC 7349 section 6). Whether the sequence number is
/// greater than the last one is the caller's check.
///
/// # Errors
/// The Hello has no authentication, or it does not match.
pub fn verify(
    octets: &[u8],
    key: &[u8],
    algorithm: AuthenticationAlgorithm,
    source: IpAddr,
) -> Result<(), AuthenticationError> {
    let (end, place) = locate(octets, algorithm)?;
    let tag = algorithm.tag(source);
    let prepared = algorithm.prepare_key(key);
    let parts = parts(octets, end, &place, &tag)?;
    let received = octets.get(place).unwrap_or_default();
    let matches = match algorithm {
        AuthenticationAlgorithm::HmacSha1 => check::<Hmac<Sha1>>(&prepared, &parts, received),
        AuthenticationAlgorithm::HmacSha256 => check::<Hmac<Sha256>>(&prepared, &parts, received),
        AuthenticationAlgorithm::HmacSha384 => check::<Hmac<Sha384>>(&prepared, &parts, received),
        AuthenticationAlgorithm::HmacSha512 => check::<Hmac<Sha512>>(&prepared, &parts, received),
    };
    if matches {
        Ok(())
    } else {
        Err(AuthenticationError::Digest)
    }
}

/// What is hashed: the PDU with the tag in the place of the data.
fn parts<'a>(
    octets: &'a [u8],
    end: usize,
    place: &Range<usize>,
    tag: &'a [u8],
) -> Result<[&'a [u8]; 3], AuthenticationError> {
    let before = octets.get(..place.start);
    let behind = octets.get(place.end..end);
    match (before, behind) {
        (Some(before), Some(behind)) => Ok([before, tag, behind]),
        _ => Err(AuthenticationError::NoHello),
    }
}

fn finish<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
    code::<M>(key, parts).map(|code| code.finalize().into_bytes().to_vec())
}

/// Compares in constant time.
fn check<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]], received: &[u8]) -> bool {
    code::<M>(key, parts).is_some_and(|code| code.verify_slice(received).is_ok())
}
