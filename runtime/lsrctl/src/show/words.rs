//! Label operations and states in the words of the RFCs.

use std::fmt::Write as _;

use northbound::v1::{
    EntryStatus, FtnEntry, IlmEntry, Nhlfe, Owner, Payload, TtlModel, entry_status::State,
    ftn_entry, ilm_entry, nhlfe::Resolution, static_lsp::Kind,
};

/// The label space of the extended special-purpose labels (RFC 7274), behind label 15.
pub(super) const EXTENDED: u32 = 0xffff;

/// The label with the name of a special-purpose one.
pub(super) fn label(value: u32) -> String {
    match mpls::Label::new(value) {
        Ok(label) => label.to_string(),
        Err(_) => value.to_string(),
    }
}

/// Labels, outermost first.
pub(super) fn stack(labels: &[u32]) -> String {
    labels
        .iter()
        .map(|value| label(*value))
        .collect::<Vec<_>>()
        .join(" ")
}

/// What an ILM entry does with a packet that goes to this NHLFE.
pub(super) fn ilm_operation(entry: &IlmEntry, nhlfe: Option<&Nhlfe>) -> String {
    let incoming = label(entry.label);
    let ip = payload(entry.payload()).unwrap_or("IP");
    match entry.operation() {
        ilm_entry::Operation::Swap => swap(&incoming, nhlfe.map_or(&[], |nhlfe| &nhlfe.labels)),
        ilm_entry::Operation::PopAndForward => format!("pop {incoming}, forward"),
        ilm_entry::Operation::PopAndLookUpIp => {
            format!("pop {incoming}, look up {ip} in VRF {}", entry.vrf)
        }
        ilm_entry::Operation::PopAndLookUpLabel => match entry.next_label_space {
            0 => format!("pop {incoming}, look up the next label"),
            EXTENDED => format!("pop {incoming}, look up the extended label"),
            space => format!("pop {incoming}, look up the next label in space {space}"),
        },
        ilm_entry::Operation::PopToAttachmentCircuit => {
            let word = if entry.control_word {
                " with control word"
            } else {
                ""
            };
            format!("pop {incoming}{word}, to {}", entry.attachment_circuit)
        }
        ilm_entry::Operation::Replicate => match nhlfe {
            Some(nhlfe) => format!("copy, {}", swap(&incoming, &nhlfe.labels)),
            None => format!(
                "copy, look up {incoming} in space {}",
                entry.next_label_space
            ),
        },
        ilm_entry::Operation::EntropyLabelIndicator => {
            format!("pop {incoming} and the entropy label")
        }
        ilm_entry::Operation::Discard => "discard".to_owned(),
        ilm_entry::Operation::ExplicitNull => format!("pop {incoming}, look up {ip}"),
        ilm_entry::Operation::Punt => format!("to lsrd ({})", entry.punt_class),
        ilm_entry::Operation::Unknown => "unknown".to_owned(),
    }
}

/// RFC 3031, 3.10: replace the label at the top, then push others on it.
fn swap(incoming: &str, labels: &[u32]) -> String {
    match labels.split_last() {
        None => format!("swap {incoming}"),
        Some((swapped, [])) => format!("swap {incoming} → {}", label(*swapped)),
        Some((swapped, pushed)) => {
            format!(
                "swap {incoming} → {}, push {}",
                label(*swapped),
                stack(pushed)
            )
        }
    }
}

/// What an FTN entry does with a packet that goes to this NHLFE.
pub(super) fn ftn_operation(entry: &FtnEntry, nhlfe: Option<&Nhlfe>) -> String {
    match entry.operation() {
        ftn_entry::Operation::Forward => match nhlfe {
            Some(nhlfe) if !nhlfe.labels.is_empty() => push(nhlfe),
            _ => "forward without label".to_owned(),
        },
        ftn_entry::Operation::Replicate => match nhlfe {
            Some(nhlfe) if !nhlfe.labels.is_empty() => format!("copy, {}", push(nhlfe)),
            _ => "copy without label".to_owned(),
        },
        ftn_entry::Operation::ToRouter => "to the router".to_owned(),
        ftn_entry::Operation::Glean => "connected: resolve the neighbour".to_owned(),
        ftn_entry::Operation::Discard => "discard".to_owned(),
        ftn_entry::Operation::Unknown => "unknown".to_owned(),
    }
}

fn push(nhlfe: &Nhlfe) -> String {
    let word = if nhlfe.control_word {
        ", control word"
    } else {
        ""
    };
    format!("push {}{word}", stack(&nhlfe.labels))
}

