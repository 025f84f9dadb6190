//! Translated types (sections 8.4.6 and 18.1): ports as strings and as 32-bit numbers.

use p4_switch::SwitchConfig;
use p4runtime_proto::p4::config::v1::p4_new_type_translation::{SdnString, SdnType};
use p4runtime_proto::p4::config::v1::{
    P4DataTypeSpec, P4NamedType, P4NewTypeSpec, P4NewTypeTranslation, p4_data_type_spec::TypeSpec,
    p4_new_type_spec::Representation,
};
use p4runtime_proto::p4::v1::ForwardingPipelineConfig;
use p4runtime_proto::p4::v1::p4_data::Data;
use p4runtime_proto::p4::v1::set_forwarding_pipeline_config_request::Action;
use p4runtime_proto::p4::v1::stream_message_response::Update as Incoming;
use p4runtime_proto::p4::v1::write_request::Atomicity;
use tonic::Code;

use super::program::{PROGRAM, entity, frame, insert, modify, renamed};
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
    primary
        .set(Action::VerifyAndCommit, Some(program()))
        .await
        .unwrap();
    (test, primary)
}

fn program() -> ForwardingPipelineConfig {
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
        "NextHop".into(),
        new_type("x/NextHop", SdnType::SdnString(SdnString {})),
    );
    let next_hop = P4DataTypeSpec {
        type_spec: named("NextHop").map(TypeSpec::NewType),
    };
    types.insert(
        "PortId".into(),
        new_type("p4.org/psa/v1/PortId_t", SdnType::SdnBitwidth(32)),
    );
    info.registers[0].type_spec = Some(next_hop);
    let port = P4DataTypeSpec {
        type_spec: named("PortName").map(TypeSpec::NewType),
    };
    let structs = &mut info.type_info.get_or_insert_default().structs;
    let learned = structs.get_mut("learned_t").unwrap();
    learned.members[1].type_spec = Some(port);
    info.value_sets[0].r#match[0].type_name = named("NextHop");
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
    info.counters[0].index_type_name = named("PortId");
    config
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

/// Section 8.4.6: P4Data of a translated type has the controller's value.
#[tokio::test]
async fn registers_digests_and_value_sets_are_translated() {
    let (test, mut primary) = start().await;
    let _port = test.port(3);
    let cell = |name: &str| {
        format!(
            "register_entry {{ register_id: $cells index {{ index: 1 }} data {{ bitstring: \"{name}\" }} }}"
        )
    };
    for name in ["east", "west"] {
        let text = cell(name);
        assert_eq!(primary.written(modify(&text)).await, [entity(&text)]);
    }
    let set = "value_set_entry { value_set_id: $ip_types \
        members { match { field_id: 1 exact { value: \"west\" } } } }";
    assert_eq!(primary.written(modify(set)).await, [entity(set)]);
    let digest = PROGRAM.info.digests[0].preamble.as_ref().unwrap().id;
    let enable = format!("digest_entry {{ digest_id: {digest} config {{ max_list_size: 1 }} }}");
    primary.write(vec![insert(&enable)]).await;
    let _ = test.switch.process(3, &frame(1, 2, 0x88b6));
    let list = match primary.next().await.unwrap() {
        Incoming::Digest(list) => list,
        other => panic!("{other:?}"),
    };
    let Some(Data::Struct(learned)) = &list.data[0].data else {
        panic!("{list:?}");
    };
    let port = learned.members[1].data.clone();
    assert_eq!(port, Some(Data::Bitstring(b"port 3".to_vec())));
}

fn cell(index: u8, name: &str) -> String {
    format!(
        "register_entry {{ register_id: $cells index {{ index: {index} }} data {{ bitstring: \"{name}\" }} }}"
    )
}

/// What the data plane has in a register.
fn held(test: &TestSwitch, index: usize) -> u32 {
    let bytes = test
        .switch
        .read(|state| state.register("TestIngress.cells", index));
    bytes
        .unwrap()
        .iter()
        .fold(0, |value, byte| value << 8 | u32::from(*byte))
}

