//! PacketIn, PacketOut, digests and stream errors (sections 9.8, 16.1, 16.3 and 16.6).

use p4runtime_proto::p4::v1::{
    DigestListAck, PacketMetadata, PacketOut, p4_data::Data, stream_error::Details,
    stream_message_request::Update as Outgoing, stream_message_response::Update as Incoming,
};
use tonic::Code;

use super::program::{PROGRAM, delete, entity, frame, insert, modify};
use super::support::{CPU_PORT, TestSwitch};

fn metadata(values: &[(u32, &[u8])]) -> Vec<PacketMetadata> {
    let values = values.iter().map(|(metadata_id, value)| PacketMetadata {
        metadata_id: *metadata_id,
        value: value.to_vec(),
    });
    values.collect()
}

/// A PacketOut that the program sends back to the controller: to the CPU port.
fn echo(payload: Vec<u8>) -> PacketOut {
    PacketOut {
        payload,
        metadata: metadata(&[(1, &[(CPU_PORT >> 8) as u8, CPU_PORT as u8]), (2, b"\x00")]),
    }
}

#[tokio::test]
async fn a_packet_for_the_cpu_reaches_the_primary_with_all_metadata() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    // The program sends what it gets from the CPU where the header says, as it is: this is a
    // packet_in header with port 7 and reason 5, and a frame.
    let mut payload = vec![0x03, 0x85];
    payload.extend(frame(1, 2, 7));
    primary.packet_out(echo(payload)).await;
    let packet = primary.packet_in().await;
    assert_eq!(packet.payload, frame(1, 2, 7));
    assert_eq!(packet.metadata, metadata(&[(1, b"\x07"), (2, b"\x05")]));
}

