//! The ICMP extension structure (RFC 4884 sections 7 and 8) with the MPLS label stack object
//! (RFC 4950): how a traceroute learns the labels with which its probe arrived at a router.

use nom::IResult;
use nom::Parser as _;
use nom::number::complete::{be_u8, be_u16};

use crate::{DecodeError, LabelStack, LabelStackEntry, internet_checksum};

/// Octets to which the "original datagram" field of an extended ICMP message is padded with
/// zeroes, at least (RFC 4884 section 4: a receiver that knows nothing of the length attribute
/// looks for the extension structure there).
pub const MIN_ORIGINAL_DATAGRAM_LENGTH: usize = 128;

const VERSION: u8 = 2;
const HEADER_LENGTH: usize = 4;
const OBJECT_HEADER_LENGTH: usize = 4;
const CLASS_MPLS_LABEL_STACK: u8 = 1;
const C_TYPE_INCOMING_STACK: u8 = 1;

/// An ICMP extension structure: a header and objects (RFC 4884 section 7).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ExtensionStructure {
    /// The objects, in the order of the wire.
    pub objects: Vec<ExtensionObject>,
}

/// An object of an ICMP extension structure (RFC 4884 section 8).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExtensionObject {
    /// The label stack with which the packet arrived, the top first: class 1, type 1 (RFC 4950
    /// section 5).
    IncomingMplsLabelStack(LabelStack),
    /// An object that this crate does not interpret (a receiver ignores it, RFC 4884 section 7).
    Unknown {
        /// Class-Num.
        class: u8,
        /// C-Type.
        c_type: u8,
        /// The payload; its length is a multiple of four octets.
        payload: Vec<u8>,
    },
}

impl ExtensionObject {
    fn class_and_type(&self) -> (u8, u8) {
        match self {
            Self::IncomingMplsLabelStack(_) => (CLASS_MPLS_LABEL_STACK, C_TYPE_INCOMING_STACK),
            Self::Unknown { class, c_type, .. } => (*class, *c_type),
        }
    }

    fn payload(&self) -> Vec<u8> {
        match self {
            Self::IncomingMplsLabelStack(stack) => stack.encode(),
            Self::Unknown { payload, .. } => payload.clone(),
        }
    }

    fn decode(class: u8, c_type: u8, payload: &[u8]) -> Self {
        // A stack object that is no whole stack is kept as it is: the rest of the message is
        // still good to a receiver (RFC 4884 section 7).
        match (class, c_type, LabelStack::decode(payload)) {
            (CLASS_MPLS_LABEL_STACK, C_TYPE_INCOMING_STACK, Ok((stack, []))) => {
                Self::IncomingMplsLabelStack(stack)
            }
            _ => Self::Unknown {
                class,
                c_type,
                payload: payload.to_vec(),
            },
        }
    }
}

/// An object whose payload cannot be put on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the payload of an ICMP extension object has {0} octets: it must be a multiple of 4, at most 65528"
)]
pub struct ObjectLengthError(pub usize);

impl ExtensionStructure {
    /// The structure that carries one received label stack.
    pub fn from_label_stack(stack: LabelStack) -> Self {
        Self {
            objects: vec![ExtensionObject::IncomingMplsLabelStack(stack)],
        }
    }

    /// The received label stack, if an object carries it.
    pub fn label_stack(&self) -> Option<&[LabelStackEntry]> {
        self.objects.iter().find_map(|object| match object {
            ExtensionObject::IncomingMplsLabelStack(stack) => Some(&stack[..]),
            ExtensionObject::Unknown { .. } => None,
        })
    }

    /// The octets of the structure with its checksum.
    ///
    /// # Errors
    /// An object's payload is not a multiple of four octets or too long.
    pub fn encode(&self) -> Result<Vec<u8>, ObjectLengthError> {
        let mut octets = vec![VERSION << 4, 0, 0, 0];
        for object in &self.objects {
            let payload = object.payload();
            let length = u16::try_from(payload.len() + OBJECT_HEADER_LENGTH)
                .ok()
                .filter(|length| length % 4 == 0)
                .ok_or(ObjectLengthError(payload.len()))?;
            let (class, c_type) = object.class_and_type();
            octets.extend(length.to_be_bytes());
            octets.extend([class, c_type]);
            octets.extend(payload);
        }
        let checksum = internet_checksum(&octets);
        octets[2..4].copy_from_slice(&checksum.to_be_bytes());
        Ok(octets)
    }

