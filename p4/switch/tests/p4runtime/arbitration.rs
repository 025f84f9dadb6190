//! Client arbitration (sections 5 and 16.2). The rules themselves are tested beside
//! `src/p4runtime/arbitration.rs`; here is what clients see.

use p4runtime_proto::p4::v1::CapabilitiesRequest;
use tonic::Code;

use super::program::{exact, insert};
use super::support::{DEVICE, TestSwitch, election};

#[tokio::test]
async fn a_stream_for_an_unknown_device_ends_with_not_found() {
    let test = TestSwitch::start().await;
    let mut controller = test.controller().await;
    controller.send_bid(DEVICE + 1, Some(1)).await;
    let status = controller.next().await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(status.message(), "device 4: this server has device 3 only");
}

#[tokio::test]
async fn an_election_id_that_is_in_use_ends_the_stream_with_invalid_argument() {
    let test = TestSwitch::start().await;
    let _primary = test.primary(1).await;
    let mut other = test.controller().await;
    other.send_bid(DEVICE, Some(1)).await;
    assert_eq!(
        other.next().await.unwrap_err().code(),
        Code::InvalidArgument
    );
}

#[tokio::test]
async fn when_the_primary_channel_breaks_the_others_are_told_and_none_becomes_primary() {
    let test = TestSwitch::start().await;
    let mut primary = test.primary(5).await;
    primary.load().await.unwrap();
    let mut backup = test.controller().await;
    assert_eq!(backup.bid(4).await, (Code::AlreadyExists, Some(5)));
    primary.leave().await;
    assert_eq!(backup.arbitration().await, (Code::NotFound, Some(5)));
    let request = backup.write_request(vec![insert(&exact(1, 1))]);
    let status = backup.client.write(request).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    // The highest election id that was ever seen makes it primary.
    assert_eq!(backup.bid(5).await, (Code::Ok, Some(5)));
    backup.write(vec![insert(&exact(1, 1))]).await;
}

#[tokio::test]
async fn a_client_that_is_cancelled_is_gone() {
    let test = TestSwitch::start().await;
    let primary = test.primary(5).await;
    let mut backup = test.controller().await;
    backup.bid(4).await;
    drop(primary);
    assert_eq!(backup.arbitration().await, (Code::NotFound, Some(5)));
}

#[tokio::test]
async fn a_new_primary_takes_the_right_to_write_from_the_old_one() {
    let test = TestSwitch::start().await;
    let mut old = test.primary(1).await;
    old.load().await.unwrap();
    let mut new = test.primary(2).await;
    assert_eq!(old.arbitration().await, (Code::AlreadyExists, Some(2)));
    let request = old.write_request(vec![insert(&exact(1, 1))]);
    let status = old.client.write(request).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.message().contains("election id 1"), "{status}");
    new.write(vec![insert(&exact(1, 1))]).await;
}

#[tokio::test]
async fn a_write_without_stream_is_denied() {
    let test = TestSwitch::start().await;
    let mut client = test.client().await;
    let mut request = test.controller().await.write_request(vec![]);
    for election_id in [None, Some(election(1))] {
        request.election_id = election_id;
        let status = client.write(request.clone()).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
    }
}

/// Section 17.
#[tokio::test]
async fn capabilities_give_the_version_of_the_api() {
    let test = TestSwitch::start().await;
    let mut client = test.client().await;
    for device_id in [0, DEVICE] {
        let answer = client.capabilities(CapabilitiesRequest { device_id }).await;
        assert_eq!(answer.unwrap().into_inner().p4runtime_api_version, "1.5.0");
    }
    let request = CapabilitiesRequest { device_id: 9 };
    let status = client.capabilities(request).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}
