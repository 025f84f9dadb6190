//! Translated types: `@p4runtime_translation` (sections 8.4.6 and 18.1).
//!
//! The specification leaves the mapping between a controller's values and those of the data plane
//! to the switch's configuration. Here it is:
//!
//! - ports, that is types whose URI has "port" in it: as numbers they are the port's number, but
//!   for `SDN_PORT_CPU`; as strings the name of the port, `CPU`, or the number in decimal digits;
//! - other types as numbers: the same number;
//! - other types as strings: each string gets the next number that is free, from 1 on, and keeps
//!   it as long as the pipeline is configured.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use p4runtime_proto::bytestring;
use p4runtime_proto::p4::config::v1::{P4NewTypeTranslation, p4_new_type_translation::SdnType};

use super::refusal::Refusal;
use crate::Switch;
use crate::control::PortNumber;

type Result<T> = std::result::Result<T, Refusal>;

/// The CPU port in a controller's 32-bit port numbers (section 18.1.1).
const SDN_PORT_CPU: u32 = 0xffff_fffd;

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
#[derive(Debug, Default)]
struct Names {
    numbers: HashMap<String, u64>,
    /// The name of number 1 is at index 0.
    names: Vec<String>,
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
                    Some(cpu) if short == SDN_PORT_CPU.to_be_bytes() => u64::from(cpu),
                    _ => return Ok(bytestring::decode_padded(short, width)?),
                }
            }
            None => {
                let name = std::str::from_utf8(given).ok().filter(|n| !n.is_empty());
                let name = name.ok_or_else(|| {
                    Refusal::invalid_argument("the value is to be a string, in UTF-8, not empty")
                })?;
                match &self.ports {
                    Some(ports) => ports.number(name)?,
                    None => self.allocate(name)?,
                }
            }
        };
        Ok(bytestring::decode_padded(&number.to_be_bytes(), width)?)
    }

    fn allocate(&self, name: &str) -> Result<u64> {
        let mut names = self.names();
        if let Some(number) = names.numbers.get(name) {
            return Ok(*number);
        }
        if names.names.len() >= MAX_NAMES {
            return Err(Refusal::resource_exhausted(format!(
                "{MAX_NAMES} strings of this type have been used, which is the limit"
            )));
        }
        names.names.push(name.to_owned());
        let number = names.names.len() as u64;
        names.numbers.insert(name.to_owned(), number);
        Ok(number)
    }

    /// The controller's value of one of the data plane.
    pub(crate) fn encode(&self, held: &[u8]) -> Vec<u8> {
        let short = bytestring::canonical(held);
        let number = bytestring::decode(short, 64).ok();
        let number = number.and_then(|number| u64::try_from(number).ok());
        let cpu = self.ports.as_ref().and_then(|ports| ports.cpu_port);
        let is_cpu = number.is_some() && number == cpu.map(u64::from);
        match (self.bits, number) {
            (Some(32), _) if is_cpu => SDN_PORT_CPU.to_be_bytes().to_vec(),
            (Some(_), _) | (None, None) => short.to_vec(),
            (None, Some(number)) => {
                let name = match &self.ports {
                    Some(ports) => ports.name(number),
                    None => {
                        let index = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
                        index.and_then(|index| self.names().names.get(index).cloned())
                    }
                };
                name.unwrap_or_else(|| number.to_string()).into_bytes()
            }
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

    fn name(&self, number: u64) -> Option<String> {
        if self.cpu_port.map(u64::from) == Some(number) {
            return Some(CPU.to_owned());
        }
        let ports = self.switch.ports();
        let port = ports
            .into_iter()
            .find(|port| u64::from(port.number) == number)?;
        Some(port.name)
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
}
