//! Translated types: `@p4runtime_translation` (sections 8.4.6 and 18.1).
//!
//! The specification leaves the mapping between a controller's values and those of the data plane
//! to the switch's configuration. Here it is:
//!
//! - ports, that is types whose URI has "port" in it: as numbers they are the port's number, but
//!   for `SDN_PORT_CPU`; as strings the name of the port, `CPU`, or the number in decimal digits;
//! - other types as numbers: the same number;
//! - other types as strings: each string gets the next number that is free, from 1 on, and keeps
//!   it as long as the pipeline is configured, and over RECONCILE_AND_COMMIT. A number that no
//!   string has got, such as one that the program itself makes, is its decimal digits: as soon as a
//!   controller has seen them, or written them, no other string gets that number.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use p4runtime_proto::bytestring;
use p4runtime_proto::p4::config::v1::{P4NewTypeTranslation, p4_new_type_translation::SdnType};

use super::refusal::Refusal;
use crate::Switch;
use crate::control::PortNumber;

type Result<T> = std::result::Result<T, Refusal>;

/// The CPU port in a controller's 32-bit port numbers (section 18.1.1).
pub(crate) const SDN_PORT_CPU: u32 = 0xffff_fffd;

/// The CPU port in a controller's port names.
const CPU: &str = "CPU";

/// Most strings that get a number, for each type.
const MAX_NAMES: usize = 1 << 20;

/// Where ports are looked up.
#[derive(Debug, Clone)]
pub(crate) struct Ports {
    pub(crate) switch: Switch,
    pub(crate) cpu_port: Option<PortNumber>,
}

/// The translation of a type.
#[derive(Debug)]
pub(crate) struct Translation {
    /// Bits of the controller's numbers; `None` if it has strings.
    bits: Option<u32>,
    /// For ports.
    ports: Option<Ports>,
    names: Mutex<Names>,
}

/// Strings by number, and numbers by string.
#[derive(Debug, Default, Clone)]
struct Names {
    numbers: HashMap<String, u128>,
    names: HashMap<u128, String>,
    /// The last number that was given to a string.
    last: u128,
}

impl Names {
    /// Takes a number for a string, neither of which is taken.
    fn take(&mut self, name: String, number: u128) {
        self.numbers.insert(name.clone(), number);
        self.names.insert(number, name);
    }

    /// The number of a string, in a data plane with so many bits.
    fn number(&mut self, name: &str, width: u32) -> Result<u128> {
        if let Some(number) = self.numbers.get(name) {
            return Ok(*number);
        }
        if self.names.len() >= MAX_NAMES {
            return Err(Refusal::resource_exhausted(format!(
                "{MAX_NAMES} strings of this type have been used, which is the limit"
            )));
        }
        let fits = |number: &u128| u128::BITS - number.leading_zeros() <= width;
        let meant = digits(name)
            .filter(fits)
            .filter(|n| !self.names.contains_key(n));
        let number = match meant {
            Some(number) => number,
            None => {
                // One for each string or number that is taken, so that it cannot run over.
                let mut next = self.last + 1;
                while self.names.contains_key(&next) {
                    next += 1;
                }
                if !fits(&next) {
                    return Err(Refusal::resource_exhausted(format!(
                        "the strings of this type have used all numbers of {width} bits"
                    )));
                }
                self.last = next;
                next
            }
        };
        self.take(name.to_owned(), number);
        Ok(number)
    }

    /// The string of a number. One that has none is from here on the digits, as long as there is
    /// room to keep that.
    fn name(&mut self, number: u128) -> String {
        if let Some(name) = self.names.get(&number) {
            return name.clone();
        }
        let name = number.to_string();
        if self.names.len() < MAX_NAMES && !self.numbers.contains_key(&name) {
            self.take(name.clone(), number);
        }
        name
    }
}

/// The number that a string means of itself: decimal digits, without zeros before them.
fn digits(name: &str) -> Option<u128> {
    let number: u128 = name.parse().ok()?;
    (number.to_string() == name).then_some(number)
}

impl Translation {
    /// The translation of a type of the P4Info.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if it says neither string nor bit width.
    pub(crate) fn new(spec: &P4NewTypeTranslation, ports: &Ports) -> Result<Self> {
        let bits = match &spec.sdn_type {
            Some(SdnType::SdnBitwidth(bits)) => Some(u32::try_from(*bits).unwrap_or(0)),
            Some(SdnType::SdnString(_)) => None,
            None => {
                return Err(Refusal::invalid_argument(format!(
                    "translation {}: neither a bit width nor a string is set",
                    spec.uri
                )));
            }
        };
        let of_ports = spec.uri.to_ascii_lowercase().contains("port");
        Ok(Self {
            bits,
            ports: of_ports.then(|| ports.clone()),
            names: Mutex::default(),
        })
    }

    /// Bits of the controller's numbers, if it has numbers.
    pub(crate) fn bits(&self) -> Option<u32> {
        self.bits
    }

