//! The test program: P4Info, BMv2 JSON, and entities by the names of its objects.
//!
//! `program.json` and `program.p4info.txt` are what p4-compiler makes of `program.p4`, so that the
//! tests of the switch do not need the compiler; a test of the compiler keeps them fresh.

use std::sync::LazyLock;

use p4runtime_proto::convert::{from_text, p4info_from_text};
use p4runtime_proto::p4::config::v1::P4Info;
use p4runtime_proto::p4::v1::{Entity, ForwardingPipelineConfig, Update, update::Type};

/// What the compiler makes of `program.p4`.
pub(crate) struct Program {
    pub(crate) info: P4Info,
    pub(crate) json: Vec<u8>,
}

pub(crate) static PROGRAM: LazyLock<Program> = LazyLock::new(|| Program {
    info: p4info_from_text(include_str!("program.p4info.txt")).unwrap(),
    json: include_bytes!("program.json").to_vec(),
});

impl Program {
    /// The configuration for SetForwardingPipelineConfig.
    pub(crate) fn config(&self) -> ForwardingPipelineConfig {
        ForwardingPipelineConfig {
            p4info: Some(self.info.clone()),
            p4_device_config: self.json.clone(),
            cookie: None,
        }
    }

    /// The id of the object whose name ends with `name`.
    pub(crate) fn id(&self, name: &str) -> u32 {
        let info = &self.info;
        let preambles = (info.tables.iter().map(|o| &o.preamble))
            .chain(info.actions.iter().map(|o| &o.preamble))
            .chain(info.action_profiles.iter().map(|o| &o.preamble))
            .chain(info.counters.iter().map(|o| &o.preamble))
            .chain(info.direct_counters.iter().map(|o| &o.preamble))
            .chain(info.meters.iter().map(|o| &o.preamble))
            .chain(info.direct_meters.iter().map(|o| &o.preamble))
            .chain(info.registers.iter().map(|o| &o.preamble))
            .chain(info.digests.iter().map(|o| &o.preamble))
            .chain(info.value_sets.iter().map(|o| &o.preamble));
        let mut found = preambles
            .flatten()
            .filter(|preamble| preamble.name.rsplit('.').next() == Some(name));
        let id = found
            .next()
            .unwrap_or_else(|| panic!("no object {name}"))
            .id;
        assert!(found.next().is_none(), "two objects {name}");
        id
    }
}

/// The same program with another P4Info, so that it is not the same configuration.
pub(crate) fn renamed(mut config: ForwardingPipelineConfig) -> ForwardingPipelineConfig {
    if let Some(info) = &mut config.p4info {
        info.pkg_info.get_or_insert_default().name = "other".into();
    }
    config
}

/// An entity from the text format, `$name` replaced by the id of the object.
pub(crate) fn entity(text: &str) -> Entity {
    let mut parts = text.split('$');
    let mut with_ids = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(part.len());
        with_ids.push_str(&PROGRAM.id(&part[..end]).to_string());
        with_ids.push_str(&part[end..]);
    }
    from_text(&with_ids).unwrap_or_else(|error| panic!("{error}\n{with_ids}"))
}

/// An update of the entity of a text.
pub(crate) fn update(operation: Type, text: &str) -> Update {
    Update {
        r#type: operation.into(),
        entity: Some(entity(text)),
    }
}

/// An INSERT.
pub(crate) fn insert(text: &str) -> Update {
    update(Type::Insert, text)
}

/// A MODIFY.
pub(crate) fn modify(text: &str) -> Update {
    update(Type::Modify, text)
}

/// A DELETE.
pub(crate) fn delete(text: &str) -> Update {
    update(Type::Delete, text)
}

/// An entry of exact_table for a destination, that forwards to a port.
pub(crate) fn exact(dst: u8, port: u8) -> String {
    format!(
        "table_entry {{ table_id: $exact_table match {{ field_id: 1 exact {{ value: \"\\x{dst:02x}\" }} }} \
         action {{ action {{ action_id: $forward params {{ param_id: 1 value: \"\\x{port:02x}\" }} }} }} }}"
    )
}

/// A frame with destination, source and EtherType, and a payload.
pub(crate) fn frame(dst: u8, src: u8, ether_type: u16) -> Vec<u8> {
    let mut frame = vec![0, 0, 0, 0, 0, dst, 0, 0, 0, 0, 0, src];
    frame.extend(ether_type.to_be_bytes());
    frame.extend([0xab; 50]);
    frame
}
