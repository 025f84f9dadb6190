//! Roles (sections 5.2, 12, 13 and 16.1).

use p4runtime_proto::p4::v1::{
    Entity, MasterArbitrationUpdate, ReadRequest, Role, Update,
    set_forwarding_pipeline_config_request::Action, stream_message_request::Update as Outgoing,
    stream_message_response::Update as Incoming,
};
use prost::Message;
use prost_types::Any;
use tonic::Code;

use super::program::{PROGRAM, entity, exact, frame, insert};
use super::support::{Controller, DEVICE, TestSwitch, election};

/// A `stratum.P4RoleConfig`, written by a client of another make.
#[derive(Clone, PartialEq, Message)]
struct RoleConfig {
    #[prost(uint32, repeated, tag = "1")]
    exclusive: Vec<u32>,
    #[prost(uint32, repeated, tag = "2")]
    shared: Vec<u32>,
    #[prost(message, optional, tag = "3")]
    filter: Option<Filter>,
    #[prost(bool, tag = "4")]
    receives_packet_ins: bool,
    #[prost(bool, tag = "5")]
    can_push_pipeline: bool,
}

#[derive(Clone, PartialEq, Message)]
struct Filter {
    #[prost(uint32, tag = "1")]
    metadata_id: u32,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

impl RoleConfig {
    fn any(&self) -> Any {
        Any {
            type_url: "type.googleapis.com/stratum.P4RoleConfig".into(),
            value: self.encode_to_vec(),
        }
    }
}

/// A controller that is primary for a role.
async fn primary_of(test: &TestSwitch, role: &str, config: Option<&RoleConfig>) -> Controller {
    let mut controller = test.controller().await;
    bid(&mut controller, role, config.map(RoleConfig::any)).await;
    let update = match controller.next().await.unwrap() {
        Incoming::Arbitration(update) => update,
        other => panic!("{other:?}"),
    };
    assert_eq!(update.status.unwrap().code, Code::Ok as i32);
    let given = update.role.unwrap();
    assert_eq!(
        (given.name.as_str(), given.config),
        (role, config.map(RoleConfig::any))
    );
    controller
}

async fn bid(controller: &mut Controller, role: &str, config: Option<Any>) {
    controller.election_id = Some(1);
    let bid = MasterArbitrationUpdate {
        device_id: DEVICE,
        role: Some(Role {
            name: role.into(),
            config,
            ..Default::default()
        }),
        election_id: Some(election(1)),
        status: None,
    };
    controller.send(Outgoing::Arbitration(bid)).await;
}

/// Writes as a role: the code of the RPC, or of the only update.
async fn write_as(controller: &mut Controller, role: &str, update: Update) -> Code {
    let mut request = controller.write_request(vec![update]);
    request.role = role.into();
    match controller.client.write(request).await {
        Ok(_) => Code::Ok,
        Err(status) if status.code() == Code::Unknown => {
            p4runtime_proto::batch_error::decode(&status).unwrap()[0].grpc_code()
        }
        Err(status) => status.code(),
    }
}

async fn read_as(controller: &mut Controller, role: &str, entities: Vec<Entity>) -> Vec<Entity> {
    let request = ReadRequest {
        device_id: DEVICE,
        role: role.into(),
        entities,
    };
    let mut answer = controller.client.read(request).await.unwrap().into_inner();
    let mut found = Vec::new();
    while let Some(part) = answer.message().await.unwrap() {
        found.extend(part.entities);
    }
    found
}

const LPM: &str = "table_entry { table_id: $lpm_table match { field_id: 1 lpm { value: \"\\x0a\\x00\\x00\\x00\" prefix_len: 8 } } \
    action { action { action_id: $forward params { param_id: 1 value: \"\\x01\" } } } }";

const GROUP: &str =
    "packet_replication_engine_entry { multicast_group_entry { multicast_group_id: 1 } }";

#[tokio::test]
async fn a_role_writes_its_own_objects_and_no_others() {
    let (test, mut default) = TestSwitch::with_program().await;
    let config = RoleConfig {
        exclusive: vec![PROGRAM.id("exact_table")],
        shared: vec![PROGRAM.id("port_counter")],
        ..Default::default()
    };
    let mut acl = primary_of(&test, "acl", Some(&config)).await;
    assert_eq!(
        write_as(&mut acl, "acl", insert(&exact(1, 1))).await,
        Code::Ok
    );
    let denied = Code::PermissionDenied;
    assert_eq!(write_as(&mut acl, "acl", insert(LPM)).await, denied);
    assert_eq!(write_as(&mut acl, "acl", insert(GROUP)).await, denied);
    let counter =
        "counter_entry { counter_id: $port_counter index { index: 1 } data { packet_count: 1 } }";
    let counter = super::program::modify(counter);
    assert_eq!(write_as(&mut acl, "acl", counter).await, Code::Ok);
    // Section 5: the three of device, role and election id name the client.
    assert_eq!(write_as(&mut acl, "", insert(&exact(2, 1))).await, Code::Ok);
    assert_eq!(write_as(&mut acl, "qos", insert(LPM)).await, Code::NotFound);
    // The default role has full pipeline access.
    default
        .write(vec![insert(LPM), insert(GROUP), insert(&exact(3, 1))])
        .await;
}

/// Section 13: the role of a Read is a filter.
#[tokio::test]
async fn a_read_of_a_role_gives_what_belongs_to_it() {
    let (test, mut default) = TestSwitch::with_program().await;
    default
        .write(vec![insert(LPM), insert(&exact(1, 1)), insert(GROUP)])
        .await;
    let config = RoleConfig {
        shared: vec![PROGRAM.id("lpm_table")],
        ..Default::default()
    };
    let mut routing = primary_of(&test, "routing", Some(&config)).await;
    let all = || {
        vec![
            entity("table_entry { }"),
            entity("packet_replication_engine_entry { multicast_group_entry { } }"),
        ]
    };
    assert_eq!(read_as(&mut routing, "routing", all()).await, [entity(LPM)]);
    let more = read_as(&mut routing, "", all()).await;
    assert!(more.len() > 3, "and the const entries: {more:?}");
}

#[tokio::test]
async fn an_annotated_object_belongs_to_the_role_of_its_annotation() {
    let test = TestSwitch::start().await;
    let mut default = test.primary(1).await;
    let mut config = PROGRAM.config();
    for table in &mut config.p4info.as_mut().unwrap().tables {
        let preamble = table.preamble.as_mut().unwrap();
        if preamble.name.ends_with("lpm_table") {
            preamble
                .annotations
                .push("@p4runtime_role(\"routing\")".into());
        }
    }
    default
        .set(Action::VerifyAndCommit, Some(config))
        .await
        .unwrap();
    let mut routing = primary_of(&test, "routing", None).await;
    let mut other = primary_of(&test, "other", None).await;
    assert_eq!(
        write_as(&mut other, "other", insert(LPM)).await,
        Code::PermissionDenied
    );
    assert_eq!(
        write_as(&mut routing, "routing", insert(LPM)).await,
        Code::Ok
    );
    assert_eq!(
        write_as(&mut other, "other", insert(&exact(1, 1))).await,
        Code::Ok
    );
    let read = vec![entity("table_entry { table_id: $lpm_table }")];
    assert_eq!(read_as(&mut other, "other", read.clone()).await, []);
    assert_eq!(read_as(&mut routing, "routing", read).await.len(), 1);
}

#[tokio::test]
async fn a_role_without_the_right_cannot_set_the_pipeline() {
    let test = TestSwitch::start().await;
    for (role, can_push_pipeline, code) in [
        ("no", false, Code::PermissionDenied),
        ("yes", true, Code::Ok),
    ] {
        let config = RoleConfig {
            can_push_pipeline,
            ..Default::default()
        };
        let mut controller = primary_of(&test, role, Some(&config)).await;
        let request = p4runtime_proto::p4::v1::SetForwardingPipelineConfigRequest {
            device_id: DEVICE,
            role: role.into(),
            election_id: Some(election(1)),
            action: Action::VerifyAndCommit.into(),
            config: Some(PROGRAM.config()),
            ..Default::default()
        };
        let answer = controller
            .client
            .set_forwarding_pipeline_config(request)
            .await;
        assert_eq!(
            answer.map_or_else(|status| status.code(), |_| Code::Ok),
            code
        );
    }
}

/// Section 5.2: packets go to each role whose filter they pass.
#[tokio::test]
async fn packets_go_to_the_primary_of_each_role_that_receives_them() {
    let (test, mut default) = TestSwitch::with_program().await;
    let config = |receives_packet_ins, port: Option<u8>| RoleConfig {
        receives_packet_ins,
        filter: port.map(|port| Filter {
            metadata_id: 1,
            value: vec![port],
        }),
        ..Default::default()
    };
    let mut all = primary_of(&test, "all", Some(&config(true, None))).await;
    let mut three = primary_of(&test, "three", Some(&config(true, Some(3)))).await;
    let mut none = primary_of(&test, "none", Some(&config(false, None))).await;
    let (a, b) = (frame(1, 2, 0x88b5), frame(2, 2, 0x88b5));
    test.port(4).receive(&a);
    test.port(3).receive(&b);
    for controller in [&mut default, &mut all] {
        assert_eq!(controller.packet_in().await.payload, a);
        assert_eq!(controller.packet_in().await.payload, b);
    }
    assert_eq!(three.packet_in().await.payload, b);
    // It hears of another error before any packet.
    none.packet_out(Default::default()).await;
    assert_eq!(
        none.stream_error().await.canonical_code,
        Code::InvalidArgument as i32
    );
}

#[tokio::test]
async fn a_role_configuration_of_another_scheme_ends_the_stream_with_invalid_argument() {
    let test = TestSwitch::start().await;
    let mut controller = test.controller().await;
    let other = Any {
        type_url: "type.googleapis.com/vendor.Role".into(),
        value: vec![],
    };
    bid(&mut controller, "acl", Some(other)).await;
    let status = controller.next().await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("vendor.Role"), "{status}");
}

#[tokio::test]
async fn what_one_role_has_for_itself_another_cannot_claim() {
    let test = TestSwitch::start().await;
    let config = RoleConfig {
        exclusive: vec![PROGRAM.id("exact_table")],
        ..Default::default()
    };
    let _acl = primary_of(&test, "acl", Some(&config)).await;
    let mut other = test.controller().await;
    bid(&mut other, "other", Some(config.any())).await;
    assert_eq!(
        other.next().await.unwrap_err().code(),
        Code::InvalidArgument
    );
}

#[tokio::test]
async fn a_stream_cannot_change_its_role() {
    let test = TestSwitch::start().await;
    let mut acl = primary_of(&test, "acl", None).await;
    bid(&mut acl, "qos", None).await;
    assert_eq!(
        acl.next().await.unwrap_err().code(),
        Code::FailedPrecondition
    );
}
