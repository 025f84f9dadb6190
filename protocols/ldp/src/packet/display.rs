//! Messages in one line, for the event log.

use std::fmt;

use super::{
    AdvertisementDiscipline, Body, Capabilities, CapabilityMessage, FecElement, Hello,
    Initialization, Message, Notification, TransportPreference,
};

/// Values with a separator between them.
struct List<'a, T>(&'a [T], &'static str);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, value) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(self.1)?;
            }
            fmt::Display::fmt(value, f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({:#06x}) id {}",
            self.body.name(),
            self.body.message_type(),
            self.id
        )?;
        fmt::Display::fmt(&self.body, f)?;
        let forwarded = match &self.body {
            Body::LabelMapping(mapping) => mapping.forwarded.as_slice(),
            Body::LabelRequest(request) => request.forwarded.as_slice(),
            _ => &[],
        };
        for tlv in forwarded.iter().chain(&self.unknown) {
            write!(f, ", TLV {:#06x} of {} octets", tlv.kind, tlv.value.len())?;
        }
        Ok(())
    }
}

impl fmt::Display for Body {
    /// What the message says, without its name: empty for a KeepAlive.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Notification(notification) => fmt::Display::fmt(notification, f),
            Self::Hello(hello) => fmt::Display::fmt(hello, f),
            Self::Initialization(initialization) => fmt::Display::fmt(initialization, f),
            Self::KeepAlive => Ok(()),
            Self::Capability(message) => fmt::Display::fmt(message, f),
            Self::Address(message) | Self::AddressWithdraw(message) => {
                write!(f, ": {}", List(&message.addresses, " "))
            }
            Self::LabelMapping(mapping) => {
                write!(f, ": {}, label {}", Fec(&mapping.fec), mapping.label)?;
                loop_detection(f, mapping.hop_count, mapping.path_vector.as_deref())?;
                if let Some(id) = mapping.request_id {
                    write!(f, ", for request {id}")?;
                }
                if let Some(mtu) = mapping.mtu {
                    write!(f, ", MTU {mtu}")?;
                }
                if mapping.entropy_label_capable {
                    f.write_str(", entropy label capable")?;
                }
                optional(f, "status ", mapping.status)
            }
            Self::LabelRequest(request) => {
                write!(f, ": {}", Fec(&request.fec))?;
                loop_detection(f, request.hop_count, request.path_vector.as_deref())
            }
            Self::LabelWithdraw(withdraw) => {
                write!(f, ": {}", Fec(&withdraw.fec))?;
                optional(f, "label ", withdraw.label)
            }
            Self::LabelRelease(release) => {
                write!(f, ": {}", Fec(&release.fec))?;
                optional(f, "label ", release.label)?;
                optional(f, "status ", release.status)
            }
            Self::LabelAbortRequest(abort) => {
                write!(f, ": {}, request {}", Fec(&abort.fec), abort.request_id)
            }
            Self::Unknown { value, .. } => write!(f, ": unknown, {} octets", value.len()),
        }
    }
}

/// The elements of a FEC TLV.
struct Fec<'a>(&'a [FecElement]);

impl fmt::Display for Fec<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FEC {}", List(self.0, " "))
    }
}

fn optional(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    value: Option<impl fmt::Display>,
) -> fmt::Result {
    match value {
        Some(value) => write!(f, ", {name}{value}"),
        None => Ok(()),
    }
}

fn loop_detection(
    f: &mut fmt::Formatter<'_>,
    hop_count: Option<u8>,
    path_vector: Option<&[std::net::Ipv4Addr]>,
) -> fmt::Result {
    optional(f, "hop count ", hop_count)?;
    optional(f, "path vector ", path_vector.map(|path| List(path, " ")))
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ": {}", self.status)?;
        if let Some(code) = self.extended_status {
            write!(f, ", extended status {code:#010x}")?;
        }
        if let Some(pdu) = &self.returned_pdu {
            write!(f, ", {} octets of the PDU", pdu.len())?;
        }
        if let Some(message) = &self.returned_message {
            write!(f, ", {} octets of the message", message.len())?;
        }
        for tlv in &self.returned_tlvs {
            write!(f, ", returned TLV of {} octets", tlv.octets.len())?;
        }
        if !self.fec.is_empty() {
            write!(f, ", {}", Fec(&self.fec))?;
        }
        optional(f, "request ", self.request_id)
    }
}

