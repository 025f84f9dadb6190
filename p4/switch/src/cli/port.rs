//! The ports of the command line.

use std::collections::BTreeMap;
use std::str::FromStr;

use p4_switch::control::PortNumber;

/// What a port on the command line looks like.
const FORM: &str = "a port is NUMBER@INTERFACE, as in 1@eth1, with a number below 512";

/// A port of the command line: `1@eth1`, as simple_switch has it, or `1=eth1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PortArgument {
    pub(super) number: PortNumber,
    pub(super) interface: String,
}

impl FromStr for PortArgument {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, interface) = text.split_once(['@', '=']).ok_or(FORM)?;
        let number = number.parse().map_err(|_| FORM)?;
        // v1model's port numbers have 9 bits.
        if number >= 512 || interface.is_empty() {
            return Err(FORM);
        }
        Ok(Self {
            number,
            interface: interface.to_owned(),
        })
    }
}

/// Two ports of the command line contradict each other.
#[derive(Debug, thiserror::Error)]
#[error("--port {number}@{interface}: {reason}")]
pub(crate) struct PortConflict {
    number: PortNumber,
    interface: String,
    reason: String,
}

/// Numbers and interfaces are used once, and not those of CPU and drop port.
pub(super) fn check(
    ports: &[PortArgument],
    cpu_port: PortNumber,
    drop_port: PortNumber,
) -> Result<(), PortConflict> {
    let mut interfaces: BTreeMap<&str, PortNumber> = BTreeMap::new();
    let mut numbers: BTreeMap<PortNumber, &str> = BTreeMap::new();
    for PortArgument { number, interface } in ports {
        let reason = if *number == cpu_port {
            Some("this is the number of the CPU port (--cpu-port)".to_owned())
        } else if *number == drop_port {
            Some("this is the number of the drop port (--drop-port)".to_owned())
        } else if let Some(other) = numbers.insert(*number, interface) {
            Some(format!("interface {other} has this number already"))
        } else {
            interfaces
                .insert(interface, *number)
                .map(|other| format!("this interface is port {other} already"))
        };
        if let Some(reason) = reason {
            return Err(PortConflict {
                number: *number,
                interface: interface.clone(),
                reason,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(texts: &[&str]) -> Vec<PortArgument> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn both_forms_read() {
        assert_eq!(
            ports(&["0@veth0", "0=veth0"]),
            ports(&["0@veth0", "0@veth0"])
        );
        for bad in ["eth1", "1=", "512@eth1", "@eth1", "x@eth1"] {
            assert!(bad.parse::<PortArgument>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ports_are_used_once() {
        let refuse = |texts: &[&str]| check(&ports(texts), 510, 511).unwrap_err().to_string();
        assert_eq!(
            refuse(&["1@eth1", "1@eth2"]),
            "--port 1@eth2: interface eth1 has this number already"
        );
        assert_eq!(
            refuse(&["1@eth1", "2@eth1"]),
            "--port 2@eth1: this interface is port 1 already"
        );
        assert!(refuse(&["1@eth1", "510@eth2"]).contains("--cpu-port"));
        assert!(refuse(&["511@eth2"]).contains("--drop-port"));
        assert!(check(&ports(&["511@eth2"]), 510, 500).is_ok());
    }
}