    /// Whether each string gets a number.
    pub(crate) fn gives_numbers(&self) -> bool {
        self.bits.is_none() && self.ports.is_none()
    }

    /// Takes over the strings, with their numbers, that a pipeline before this one has for the
    /// type.
    pub(crate) fn keep(&self, before: &Self) {
        if !self.gives_numbers() || !before.gives_numbers() {
            return;
        }
        let mut kept = before.names().clone();
        let mut own = self.names();
        for number in own.names.keys() {
            kept.name(*number);
        }
        *own = kept;
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        // Both maps are changed in one step that does not panic.
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A controller's value on the bytes of `width` bits.
    ///
    /// # Errors
    /// `OUT_OF_RANGE` if it does not fit, `INVALID_ARGUMENT` if there is no such port.
    pub(crate) fn decode(&self, given: &[u8], width: u32) -> Result<Vec<u8>> {
        let number = match self.bits {
            Some(bits) => {
                let short = bytestring::check(given, bits)?;
                let cpu = self.ports.as_ref().and_then(|ports| ports.cpu_port);
                match cpu {
                    Some(cpu) if short == SDN_PORT_CPU.to_be_bytes() => u128::from(cpu),
                    _ => return Ok(bytestring::decode_padded(short, width)?),
                }
            }
            None => {
                let name = std::str::from_utf8(given).ok().filter(|n| !n.is_empty());
                let name = name.ok_or_else(|| {
                    Refusal::invalid_argument("the value is to be a string, in UTF-8, not empty")
                })?;
                match &self.ports {
                    Some(ports) => ports.number(name)?.into(),
                    None => self.names().number(name, width)?,
                }
            }
        };
        Ok(bytestring::decode_padded(&number.to_be_bytes(), width)?)
    }

    /// The cell of an array that a controller's index names (sections 9.3.2, 9.4.2 and 9.7).
    pub(crate) fn cell(&self, index: i64) -> i64 {
        match self.cpu_port_as_number() {
            Some(cpu) if index == i64::from(SDN_PORT_CPU) => cpu.into(),
            _ => index,
        }
    }

    /// The controller's index of a cell of an array.
    pub(crate) fn index(&self, cell: i64) -> i64 {
        match self.cpu_port_as_number() {
            Some(cpu) if cell == i64::from(cpu) => SDN_PORT_CPU.into(),
            _ => cell,
        }
    }

    /// The CPU port of a type of which the values have room for its number for controllers.
    fn cpu_port_as_number(&self) -> Option<PortNumber> {
        let ports = self.ports.as_ref().filter(|_| self.bits == Some(32));
        ports.and_then(|ports| ports.cpu_port)
    }

    /// The controller's value of one of the data plane.
    pub(crate) fn encode(&self, held: &[u8]) -> Vec<u8> {
        let short = bytestring::canonical(held);
        let number = bytestring::decode(short, u128::BITS).ok();
        let cpu = self.ports.as_ref().and_then(|ports| ports.cpu_port);
        let is_cpu = number.is_some() && number == cpu.map(u128::from);
        match (self.bits, number) {
            (Some(32), _) if is_cpu => SDN_PORT_CPU.to_be_bytes().to_vec(),
            (Some(_), _) | (None, None) => short.to_vec(),
            (None, Some(number)) => match &self.ports {
                Some(ports) => ports.name(number),
                None => self.names().name(number),
            }
            .into_bytes(),
        }
    }
}

impl Ports {
    fn number(&self, name: &str) -> Result<u64> {
        if name == CPU
            && let Some(cpu) = self.cpu_port
        {
            return Ok(cpu.into());
        }
        let ports = self.switch.ports();
        if let Some(port) = ports.iter().find(|port| port.name == name) {
            return Ok(port.number.into());
        }
        name.parse().map_err(|_| {
            let names: Vec<_> = ports.into_iter().map(|port| port.name).collect();
            Refusal::invalid_argument(format!(
                "there is no port \"{name}\": the switch has {}",
                names.join(", ")
            ))
        })
    }