/// What else is to be said of a next hop.
pub(super) fn hop_notes(nhlfe: &Nhlfe) -> String {
    let mut notes = String::new();
    // Writing into a String cannot fail.
    if !nhlfe.tunnel.is_empty() {
        let _ = write!(notes, " in tunnel {}", nhlfe.tunnel);
    }
    if nhlfe.entropy_label_below > 0 {
        let _ = write!(
            notes,
            ", entropy label below label {}",
            nhlfe.entropy_label_below
        );
    }
    if nhlfe.upstream_assigned {
        notes.push_str(", upstream-assigned");
    }
    if let Some(mtu) = nhlfe.mtu {
        let _ = write!(notes, ", MTU {mtu}");
    }
    if nhlfe.protecting {
        notes.push_str(", protecting");
    }
    if let Some(backup) = &nhlfe.backup {
        let _ = write!(notes, ", backup {} {}", backup.interface, backup.next_hop);
        if !backup.labels.is_empty() {
            let _ = write!(notes, " push {}", stack(&backup.labels));
        }
    }
    notes
}

/// In which table of the configuration a static LSP stands.
pub(super) fn lsp_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Ftn => "ftn",
        Kind::Ilm => "ilm",
        Kind::CrossConnect => "cross-connect",
        Kind::Pseudowire => "pseudowire",
        Kind::PointToMultipoint => "point-to-multipoint",
    }
}

/// What is below the labels.
pub(super) fn payload(payload: Payload) -> Option<&'static str> {
    match payload {
        Payload::NotKnown => None,
        Payload::Ipv4 => Some("IPv4"),
        Payload::Ipv6 => Some("IPv6"),
    }
}

/// The TTL model of RFC 3443, as the configuration spells it.
pub(super) fn ttl_model(model: TtlModel) -> &'static str {
    match model {
        TtlModel::Uniform => "uniform",
        TtlModel::Pipe => "pipe",
        TtlModel::ShortPipe => "short-pipe",
    }
}

/// Who asked for an entry.
pub(super) fn owner(owner: Owner, name: &str) -> String {
    let kind = match owner {
        Owner::Nobody => "",
        Owner::StaticLsp => "static",
        Owner::LocalAddress => "local",
        Owner::ConnectedPrefix => "connected",
        Owner::Neighbour => "neighbour",
        Owner::KernelRoute => "kernel",
        Owner::SpecialPurposeLabel => "reserved",
        Owner::Ldp => "ldp",
    };
    match name {
        "" => kind.to_owned(),
        name => format!("{kind} {name}"),
    }
}

/// How an entry stands, with what is in the way.
pub(super) fn status(status: Option<&EntryStatus>) -> String {
    let Some(status) = status else {
        return String::new();
    };
    let word = match status.state() {
        State::Unknown => "unknown",
        State::Installed => "installed",
        State::Unresolved => "unresolved",
        State::Pending => "pending",
        State::Refused => "refused",
        State::NotPreferred => "not preferred",
        State::Conflict => "conflict",
    };
    match status.error.as_str() {
        "" => word.to_owned(),
        error => format!("{word}: {error}"),
    }
}

/// Whether a next hop can be used.
pub(super) fn resolution(nhlfe: &Nhlfe) -> &'static str {
    match nhlfe.resolution() {
        Resolution::NeighbourResolved => "",
        Resolution::NeighbourUnresolved => " (not resolved)",
        Resolution::InterfaceDown => " (interface down)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_read_as_in_rfc_3031() {
        let entry = |operation: ilm_entry::Operation| IlmEntry {
            label: 100,
            operation: operation.into(),
            payload: Payload::Ipv4.into(),
            ..IlmEntry::default()
        };
        let nhlfe = |labels: &[u32]| Nhlfe {
            labels: labels.to_vec(),
            ..Nhlfe::default()
        };
        use ilm_entry::Operation;
        let swap = entry(Operation::Swap);
        assert_eq!(ilm_operation(&swap, Some(&nhlfe(&[200]))), "swap 100 → 200");
        assert_eq!(
            ilm_operation(&swap, Some(&nhlfe(&[300, 200]))),
            "swap 100 → 200, push 300"
        );
        assert_eq!(
            ilm_operation(&swap, Some(&nhlfe(&[0]))),
            "swap 100 → ipv4-explicit-null(0)"
        );
        let pop = entry(Operation::PopAndLookUpIp);
        assert_eq!(ilm_operation(&pop, None), "pop 100, look up IPv4 in VRF 0");
        let php = entry(Operation::PopAndForward);
        assert_eq!(ilm_operation(&php, Some(&nhlfe(&[]))), "pop 100, forward");
    }

    #[test]
    fn an_ftn_entry_pushes_the_outermost_label_first() {
        let entry = FtnEntry {
            operation: ftn_entry::Operation::Forward.into(),
            ..FtnEntry::default()
        };
        let labelled = Nhlfe {
            labels: vec![300, 100],
            ..Nhlfe::default()
        };
        assert_eq!(ftn_operation(&entry, Some(&labelled)), "push 300 100");
        assert_eq!(
            ftn_operation(&entry, Some(&Nhlfe::default())),
            "forward without label"
        );
    }
}
