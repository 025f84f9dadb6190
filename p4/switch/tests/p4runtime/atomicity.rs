//! Modes of atomicity of a batch (section 12.2).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use p4runtime_proto::p4::v1::{Error, Update, update::Type, write_request::Atomicity};
use proptest::prelude::*;
use proptest::sample::select;
use tonic::Code;

use super::program::{delete, entity, exact, frame, insert, modify, update};
use super::support::{Controller, TestSwitch};

pub(crate) async fn write(
    controller: &mut Controller,
    atomicity: Atomicity,
    updates: Vec<Update>,
) -> Vec<Error> {
    let mut request = controller.write_request(updates);
    request.atomicity = atomicity.into();
    let count = request.updates.len();
    match controller.client.write(request).await {
        Ok(_) => vec![Error::ok(); count],
        Err(status) => p4runtime_proto::batch_error::decode(&status).unwrap(),
    }
}

/// All that can be read, in an order of its own.
async fn state(controller: &mut Controller) -> Vec<String> {
    let mut tables = vec!["".to_owned(), "is_default_action: true".to_owned()];
    for (name, resource) in [
        ("exact_table", "counter_data { }"),
        ("ternary_table", "meter_config { }"),
    ] {
        for default in ["", "is_default_action: true"] {
            tables.push(format!("table_id: ${name} {resource} {default}"));
        }
    }
    let requests = (tables
        .iter()
        .map(|fields| format!("table_entry {{ {fields} }}")))
    .chain(
        [
            "action_profile_member { }",
            "action_profile_group { }",
            "counter_entry { }",
            "meter_entry { }",
            "register_entry { }",
            "packet_replication_engine_entry { multicast_group_entry { } }",
            "packet_replication_engine_entry { clone_session_entry { } }",
            "digest_entry { }",
            "value_set_entry { }",
        ]
        .map(str::to_owned),
    );
    let requests = requests.map(|text| entity(&text)).collect();
    let (found, result) = controller.try_read(requests).await;
    result.unwrap();
    let mut found: Vec<String> = found.iter().map(|entity| format!("{entity:?}")).collect();
    found.sort();
    found
}

/// Entities of every kind, on few keys, so that batches meet what is there.
fn entities() -> Vec<String> {
    let rewrite = |port: u8| {
        format!(
            "action {{ action_id: $rewrite params {{ param_id: 1 value: \"\\x0a\" }} \
             params {{ param_id: 2 value: \"\\x{port:02x}\" }} }}"
        )
    };
    let forward = |port: u8| {
        format!(
            "action {{ action_id: $forward params {{ param_id: 1 value: \"\\x{port:02x}\" }} }}"
        )
    };
    let mut all = Vec::new();
    for n in [1_u8, 2] {
        all.push(exact(n, 1));
        let with_more =
            format!("table_entry {{ counter_data {{ packet_count: {n} }} metadata: \"m\"");
        all.push(exact(n, 2).replace("table_entry {", &with_more));
        all.push(format!(
            "table_entry {{ table_id: $exact_table is_default_action: true metadata: \"{n}\" \
             action {{ {} }} }}",
            forward(n)
        ));
        all.push(format!(
            "table_entry {{ table_id: $ternary_table match {{ field_id: 2 exact {{ value: \"\\x01\" }} }} \
             priority: {n} meter_config {{ cir: {n} cburst: 1 pir: 3 pburst: 4 }} \
             action {{ action {{ action_id: $read_colour }} }} }}"
        ));
        all.push(format!(
            "direct_counter_entry {{ table_entry {{ table_id: $exact_table match {{ field_id: 1 exact {{ value: \"\\x{n:02x}\" }} }} }} \
             data {{ packet_count: 7 }} }}"
        ));
        all.push(format!(
            "action_profile_member {{ action_profile_id: $paths member_id: {n} {} }}",
            rewrite(n)
        ));
        all.push(format!(
            "action_profile_group {{ action_profile_id: $paths group_id: 5 max_size: 8 \
             members {{ member_id: {n} weight: {n} }} }}"
        ));
        for action in [
            format!("action_profile_member_id: {n}"),
            "action_profile_group_id: 5".to_owned(),
            format!(
                "action_profile_action_set {{ action_profile_actions {{ {} weight: 2 }} }}",
                rewrite(n)
            ),
        ] {
            all.push(format!(
                "table_entry {{ table_id: $selector_table match {{ field_id: 1 exact {{ value: \"\\x{n:02x}\" }} }} \
                 action {{ {action} }} }}"
            ));
        }
        all.push(format!("counter_entry {{ counter_id: $port_counter index {{ index: {n} }} data {{ packet_count: {n} }} }}"));
        all.push(format!("meter_entry {{ meter_id: $port_meter index {{ index: 1 }} config {{ cir: {n} cburst: 2 pir: 3 pburst: 4 }} }}"));
        all.push(format!(
            "register_entry {{ register_id: $cells data {{ bitstring: \"\\x0{n}\" }} }}"
        ));
        all.push(format!(
            "packet_replication_engine_entry {{ multicast_group_entry {{ multicast_group_id: 1 \
             replicas {{ port: \"\\x0{n}\" }} }} }}"
        ));
        all.push(format!(
            "packet_replication_engine_entry {{ clone_session_entry {{ session_id: 1 \
             replicas {{ port: \"\\x0{n}\" }} packet_length_bytes: {n} }} }}"
        ));
        let digest = super::program::PROGRAM.info.digests[0]
            .preamble
            .as_ref()
            .unwrap()
            .id;
        all.push(format!(
            "digest_entry {{ digest_id: {digest} config {{ max_list_size: {n} }} }}"
        ));
        all.push(format!("value_set_entry {{ value_set_id: $ip_types members {{ match {{ field_id: 1 exact {{ value: \"\\x0{n}\" }} }} }} }}"));
    }
    all.push("meter_entry { meter_id: $port_meter }".into());
    all.push("table_entry { table_id: $exact_table is_default_action: true }".into());
    all
}