    fn name(&self, number: u128) -> String {
        if self.cpu_port.map(u128::from) == Some(number) {
            return CPU.to_owned();
        }
        let mut ports = self.switch.ports().into_iter();
        let port = ports.find(|port| u128::from(port.number) == number);
        port.map_or_else(|| number.to_string(), |port| port.name)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use p4runtime_proto::p4::config::v1::P4NewTypeTranslation;
    use p4runtime_proto::p4::config::v1::p4_new_type_translation::SdnString;
    use tonic::Code;

    use super::*;
    use crate::SwitchConfig;
    use crate::control::PortState;
    use crate::port::MemoryPort;

    fn translation(uri: &str, sdn_type: SdnType) -> Translation {
        let (switch, _events) = Switch::new(SwitchConfig::default());
        let port = Arc::new(MemoryPort::new("eth7"));
        switch.add_port(7, port, PortState::Up, None).unwrap();
        let ports = Ports {
            switch,
            cpu_port: Some(510),
        };
        let spec = P4NewTypeTranslation {
            uri: uri.into(),
            sdn_type: Some(sdn_type),
        };
        Translation::new(&spec, &ports).unwrap()
    }

    /// Section 18.1.1.
    #[test]
    fn ports_as_numbers_are_the_same_but_for_the_cpu_port() {
        let ports = translation("p4.org/psa/v1/PortId_t", SdnType::SdnBitwidth(32));
        assert_eq!(ports.decode(&[0, 0, 7], 9).unwrap(), [0, 7]);
        assert_eq!(ports.encode(&[0, 7]), [7]);
        assert_eq!(
            ports.decode(&[0xff, 0xff, 0xff, 0xfd], 9).unwrap(),
            [1, 254]
        );
        assert_eq!(ports.encode(&[1, 254]), [0xff, 0xff, 0xff, 0xfd]);
        let wide = ports.decode(&[2, 0], 9).unwrap_err();
        assert_eq!(wide.code, Code::OutOfRange);
    }

    #[test]
    fn ports_as_strings_have_the_names_of_the_interfaces() {
        let ports = translation("x/PortName", SdnType::SdnString(SdnString {}));
        for (name, number) in [("eth7", [0, 7]), ("CPU", [1, 254]), ("12", [0, 12])] {
            assert_eq!(ports.decode(name.as_bytes(), 9).unwrap(), number);
            assert_eq!(ports.encode(&number), name.as_bytes());
        }
        let refusal = ports.decode(b"eth8", 9).unwrap_err();
        assert_eq!(refusal.code, Code::InvalidArgument);
        assert!(refusal.message.contains("eth7"), "{refusal}");
    }

    #[test]
    fn other_strings_keep_the_number_that_they_got_first() {
        let names = translation("x/NextHop", SdnType::SdnString(SdnString {}));
        let a = names.decode(b"a", 16).unwrap();
        let b = names.decode(b"b", 16).unwrap();
        assert_ne!(a, b);
        assert_eq!(names.decode(b"a", 16).unwrap(), a);
        assert_eq!(
            (names.encode(&a), names.encode(&b)),
            (b"a".to_vec(), b"b".to_vec())
        );
        assert!(names.decode(b"", 16).is_err());
        assert!(names.decode(&[0xff], 16).is_err());
    }
    /// What the data plane made by itself is the same number when it is written back.
    #[test]
    fn a_number_without_string_is_its_digits_and_no_other_string_gets_it() {
        let names = translation("x/NextHop", SdnType::SdnString(SdnString {}));
        assert_eq!(names.encode(&[0, 0]), b"0");
        assert_eq!(names.decode(b"0", 16).unwrap(), [0, 0]);
        assert_eq!(names.encode(&[0, 2]), b"2");
        assert_eq!(names.decode(b"a", 16).unwrap(), [0, 1]);
        assert_eq!(names.decode(b"b", 16).unwrap(), [0, 3]);
        assert_eq!(names.decode(b"2", 16).unwrap(), [0, 2]);
        // Digits that no one has seen mean their number too, unless a string has it.
        assert_eq!(names.decode(b"4", 16).unwrap(), [0, 4]);
        assert_eq!(names.decode(b"c", 16).unwrap(), [0, 5]);
        for name in ["5", "00", "65536"] {
            let number = names.decode(name.as_bytes(), 16).unwrap();
            assert!(number > vec![0, 5], "{name}: {number:?}");
            assert_eq!(names.encode(&number), name.as_bytes());
        }
    }

    #[test]
    fn strings_that_use_all_numbers_are_refused() {
        let names = translation("x/NextHop", SdnType::SdnString(SdnString {}));
        for name in ["a", "b", "c"] {
            names.decode(name.as_bytes(), 2).unwrap();
        }
        let refusal = names.decode(b"d", 2).unwrap_err();
        assert_eq!(refusal.code, Code::ResourceExhausted);
        assert_eq!(names.decode(b"0", 2).unwrap(), [0]);
        assert_eq!(names.decode(b"c", 2).unwrap(), [3]);
    }

    #[test]
    fn the_numbers_of_strings_are_kept_for_the_next_pipeline() {
        let [old, new] = [(); 2].map(|()| translation("x/Hop", SdnType::SdnString(SdnString {})));
        assert_eq!(old.decode(b"a", 16).unwrap(), [0, 1]);
        assert_eq!(old.decode(b"b", 16).unwrap(), [0, 2]);
        new.encode(&[0, 3]);
        new.keep(&old);
        assert_eq!(new.decode(b"b", 16).unwrap(), [0, 2]);
        assert_eq!(new.decode(b"c", 16).unwrap(), [0, 4]);
        assert_eq!(new.encode(&[0, 3]), b"3");
    }
}