impl fmt::Display for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.targeted { "targeted" } else { "link" };
        write!(f, ": {kind}, hold time {}", self.hold_time)?;
        for (set, words) in [
            (self.request_targeted, ", asks for targeted Hellos"),
            (self.gtsm, ", GTSM"),
        ] {
            if set {
                f.write_str(words)?;
            }
        }
        optional(f, "transport address ", self.ipv4_transport)?;
        optional(f, "transport address ", self.ipv6_transport)?;
        optional(f, "configuration ", self.configuration_sequence)?;
        match self.dual_stack.map(|dual_stack| dual_stack.preference) {
            None => {}
            Some(TransportPreference::Ipv4) => f.write_str(", dual stack, prefers IPv4")?,
            Some(TransportPreference::Ipv6) => f.write_str(", dual stack, prefers IPv6")?,
            Some(TransportPreference::Other(other)) => {
                write!(f, ", dual stack, unknown preference {other}")?;
            }
        }
        if let Some(authentication) = &self.authentication {
            write!(
                f,
                ", security association {} sequence {}",
                authentication.security_association, authentication.sequence
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Initialization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let discipline = match self.advertisement {
            AdvertisementDiscipline::DownstreamUnsolicited => "downstream unsolicited",
            AdvertisementDiscipline::DownstreamOnDemand => "downstream on demand",
        };
        write!(
            f,
            ": version {}, KeepAlive time {}, {discipline}, maximum PDU length {}, receiver {}",
            self.protocol_version, self.keepalive_time, self.max_pdu_length, self.receiver
        )?;
        if self.loop_detection {
            write!(
                f,
                ", loop detection with path vectors up to {}",
                self.path_vector_limit
            )?;
        }
        if let Some(parameters) = self.fault_tolerance {
            write!(
                f,
                ", FT session flags {:#06x} reconnect {} ms recovery {} ms",
                parameters.flags, parameters.reconnect_timeout, parameters.recovery_time
            )?;
        }
        fmt::Display::fmt(&self.capabilities, f)
    }
}

impl fmt::Display for Capabilities {
    /// Each with a comma before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (there, name) in [
            (self.dynamic_announcement, "dynamic announcement"),
            (self.typed_wildcard, "typed wildcard FEC"),
            (self.unrecognized_notification, "unrecognized notification"),
        ] {
            if there {
                write!(f, ", {name}")?;
            }
        }
        if !self.multi_topology.is_empty() {
            write!(f, ", multi-topology {}", List(&self.multi_topology, " "))?;
        }
        for element in &self.state_advertisement {
            let verb = if element.disable { "without" } else { "with" };
            let application = match element.application {
                1 => "IPv4 prefix LSPs",
                2 => "IPv6 prefix LSPs",
                3 => "FEC 128 pseudowires",
                _ => "FEC 129 pseudowires",
            };
            write!(f, ", {verb} {application}")?;
        }
        if let Some(ids) = &self.targeted_applications {
            write!(f, ", targeted applications {}", List(ids, " "))?;
        }
        for capability in &self.unknown {
            write!(f, ", capability {:#06x}", capability.kind)?;
        }
        Ok(())
    }
}

impl fmt::Display for CapabilityMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (capabilities, words) in [
            (&self.announced, "announced"),
            (&self.withdrawn, "withdrawn"),
        ] {
            if *capabilities != Capabilities::default() {
                write!(f, ": {words}{capabilities}")?;
            }
        }
        Ok(())
    }
}
