//! Indirect counters, meters and registers (sections 9.3.2, 9.4.2 and 9.7).

use p4runtime_proto::p4::config::v1::meter_spec;
use p4runtime_proto::p4::v1::set_forwarding_pipeline_config_request::Action;
use tonic::Code;

use super::program::{PROGRAM, delete, entity, frame, insert, modify};
use super::support::TestSwitch;

/// Kind of entity, name of the array, its size, and some data.
const ARRAYS: [(&str, &str, usize, &str); 3] = [
    (
        "counter_entry { counter_id",
        "$port_counter",
        16,
        "data { packet_count: 3 byte_count: 4 }",
    ),
    (
        "meter_entry { meter_id",
        "$port_meter",
        8,
        "config { cir: 1 cburst: 2 pir: 3 pburst: 4 }",
    ),
    (
        "register_entry { register_id",
        "$cells",
        8,
        "data { bitstring: \"\\x07\" }",
    ),
];

#[tokio::test]
async fn cells_are_written_and_read_by_index_and_by_wildcard() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    for (kind, array, size, data) in ARRAYS {
        let cell = |index: &str, data: &str| format!("{kind}: {array} {index} {data} }}");
        let second = cell("index { index: 2 }", data);
        assert_eq!(primary.written(modify(&second)).await, [entity(&second)]);
        let all = primary.read(entity(&cell("", ""))).await;
        assert_eq!(all.len(), size);
        assert!(all.contains(&entity(&second)), "{kind}");
        // Without index all cells are written.
        primary.write(vec![modify(&cell("", data))]).await;
        let last = cell(&format!("index {{ index: {} }}", size - 1), data);
        assert_eq!(primary.read(entity(&last)).await, [entity(&last)]);
        let every = format!("{kind}: 0 }}");
        assert_eq!(primary.read(entity(&every)).await.len(), size);
    }
}

#[tokio::test]
async fn the_rules_of_cells() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    for (kind, array, size, data) in ARRAYS {
        let cell = |index: i64| format!("{kind}: {array} index {{ index: {index} }} {data} }}");
        for update in [insert(&cell(1)), delete(&cell(1))] {
            assert_eq!(
                primary.refused(update).await.0,
                Code::InvalidArgument,
                "{kind}"
            );
        }
        let (code, _) = primary.refused(modify(&cell(-1))).await;
        assert_eq!(code, Code::InvalidArgument, "{kind}");
        let beyond = cell(size as i64);
        let (code, words) = primary.refused(modify(&beyond)).await;
        assert_eq!(code, Code::OutOfRange, "{kind}");
        assert!(words.contains(&size.to_string()), "{words}");
        assert_eq!(
            primary.read_refused(entity(&beyond)).await.0,
            Code::OutOfRange
        );
        let unknown = format!("{kind}: 9 {data} }}");
        assert_eq!(
            primary.refused(modify(&unknown)).await.0,
            Code::InvalidArgument
        );
    }
}

#[tokio::test]
async fn a_counter_without_data_is_not_modified_and_a_meter_without_config_is_reset() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let counter =
        "counter_entry { counter_id: $port_counter index { index: 0 } data { packet_count: 3 } }";
    primary.write(vec![modify(counter)]).await;
    let unset = "counter_entry { counter_id: $port_counter index { index: 0 } }";
    primary.write(vec![modify(unset)]).await;
    assert_eq!(primary.read(entity(unset)).await, [entity(counter)]);
    let meter = "meter_entry { meter_id: $port_meter index { index: 0 } config { cir: 1 pir: 1 } }";
    let unset = "meter_entry { meter_id: $port_meter index { index: 0 } }";
    primary.write(vec![modify(meter)]).await;
    assert_eq!(primary.written(modify(unset)).await, [entity(unset)]);
}