/// Section 16.6, the examples.
#[tokio::test]
async fn a_packet_out_with_wrong_metadata_is_dropped_with_a_stream_error_to_its_sender() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    type Metadata<'a> = &'a [(u32, &'a [u8])];
    let cases: [(Metadata<'_>, Code, &str); 4] = [
        (&[(1, b"\x01")], Code::InvalidArgument, "metadata 2"),
        (
            &[(1, b"\x01"), (2, b"\x00"), (7, b"\x00")],
            Code::InvalidArgument,
            "no metadata 7",
        ),
        (
            &[(1, b"\x02\x00"), (2, b"\x00")],
            Code::OutOfRange,
            "9 bits",
        ),
        (&[(1, b""), (2, b"\x00")], Code::OutOfRange, "empty"),
    ];
    for (values, code, words) in cases {
        let packet = PacketOut {
            payload: frame(1, 2, 7),
            metadata: metadata(values),
        };
        primary.packet_out(packet.clone()).await;
        let error = primary.stream_error().await;
        assert_eq!(Code::from_i32(error.canonical_code), code, "{error:?}");
        assert!(error.message.contains(words), "{error:?}");
        let Some(Details::PacketOut(details)) = error.details else {
            panic!("no details");
        };
        assert_eq!(details.packet_out, Some(packet));
    }
}

#[tokio::test]
async fn only_the_primary_may_send_packets() {
    let (test, _primary) = TestSwitch::with_program().await;
    let mut backup = test.controller().await;
    backup.packet_out(echo(frame(1, 2, 7))).await;
    let error = backup.stream_error().await;
    assert_eq!(Code::from_i32(error.canonical_code), Code::PermissionDenied);
    assert!(
        error
            .message
            .contains("MasterArbitrationUpdate comes first"),
        "{error:?}"
    );
    backup.bid(0).await;
    backup.packet_out(echo(frame(1, 2, 7))).await;
    let error = backup.stream_error().await;
    assert_eq!(Code::from_i32(error.canonical_code), Code::PermissionDenied);
}

#[tokio::test]
async fn stream_messages_that_make_no_sense_are_answered_with_errors() {
    let test = TestSwitch::start().await;
    let mut primary = test.primary(1).await;
    primary.packet_out(PacketOut::default()).await;
    let error = primary.stream_error().await;
    assert_eq!(
        Code::from_i32(error.canonical_code),
        Code::FailedPrecondition
    );
    primary.load().await.unwrap();
    primary.send(Outgoing::Other(Default::default())).await;
    let error = primary.stream_error().await;
    assert_eq!(Code::from_i32(error.canonical_code), Code::Unimplemented);
    let acknowledgement = DigestListAck {
        digest_id: 9,
        list_id: 1,
    };
    primary.send(Outgoing::DigestAck(acknowledgement)).await;
    let error = primary.stream_error().await;
    assert_eq!(Code::from_i32(error.canonical_code), Code::InvalidArgument);
    assert!(
        matches!(error.details, Some(Details::DigestListAck(_))),
        "{error:?}"
    );
}

/// A client that does not read loses packets; the switch and the other clients do not wait.
#[tokio::test]
async fn a_slow_client_does_not_hold_up_the_switch() {
    let (test, mut primary) = TestSwitch::with_program().await;
    let mut payload = vec![0x03, 0x85];
    payload.extend(vec![0; 9000]);
    for _ in 0..10_000 {
        primary.packet_out(echo(payload.clone())).await;
    }
    let mut other = test.controller().await;
    assert_eq!(other.bid(0).await, (Code::AlreadyExists, Some(1)));
    assert_eq!(primary.read(entity("counter_entry { }")).await.len(), 16);
    // What was not dropped is still there to read.
    assert_eq!(primary.packet_in().await.payload.len(), 9000);
}

#[tokio::test]
async fn digests_are_configured() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let name = &PROGRAM.info.digests[0].preamble.as_ref().unwrap().name;
    let name = name.rsplit('.').next().unwrap();
    let digest = |config: &str| format!("digest_entry {{ digest_id: ${name} {config} }}");
    let config = digest("config { max_timeout_ns: 5 max_list_size: 6 ack_timeout_ns: 7 }");
    assert_eq!(primary.refused(modify(&config)).await.0, Code::NotFound);
    assert_eq!(primary.refused(delete(&config)).await.0, Code::NotFound);
    assert_eq!(primary.written(insert(&config)).await, [entity(&config)]);
    assert_eq!(
        primary.refused(insert(&config)).await.0,
        Code::AlreadyExists
    );
    let negative = digest("config { max_list_size: -1 }");
    assert_eq!(
        primary.refused(modify(&negative)).await.0,
        Code::InvalidArgument
    );
    let other = digest("config { max_list_size: 1 }");
    assert_eq!(primary.written(modify(&other)).await, [entity(&other)]);
    primary.write(vec![delete(&digest(""))]).await;
    assert_eq!(primary.read(entity("digest_entry { }")).await, []);
}

#[tokio::test]
async fn a_digest_list_reaches_the_primary() {
    let (test, mut primary) = TestSwitch::with_program().await;
    let id = PROGRAM.info.digests[0].preamble.as_ref().unwrap().id;
    let text = format!("digest_entry {{ digest_id: {id} config {{ max_list_size: 1 }} }}");
    primary.write(vec![insert(&text)]).await;
    let _ = test.switch.process(5, &frame(1, 2, 0x88b6));
    let Incoming::Digest(list) = primary.next().await.unwrap() else {
        panic!("no digest");
    };
    assert_eq!(list.digest_id, id);
    let [data] = list.data.as_slice() else {
        panic!("{list:?}");
    };
    let Some(Data::Struct(learned)) = &data.data else {
        panic!("{data:?}");
    };
    let values: Vec<_> = learned
        .members
        .iter()
        .map(|member| member.data.clone())
        .collect();
    let bits = |value: u8| Some(Data::Bitstring(vec![value]));
    assert_eq!(values, [bits(2), bits(5)]);
}
