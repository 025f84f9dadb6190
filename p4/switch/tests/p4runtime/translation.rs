//! Translated types (sections 8.4.6 and 18.1): ports as strings and as 32-bit numbers.

use p4runtime_proto::p4::config::v1::p4_new_type_translation::{SdnString, SdnType};
use p4runtime_proto::p4::config::v1::{
    P4NamedType, P4NewTypeSpec, P4NewTypeTranslation, p4_new_type_spec::Representation,
};
use p4runtime_proto::p4::v1::set_forwarding_pipeline_config_request::Action;
use tonic::Code;

use super::program::{PROGRAM, entity, frame, insert};
use super::support::{Controller, TestSwitch};

fn new_type(uri: &str, sdn_type: SdnType) -> P4NewTypeSpec {
    P4NewTypeSpec {
        representation: Some(Representation::TranslatedType(P4NewTypeTranslation {
            uri: uri.into(),
            sdn_type: Some(sdn_type),
        })),
        ..Default::default()
    }
}

/// The test program; ports are strings in actions, numbers of 32 bits in PacketIn.
async fn start() -> (TestSwitch, Controller) {
    let test = TestSwitch::start().await;
    let mut primary = test.primary(1).await;
    let mut config = PROGRAM.config();
    let info = config.p4info.as_mut().unwrap();
    let types = &mut info.type_info.get_or_insert_default().new_types;
    let named = |name: &str| Some(P4NamedType { name: name.into() });
    types.insert(
        "PortName".into(),
        new_type(
            "p4.org/psa/v1/PortId_String_t",
            SdnType::SdnString(SdnString {}),
        ),
    );
    types.insert(
        "PortId".into(),
        new_type("p4.org/psa/v1/PortId_t", SdnType::SdnBitwidth(32)),
    );
    for action in &mut info.actions {
        if action.preamble.as_ref().unwrap().name.ends_with(".forward") {
            action.params[0].type_name = named("PortName");
            action.params[0].bitwidth = 0;
        }
    }
    for header in &mut info.controller_packet_metadata {
        if header.preamble.as_ref().unwrap().name == "packet_in" {
            header.metadata[0].type_name = named("PortId");
            header.metadata[0].bitwidth = 32;
        }
    }
    for table in &mut info.tables {
        if table
            .preamble
            .as_ref()
            .unwrap()
            .name
            .ends_with("optional_table")
        {
            table.match_fields[1].type_name = named("PortId");
            table.match_fields[1].bitwidth = 32;
        }
    }
    primary
        .set(Action::VerifyAndCommit, Some(config))
        .await
        .unwrap();
    (test, primary)
}

fn to(port: &str) -> String {
    format!(
        "table_entry {{ table_id: $exact_table match {{ field_id: 1 exact {{ value: \"\\x01\" }} }} \
         action {{ action {{ action_id: $forward params {{ param_id: 1 value: \"{port}\" }} }} }} }}"
    )
}

#[tokio::test]
async fn a_port_is_written_and_read_by_its_name() {
    let (test, mut primary) = start().await;
    let _port = test.port(3);
    let text = to("port 3");
    assert_eq!(primary.written(insert(&text)).await, [entity(&text)]);
    let output = test.switch.process(4, &frame(1, 2, 7));
    assert_eq!(output[0].0, 3);
    let (code, words) = primary.refused(insert(&to("eth99"))).await;
    assert_eq!(code, Code::InvalidArgument);
    assert!(words.contains("port 3"), "{words}");
}

/// Section 18.1.1: the CPU port has a number of its own for controllers.
#[tokio::test]
async fn the_cpu_port_has_its_sdn_number_in_a_match() {
    let (_test, mut primary) = start().await;
    let entry = |port: &str| {
        format!(
            "table_entry {{ table_id: $optional_table match {{ field_id: 2 optional {{ value: \"{port}\" }} }} \
             priority: 1 action {{ action {{ action_id: $drop }} }} }}"
        )
    };
    for port in ["\\xff\\xff\\xff\\xfd", "\\x07"] {
        let text = entry(port);
        assert_eq!(primary.written(insert(&text)).await, [entity(&text)]);
    }
    let (code, _) = primary.refused(insert(&entry("\\x02\\x00"))).await;
    assert_eq!(code, Code::OutOfRange, "the data plane has 9 bits");
}

/// Section 18.1.2: the header in the data plane has 9 bits, the metadata 32.
#[tokio::test]
async fn the_metadata_of_a_packet_in_are_translated() {
    let (test, mut primary) = start().await;
    test.port(3).receive(&frame(1, 2, 0x88b5));
    let packet = primary.packet_in().await;
    assert_eq!(packet.metadata[0].value, [3]);
    assert_eq!(packet.metadata[1].value, [5]);
    assert_eq!(packet.payload, frame(1, 2, 0x88b5));
}