/// Section 9.4.3, of an indirect meter: given where they are asked for, only set to 0.
#[tokio::test]
async fn a_meter_counts_packets_by_colour() {
    let (test, mut primary) = TestSwitch::with_program().await;
    let cell =
        |rest: &str| format!("meter_entry {{ meter_id: $port_meter index {{ index: 5 }} {rest} }}");
    let config = "config { cir: 1 cburst: 64 pir: 1 pburst: 128 }";
    primary.write(vec![modify(&cell(config))]).await;
    for _ in 0..3 {
        let _ = test.switch.process(5, &frame(1, 2, 0x88b6));
    }
    let one = "packet_count: 1 byte_count: 64";
    let counted = cell(&format!(
        "{config} counter_data {{ green {{ {one} }} yellow {{ {one} }} red {{ {one} }} }}"
    ));
    let zero = "counter_data { green { } yellow { } red { } }";
    let asked = cell("counter_data { }");
    assert_eq!(primary.read(entity(&asked)).await, [entity(&counted)]);
    assert_eq!(
        primary.read(entity(&cell(""))).await,
        [entity(&cell(config))]
    );
    // Unset, they are left untouched.
    primary.write(vec![modify(&cell(config))]).await;
    assert_eq!(primary.read(entity(&asked)).await, [entity(&counted)]);
    let set = cell(&format!("{config} counter_data {{ red {{ {one} }} }}"));
    let (code, words) = primary.refused(modify(&set)).await;
    assert_eq!(code, Code::InvalidArgument, "{words}");
    assert_eq!(primary.read(entity(&asked)).await, [entity(&counted)]);
    let reset = cell(&format!("{config} {zero}"));
    assert_eq!(primary.written(modify(&reset)).await, [entity(&reset)]);
}

/// Section 9.4 and RFC 2697: an excess burst is for single-rate three-colour meters.
#[tokio::test]
async fn an_excess_burst_is_for_single_rate_meters() {
    let mut config = PROGRAM.config();
    for meter in &mut config.p4info.as_mut().unwrap().meters {
        let spec = meter.spec.as_mut().unwrap();
        spec.set_type(meter_spec::Type::SingleRateThreeColor);
    }
    let test = TestSwitch::start().await;
    let mut primary = test.primary(1).await;
    let action = Action::VerifyAndCommit;
    primary.set(action, Some(config)).await.unwrap();
    let cell = |rest: &str| {
        format!(
            "meter_entry {{ meter_id: $port_meter index {{ index: 5 }} \
             config {{ cir: 1 cburst: 64 pir: 1 {rest} }} counter_data {{ }} }}"
        )
    };
    let (code, words) = primary.refused(modify(&cell("pburst: 65 eburst: 9"))).await;
    assert_eq!(code, Code::InvalidArgument, "{words}");
    let set = cell("pburst: 64 eburst: 128");
    primary.write(vec![modify(&set)]).await;
    for _ in 0..4 {
        let _ = test.switch.process(5, &frame(1, 2, 0x88b6));
    }
    let counted = set.replace(
        "counter_data { }",
        "counter_data { green { packet_count: 1 byte_count: 64 } \
         yellow { packet_count: 2 byte_count: 128 } red { packet_count: 1 byte_count: 64 } }",
    );
    assert_eq!(primary.read(entity(&set)).await, [entity(&counted)]);
}

#[tokio::test]
async fn a_register_takes_data_of_its_type_only() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let cell = |data: &str| format!("register_entry {{ register_id: $cells index {{ }} {data} }}");
    let cases = [
        ("", Code::InvalidArgument),
        ("data { bool: true }", Code::InvalidArgument),
        ("data { bitstring: \"\" }", Code::OutOfRange),
        (
            "data { bitstring: \"\\x01\\x00\\x00\\x00\\x00\" }",
            Code::OutOfRange,
        ),
    ];
    for (data, code) in cases {
        assert_eq!(primary.refused(modify(&cell(data))).await.0, code, "{data}");
    }
}

#[tokio::test]
async fn counters_and_registers_show_what_the_program_did() {
    let (test, mut primary) = TestSwitch::with_program().await;
    let _ = test.switch.process(5, &frame(1, 2, 0x88b6));
    let _ = test.switch.process(5, &frame(1, 2, 0x88b6));
    let counter = "counter_entry { counter_id: $port_counter index { index: 5 } \
        data { packet_count: 2 byte_count: 128 } }";
    assert_eq!(primary.read(entity(counter)).await, [entity(counter)]);
    let register = "register_entry { register_id: $cells index { } data { bitstring: \"\\x02\" } }";
    assert_eq!(primary.read(entity(register)).await, [entity(register)]);
}