    /// Decodes a structure that fills all the octets.
    ///
    /// A checksum of zero means that none was sent (RFC 4884 section 7).
    ///
    /// # Errors
    /// The octets are cut short, of another version, of a wrong checksum, or an object's length
    /// is impossible.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        let truncated = |_| DecodeError::Truncated {
            element: "ICMP extension header",
            needed: HEADER_LENGTH,
            available: octets.len(),
        };
        let (mut rest, (version, checksum)) = parse_header(octets).map_err(truncated)?;
        if version != VERSION {
            return Err(DecodeError::IcmpExtensionVersion(version));
        }
        if checksum != 0 && internet_checksum(octets) != 0 {
            return Err(DecodeError::IcmpExtensionChecksum);
        }
        let mut objects = Vec::new();
        while !rest.is_empty() {
            let (after, (length, class, c_type)) =
                parse_object_header(rest).map_err(|_| DecodeError::Truncated {
                    element: "ICMP extension object",
                    needed: OBJECT_HEADER_LENGTH,
                    available: rest.len(),
                })?;
            let payload = usize::from(length)
                .checked_sub(OBJECT_HEADER_LENGTH)
                .filter(|payload| payload % 4 == 0)
                .and_then(|payload| after.split_at_checked(payload));
            let Some((payload, after)) = payload else {
                return Err(DecodeError::IcmpObjectLength {
                    class,
                    c_type,
                    length,
                });
            };
            objects.push(ExtensionObject::decode(class, c_type, payload));
            rest = after;
        }
        Ok(Self { objects })
    }
}

fn parse_header(input: &[u8]) -> IResult<&[u8], (u8, u16)> {
    let (rest, (version, _reserved, checksum)) = (be_u8, be_u8, be_u16).parse(input)?;
    Ok((rest, (version >> 4, checksum)))
}

fn parse_object_header(input: &[u8]) -> IResult<&[u8], (u16, u8, u8)> {
    (be_u16, be_u8, be_u8).parse(input)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entry::tests::any_entry;

    /// The extension structure of the RFC 4950 section 3 example's first labelled hop: label
    /// 100048, Exp 0, TTL 1, S 1.
    #[test]
    fn a_label_stack_object_has_the_octets_of_rfc_4950() {
        let entry = LabelStackEntry::from(100_048 << 12 | 1 << 8 | 1);
        let stack = LabelStack::new(vec![entry]).unwrap();
        let structure = ExtensionStructure::from_label_stack(stack);
        let octets = structure.encode().unwrap();
        assert_eq!(octets[..2], [0x20, 0x00]);
        assert_eq!(
            octets[4..],
            [0x00, 0x08, 0x01, 0x01, 0x18, 0x6D, 0x01, 0x01]
        );
        // 0x2000 + 0x0008 + 0x0101 + 0x186d + 0x0101 = 0x3a77; its complement:
        assert_eq!(octets[2..4], [0xC5, 0x88]);
        assert_eq!(ExtensionStructure::decode(&octets), Ok(structure.clone()));
        assert_eq!(structure.label_stack(), Some(&[entry][..]));
    }

    #[test]
    fn bad_structures_are_named() {
        let decode = ExtensionStructure::decode;
        assert!(matches!(
            decode(&[0x20, 0]),
            Err(DecodeError::Truncated { .. })
        ));
        assert_eq!(
            decode(&[0x10, 0, 0, 0]),
            Err(DecodeError::IcmpExtensionVersion(1))
        );
        assert_eq!(
            decode(&[0x20, 0, 0, 1]),
            Err(DecodeError::IcmpExtensionChecksum)
        );
        for length in [3, 5, 12] {
            assert_eq!(
                decode(&[0x20, 0, 0, 0, 0, length, 1, 1, 0, 0, 0, 0]),
                Err(DecodeError::IcmpObjectLength {
                    class: 1,
                    c_type: 1,
                    length: length.into()
                })
            );
        }
    }

    #[test]
    fn a_stack_object_without_bottom_is_kept_as_unknown() {
        let octets = [0x20, 0, 0, 0, 0, 8, 1, 1, 0, 6, 0x40, 1];
        let structure = ExtensionStructure::decode(&octets).unwrap();
        assert_eq!(structure.label_stack(), None);
        assert_eq!(structure.objects.len(), 1);
    }

    #[test]
    fn a_payload_that_is_no_multiple_of_four_is_refused() {
        let object = ExtensionObject::Unknown {
            class: 9,
            c_type: 9,
            payload: vec![1],
        };
        let structure = ExtensionStructure {
            objects: vec![object],
        };
        assert_eq!(structure.encode(), Err(ObjectLengthError(1)));
    }

    fn any_object() -> impl Strategy<Value = ExtensionObject> {
        let stack = prop::collection::vec(any_entry(), 1..10).prop_map(|mut entries| {
            let last = entries.len() - 1;
            for (index, entry) in entries.iter_mut().enumerate() {
                entry.bottom_of_stack = index == last;
            }
            ExtensionObject::IncomingMplsLabelStack(LabelStack::new(entries).unwrap())
        });
        let unknown = (
            2u8..,
            any::<u8>(),
            prop::collection::vec(any::<[u8; 4]>(), 0..5),
        )
            .prop_map(|(class, c_type, words)| ExtensionObject::Unknown {
                class,
                c_type,
                payload: words.concat(),
            });
        prop_oneof![stack, unknown]
    }

    proptest! {
        #[test]
        fn a_structure_round_trips(objects in prop::collection::vec(any_object(), 0..4)) {
            let structure = ExtensionStructure { objects };
            let octets = structure.encode().unwrap();
            prop_assert_eq!(ExtensionStructure::decode(&octets), Ok(structure));
        }

        #[test]
        fn any_octets_decode_or_err(octets in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = ExtensionStructure::decode(&octets);
        }
    }
}
