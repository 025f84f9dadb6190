//! The Write and Read RPCs: the order of checks, batches and their errors (sections 12 and 13).

use p4runtime_proto::batch_error;
use p4runtime_proto::p4::v1::{Entity, ReadRequest, Update};
use tonic::Code;

use super::program::{delete, entity, exact, insert};
use super::support::{DEVICE, TestSwitch, election};

/// Section 12: NOT_FOUND, then PERMISSION_DENIED, then FAILED_PRECONDITION.
#[tokio::test]
async fn the_checks_of_a_write_come_in_the_order_of_the_specification() {
    let test = TestSwitch::start().await;
    let mut primary = test.primary(2).await;
    let mut request = primary.write_request(vec![insert(&exact(1, 1))]);
    request.device_id = DEVICE + 1;
    request.election_id = Some(election(1));
    let mut write = primary.client.clone();
    let mut code = async |request| write.write(request).await.unwrap_err().code();
    assert_eq!(code(request.clone()).await, Code::NotFound);
    request.device_id = DEVICE;
    request.role = "acl".into();
    assert_eq!(code(request.clone()).await, Code::NotFound);
    request.role.clear();
    assert_eq!(code(request.clone()).await, Code::PermissionDenied);
    request.election_id = Some(election(2));
    assert_eq!(code(request.clone()).await, Code::FailedPrecondition);
    primary.load().await.unwrap();
}

/// Section 12.3: one error for each update, in their order, and the others are carried out.
#[tokio::test]
async fn every_update_of_a_batch_is_tried_and_has_its_error() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let errors = primary
        .try_write(vec![
            insert(&exact(1, 1)),
            insert(&exact(1, 2)),
            delete(&exact(2, 2)),
            insert(&exact(3, 3)),
        ])
        .await;
    let codes: Vec<_> = errors.iter().map(|error| error.grpc_code()).collect();
    assert_eq!(
        codes,
        [Code::Ok, Code::AlreadyExists, Code::NotFound, Code::Ok]
    );
    assert!(errors[1].message.contains("exact_table"), "{:?}", errors[1]);
    let all = primary
        .read(entity("table_entry { table_id: $exact_table }"))
        .await;
    assert_eq!(all.len(), 2);
}

#[tokio::test]
async fn an_update_without_type_or_entity_is_invalid() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let mut untyped = insert(&exact(1, 1));
    untyped.r#type = 0;
    assert_eq!(primary.refused(untyped).await.0, Code::InvalidArgument);
    let mut empty: Update = insert(&exact(1, 1));
    empty.entity = Some(Entity::default());
    assert_eq!(primary.refused(empty).await.0, Code::InvalidArgument);
}

#[tokio::test]
async fn a_large_batch_of_errors_reaches_the_client() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let errors = primary.try_write(vec![delete(&exact(9, 9)); 500]).await;
    assert!(
        errors
            .iter()
            .all(|error| error.grpc_code() == Code::NotFound)
    );
}

/// Section 13.
#[tokio::test]
async fn the_checks_of_a_read() {
    let test = TestSwitch::start().await;
    let mut primary = test.primary(1).await;
    let all = entity("table_entry { }");
    let request = ReadRequest {
        device_id: DEVICE + 1,
        entities: vec![all.clone()],
        ..Default::default()
    };
    let status = primary.client.read(request).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let (_, result) = primary.try_read(vec![all.clone()]).await;
    assert_eq!(result.unwrap_err().code(), Code::FailedPrecondition);
    primary.load().await.unwrap();
    let (_, result) = primary.try_read(vec![all, Entity::default()]).await;
    assert_eq!(result.unwrap_err().code(), Code::InvalidArgument);
}

/// Section 13.3 and its example.
#[tokio::test]
async fn the_valid_requests_of_a_read_batch_are_answered_and_the_others_have_errors() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    primary.write(vec![insert(&exact(1, 1))]).await;
    let batch = vec![
        entity("table_entry { table_id: $exact_table }"),
        entity("table_entry { table_id: 7 }"),
        entity("counter_entry { counter_id: 7 }"),
        entity("table_entry { table_id: $exact_table }"),
    ];
    let (found, result) = primary.try_read(batch).await;
    assert_eq!(found.len(), 2, "an entity may come more than once");
    let status = result.unwrap_err();
    assert_eq!(status.code(), Code::Unknown);
    let errors = batch_error::decode(&status).unwrap();
    let codes: Vec<_> = errors.iter().map(|error| error.grpc_code()).collect();
    let bad = Code::InvalidArgument;
    assert_eq!(codes, [Code::Ok, bad, bad, Code::Ok]);
}

/// Section 13: a Read needs neither election id nor stream.
#[tokio::test]
async fn a_read_needs_no_stream() {
    let (test, mut primary) = TestSwitch::with_program().await;
    primary.write(vec![insert(&exact(1, 1))]).await;
    let request = ReadRequest {
        device_id: DEVICE,
        entities: vec![entity("table_entry { table_id: $exact_table }")],
        ..Default::default()
    };
    let mut client = test.client().await;
    let mut answer = client.read(request).await.unwrap().into_inner();
    assert_eq!(answer.message().await.unwrap().unwrap().entities.len(), 1);
}

#[tokio::test]
async fn architecture_specific_externs_are_unimplemented() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let one = insert("extern_entry { extern_type_id: 200 extern_id: 1 }");
    assert_eq!(primary.refused(one).await.0, Code::Unimplemented);
    assert_eq!(primary.read(entity("extern_entry { }")).await, []);
}