fn batches() -> impl Strategy<Value = Vec<Vec<Update>>> {
    let one = (
        select(vec![Type::Insert, Type::Modify, Type::Delete]),
        select(entities()),
    )
        .prop_map(|(operation, text)| update(operation, &text));
    // Where only a MODIFY is allowed, most others would fail for that alone.
    let likely = select(entities()).prop_map(|text| {
        let only = [
            "counter_entry",
            "meter_entry",
            "register_entry",
            "value_set",
            "is_default",
        ];
        let operation = if only.iter().any(|kind| text.contains(kind)) {
            Type::Modify
        } else {
            Type::Insert
        };
        update(operation, &text)
    });
    let batch = prop::collection::vec(prop_oneof![one, likely], 1..5);
    prop::collection::vec(batch, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// ROLLBACK_ON_ERROR and DATAPLANE_ATOMIC: all or none, for entities of every kind.
    #[test]
    fn a_batch_with_an_error_leaves_the_state_as_it_was(batches in batches()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (_test, mut primary) = TestSwitch::with_program().await;
            for (index, batch) in batches.into_iter().enumerate() {
                let before = state(&mut primary).await;
                let mode = [Atomicity::RollbackOnError, Atomicity::DataplaneAtomic][index % 2];
                let errors = write(&mut primary, mode, batch.clone()).await;
                if errors.iter().all(Error::is_ok) {
                    continue;
                }
                prop_assert_eq!(errors.len(), batch.len());
                let own = |error: &&Error| error.grpc_code() != Code::Aborted;
                prop_assert_eq!(errors.iter().filter(own).count(), 1, "{:?}", errors);
                prop_assert_eq!(before, state(&mut primary).await, "{:?}\n{:?}", batch, errors);
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn the_errors_of_a_batch_that_was_rolled_back_say_which_update_failed() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let batch = vec![
        insert(&exact(1, 1)),
        delete(&exact(2, 2)),
        insert(&exact(3, 3)),
    ];
    let errors = write(&mut primary, Atomicity::RollbackOnError, batch).await;
    let codes: Vec<_> = errors.iter().map(Error::grpc_code).collect();
    assert_eq!(codes, [Code::Aborted, Code::NotFound, Code::Aborted]);
    assert!(errors[0].message.contains("update 1"), "{:?}", errors[0]);
    let all = entity("table_entry { table_id: $exact_table }");
    assert_eq!(primary.read(all).await, []);
}

/// Every packet is processed by what was before the batch or after it: between the updates there
/// is a multicast group that is not there.
#[tokio::test(flavor = "multi_thread")]
async fn a_packet_sees_a_batch_as_a_whole() {
    let (test, mut primary) = TestSwitch::with_program().await;
    let entry = |group: u8| {
        format!(
            "table_entry {{ table_id: $exact_table match {{ field_id: 1 exact {{ value: \"\\x01\" }} }} \
             action {{ action {{ action_id: $multicast params {{ param_id: 1 value: \"\\x{group:02x}\" }} }} }} }}"
        )
    };
    let group = |id: u8| {
        format!(
            "packet_replication_engine_entry {{ multicast_group_entry {{ multicast_group_id: {id} \
             replicas {{ port: \"\\x0{id}\" }} }} }}"
        )
    };
    primary
        .write(vec![insert(&group(1)), insert(&entry(1))])
        .await;
    let stop = Arc::new(AtomicBool::new(false));
    let (switch, stopped) = (test.switch.clone(), stop.clone());
    let packets = std::thread::spawn(move || {
        let (packet, mut ports) = (frame(1, 2, 7), [0_u64; 3]);
        while !stopped.load(Ordering::Relaxed) {
            let output = switch.process(4, &packet);
            assert_eq!(output.len(), 1, "a packet saw half of a batch");
            ports[output[0].0 as usize] += 1;
        }
        ports
    });
    // Here every batch is one that packets see as a whole, whatever its atomicity.
    let modes = [
        Atomicity::DataplaneAtomic,
        Atomicity::ContinueOnError,
        Atomicity::RollbackOnError,
    ];
    let turns = [(1, 2), (2, 1)].into_iter().cycle().take(200);
    for ((old, new), mode) in turns.zip(modes.into_iter().cycle()) {
        let batch = vec![
            delete(&group(old)),
            insert(&group(new)),
            modify(&entry(new)),
        ];
        let errors = write(&mut primary, mode, batch).await;
        assert!(errors.iter().all(Error::is_ok), "{errors:?}");
    }
    stop.store(true, Ordering::Relaxed);
    let ports = packets.join().unwrap();
    assert!(ports[1] > 0 && ports[2] > 0, "{ports:?}");
}
