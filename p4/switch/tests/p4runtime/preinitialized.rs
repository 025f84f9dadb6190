//! Tables whose first entries the program gives (section 9.1.5).

use p4runtime_proto::p4::v1::ForwardingPipelineConfig;
use p4runtime_proto::p4::v1::set_forwarding_pipeline_config_request::Action;
use tonic::Code;

use super::program::{PROGRAM, delete, entity, insert, modify, renamed};
use super::support::{Controller, TestSwitch};

/// The program, with its constant table as a preinitialized one: the JSON has the same entries for both.
fn without_constant_tables() -> ForwardingPipelineConfig {
    let mut config = PROGRAM.config();
    for table in &mut config.p4info.as_mut().unwrap().tables {
        table.is_const_table = false;
    }
    config
}

/// Section 9.1.5: the entries that the program gives are only the first ones.
#[tokio::test]
async fn a_preinitialized_table_is_changed_like_any_other() {
    let test = TestSwitch::start().await;
    let mut primary = test.primary(1).await;
    let config = without_constant_tables();
    let commit = async |primary: &mut Controller, action, config: &ForwardingPipelineConfig| {
        primary.set(action, Some(config.clone())).await.unwrap();
    };
    commit(&mut primary, Action::VerifyAndCommit, &config).await;
    let entry = |value: &str, action: &str| {
        format!(
            "table_entry {{ table_id: $const_table match {{ field_id: 1 exact {{ value: \"{value}\" }} }} \
             action {{ action {{ action_id: ${action} }} }} }}"
        )
    };
    let entries = async |primary: &mut Controller| {
        let mut all = primary
            .read(entity("table_entry { table_id: $const_table }"))
            .await;
        all.sort_by_key(|entity| format!("{entity:?}"));
        all
    };
    let (beef, dead) = (entry("\\xbe\\xef", "NoAction"), entry("\\xde\\xad", "drop"));
    let first = [entity(&beef), entity(&dead)];
    assert_eq!(entries(&mut primary).await, first);

    let new = entry("\\xab\\xcd", "drop");
    assert_eq!(
        primary.refused(insert(&new)).await.0,
        Code::ResourceExhausted
    );
    let changed = entry("\\xde\\xad", "NoAction");
    primary
        .write(vec![delete(&beef), insert(&new), modify(&changed)])
        .await;
    let after = [entity(&new), entity(&changed)];
    assert_eq!(entries(&mut primary).await, after);

    // Later pipelines have the state that is kept, and not the first entries.
    let config = renamed(config);
    commit(&mut primary, Action::ReconcileAndCommit, &config).await;
    assert_eq!(entries(&mut primary).await, after);
    let held = test
        .switch
        .read(|state| state.entries("TestIngress.const_table"));
    assert_eq!(held.unwrap().len(), 2);
    commit(&mut primary, Action::VerifyAndSave, &config).await;
    assert_eq!(entries(&mut primary).await, first);
    primary.write(vec![delete(&beef)]).await;
    primary.set(Action::Commit, None).await.unwrap();
    assert_eq!(entries(&mut primary).await, [entity(&dead)]);
}

/// Section 9.1.5: entries marked `const` behave like those of a constant table.
#[tokio::test]
async fn a_constant_entry_of_a_preinitialized_table_stays() {
    let test = TestSwitch::start().await;
    let mut primary = test.primary(1).await;
    let mut config = without_constant_tables();
    // As p4-compiler writes it for `const 0xdead: drop();`.
    let mut json: serde_json::Value = serde_json::from_slice(&PROGRAM.json).unwrap();
    let tables = json["pipelines"][0]["tables"].as_array_mut().unwrap();
    let table = tables
        .iter_mut()
        .find(|table| table["name"] == "TestIngress.const_table");
    table.unwrap()["entries"][0]["is_const"] = true.into();
    config.p4_device_config = serde_json::to_vec(&json).unwrap();
    primary
        .set(Action::VerifyAndCommit, Some(config.clone()))
        .await
        .unwrap();
    let entry = |value: &str, more: &str| {
        format!(
            "table_entry {{ table_id: $const_table match {{ field_id: 1 exact {{ value: \"{value}\" }} }} {more} }}"
        )
    };
    let action = "action { action { action_id: $drop } }";
    let (constant, other) = ("\\xde\\xad", "\\xbe\\xef");
    for update in [
        modify(&entry(constant, action)),
        modify(&entry(constant, "metadata: \"m\"")),
        delete(&entry(constant, "")),
    ] {
        assert_eq!(primary.refused(update).await.0, Code::PermissionDenied);
    }
    primary
        .write(vec![
            modify(&entry(constant, "")),
            delete(&entry(other, "")),
        ])
        .await;
    let read = [entity(&entry(
        constant,
        &format!("{action} is_const: true"),
    ))];
    let all = "table_entry { table_id: $const_table }";
    assert_eq!(primary.read(entity(all)).await, read);
    primary
        .set(Action::ReconcileAndCommit, Some(renamed(config)))
        .await
        .unwrap();
    assert_eq!(primary.read(entity(all)).await, read);
    let held = test
        .switch
        .read(|state| state.entries("TestIngress.const_table"));
    assert_eq!(held.unwrap().len(), 1);
}