/// Sections 12.2 and 14: what the data plane has is not changed by the way back through the
/// controller's values.
#[tokio::test]
async fn numbers_stay_over_rollback_commit_and_reconcile() {
    let (test, mut primary) = start().await;
    // The data plane counts up cell 0 to a number that no string has.
    for _ in 0..7 {
        let _ = test.switch.process(3, &frame(1, 2, 0x88b6));
    }
    primary
        .write(vec![modify(&cell(1, "east")), modify(&cell(2, "west"))])
        .await;
    let numbers = |test: &TestSwitch| [0, 1, 2, 3].map(|index| held(test, index));
    assert_eq!(numbers(&test), [7, 1, 2, 0]);

    let batch = vec![
        modify(&cell(0, "north")),
        modify(&cell(3, "south")),
        insert(&to("eth99")),
    ];
    let errors = super::atomicity::write(&mut primary, Atomicity::RollbackOnError, batch).await;
    assert_eq!(errors[0].grpc_code(), Code::Aborted);
    assert_eq!(numbers(&test), [7, 1, 2, 0]);

    primary
        .set(Action::ReconcileAndCommit, Some(renamed(program())))
        .await
        .unwrap();
    assert_eq!(numbers(&test), [7, 1, 2, 0]);
    for (index, name) in [(0, "7"), (1, "east"), (3, "0")] {
        let text = cell(index, name);
        assert_eq!(primary.read(entity(&text)).await, [entity(&text)]);
    }
    primary
        .write(vec![modify(&cell(0, "north")), modify(&cell(0, "7"))])
        .await;
    assert_eq!(held(&test, 0), 7);

    primary
        .set(Action::VerifyAndSave, Some(program()))
        .await
        .unwrap();
    primary.write(vec![modify(&cell(3, "west"))]).await;
    primary.set(Action::Commit, None).await.unwrap();
    assert_eq!(numbers(&test), [0, 0, 0, 1]);
}

/// The program itself says what number a next hop has.
#[tokio::test]
async fn a_number_in_an_entry_of_the_program_is_its_digits() {
    let test = TestSwitch::start().await;
    let mut primary = test.primary(1).await;
    let mut config = program();
    // 0xdead becomes 3, which would be the third string's.
    let json = String::from_utf8(config.p4_device_config).unwrap();
    assert_eq!(json.matches("\"0xdead\"").count(), 1);
    config.p4_device_config = json.replace("\"0xdead\"", "\"0x0003\"").into_bytes();
    let info = config.p4info.as_mut().unwrap();
    let named = Some(P4NamedType {
        name: "NextHop".into(),
    });
    for table in &mut info.tables {
        if table.preamble.as_ref().unwrap().id == PROGRAM.id("const_table") {
            table.match_fields[0].type_name = named.clone();
            table.match_fields[0].bitwidth = 0;
        }
    }
    primary
        .set(Action::VerifyAndSave, Some(config))
        .await
        .unwrap();
    let names = ["a", "b", "c"];
    let cells = (1..)
        .zip(names)
        .map(|(index, name)| modify(&cell(index, name)));
    primary.write(cells.collect()).await;
    primary.set(Action::Commit, None).await.unwrap();
    assert_eq!([1, 2, 3].map(|index| held(&test, index)), [1, 2, 4]);
    let entry = "table_entry { table_id: $const_table is_const: true \
        match { field_id: 1 exact { value: \"3\" } } action { action { action_id: $drop } } }";
    assert_eq!(primary.read(entity(entry)).await, [entity(entry)]);
}

/// Section 18.1.1: an array may have ports as its index.
#[tokio::test]
async fn the_cpu_port_has_its_sdn_number_in_an_index() {
    let config = SwitchConfig {
        cpu_port: Some(5),
        ..Default::default()
    };
    let test = TestSwitch::start_as(config, Ok).await;
    let mut primary = test.primary(1).await;
    primary
        .set(Action::VerifyAndCommit, Some(program()))
        .await
        .unwrap();
    let counter = |index: u32| {
        format!(
            "counter_entry {{ counter_id: $port_counter index {{ index: {index} }} \
             data {{ packet_count: {} byte_count: 6 }} }}",
            index % 16
        )
    };
    for index in [0xffff_fffd, 3] {
        let text = counter(index);
        assert_eq!(primary.written(modify(&text)).await, [entity(&text)]);
    }
    let held = test
        .switch
        .read(|state| state.counter("TestIngress.port_counter", 5));
    assert_eq!(held.unwrap().packets, 13);
    let all = "counter_entry { counter_id: $port_counter }";
    assert!(
        primary
            .read(entity(all))
            .await
            .contains(&entity(&counter(0xffff_fffd)))
    );
}
