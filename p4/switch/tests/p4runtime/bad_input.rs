//! What a server on an open port must bear: garbage, half-open connections, messages without end,
//! clients that never read. Each time a good client is served beside it.

use std::time::Duration;

use p4_switch::p4runtime::Limits;
use p4runtime_proto::p4::v1::{
    CapabilitiesRequest, PacketOut, PacketOutError, stream_error::Details,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;

use super::program::{exact, insert};
use super::support::TestSwitch;

async fn connect(test: &TestSwitch) -> TcpStream {
    let address = test.address.trim_start_matches("http://").to_owned();
    TcpStream::connect(address).await.unwrap()
}

/// The server closes the connection, after at most a second.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut sink = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(1), stream.read_to_end(&mut sink));
    end.await.is_ok()
}

async fn assert_served(test: &TestSwitch) {
    let request = CapabilitiesRequest::default();
    test.client().await.capabilities(request).await.unwrap();
}

#[tokio::test]
async fn garbage_on_the_port_is_closed() {
    let test = TestSwitch::start().await;
    for garbage in [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".as_slice(),
        &[0xff; 4096],
        &[22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        let mut stream = connect(&test).await;
        stream.write_all(garbage).await.unwrap();
        assert!(is_closed(&mut stream).await, "{garbage:02x?}");
    }
    assert_served(&test).await;
}

#[tokio::test]
async fn half_open_connections_by_the_thousand_keep_no_one_out() {
    let limits = Limits {
        half_open: 16,
        ..Limits::default()
    };
    let test = TestSwitch::start_with(|listener| Ok(listener.with_limits(limits))).await;
    let mut streams = Vec::new();
    for index in 0..2000 {
        let mut stream = connect(&test).await;
        // Some say nothing, some begin well.
        if index % 2 == 0 {
            stream.write_all(b"PRI * HTTP/2.0").await.unwrap();
        }
        streams.push(stream);
        // Those of this process count as open files too.
        if streams.len() > 200 {
            assert!(is_closed(&mut streams.remove(0)).await);
        }
    }
    assert_served(&test).await;
}

#[tokio::test]
async fn a_connection_that_does_not_go_on_is_closed() {
    let limits = Limits {
        handshake: Duration::from_millis(50),
        ..Limits::default()
    };
    let test = TestSwitch::start_with(|listener| Ok(listener.with_limits(limits))).await;
    let mut stream = connect(&test).await;
    stream.write_all(b"PRI").await.unwrap();
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn more_connections_than_the_limit_are_closed_and_those_that_are_open_go_on() {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let test = TestSwitch::start_with(|listener| Ok(listener.with_limits(limits))).await;
    let mut first = test.primary(1).await;
    let mut second = connect(&test).await;
    second
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    assert!(is_closed(&mut second).await);
    first.load().await.unwrap();
    // Room is there again once it leaves.
    first.leave().await;
    for _ in 0..100 {
        let channel = tonic::transport::Channel::from_shared(test.address.clone()).unwrap();
        if channel.connect().await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the connection that ended still counts");
}

/// Whether there is a HEADERS frame with the END_STREAM flag among HTTP/2 frames.
fn ends_stream(mut frames: &[u8]) -> bool {
    while let [a, b, c, kind, flags, _, _, _, _, rest @ ..] = frames {
        if *kind == 1 && flags & 1 == 1 {
            return true;
        }
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        frames = rest.get(length..).unwrap_or_default();
    }
    false
}

/// The frames that start a Write on a stream of HTTP/2, with the first bytes of its body.
fn unfinished_write(stream: u32, length: u32) -> Vec<u8> {
    let mut headers = vec![0x83, 0x86]; // :method POST, :scheme http
    let mut literal = |name: &str, value: &str| {
        headers.push(0);
        headers.push(name.len() as u8);
        headers.extend(name.as_bytes());
        headers.push(value.len() as u8);
        headers.extend(value.as_bytes());
    };
    literal(":path", "/p4.v1.P4Runtime/Write");
    literal(":authority", "x");
    literal("content-type", "application/grpc");
    literal("te", "trailers");
    let mut bytes = vec![0, 0, headers.len() as u8, 1, 4]; // HEADERS
    bytes.extend(stream.to_be_bytes());
    bytes.extend(headers);
    bytes.extend([0, 0, 5, 0, 0]); // DATA
    bytes.extend(stream.to_be_bytes());
    bytes.push(0); // not compressed
    bytes.extend(length.to_be_bytes());
    bytes
}

/// What a client of HTTP/2 says first, and empty SETTINGS.
const START: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A message of a gigabyte is refused when its length is known, not when it has come.
#[tokio::test]
async fn a_message_of_a_gigabyte_is_refused_by_its_length() {
    let test = TestSwitch::start().await;
    let mut stream = connect(&test).await;
    stream.write_all(START).await.unwrap();
    stream
        .write_all(&unfinished_write(1, 1 << 30))
        .await
        .unwrap();
    let mut answer = Vec::new();
    let refused = async {
        while !ends_stream(&answer) {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
        }
    };
    let refused = tokio::time::timeout(Duration::from_secs(5), refused).await;
    refused.expect("an answer before the message has come");
    assert_served(&test).await;
}

/// As many requests as the server works on at a time, all of one connection, and none goes on.
#[tokio::test]
async fn requests_that_do_not_go_on_hold_up_their_own_connection_only() {
    let test = TestSwitch::start().await;
    let mut stream = connect(&test).await;
    stream.write_all(START).await.unwrap();
    for index in 0..40 {
        let unfinished = unfinished_write(2 * index + 1, 100);
        stream.write_all(&unfinished).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    for _ in 0..10 {
        let served = tokio::time::timeout(Duration::from_secs(5), assert_served(&test));
        served.await.expect("another client is served");
    }
}

#[tokio::test]
async fn streams_of_one_connection_are_limited() {
    let test = TestSwitch::start().await;
    let client = test.client().await;
    let mut streams = Vec::new();
    let refused = loop {
        let (sender, messages) = tokio::sync::mpsc::channel::<_>(1);
        let messages = tokio_stream::wrappers::ReceiverStream::new(messages);
        match client.clone().stream_channel(messages).await {
            Ok(answer) => streams.push((sender, answer)),
            Err(status) => break status,
        }
    };
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(streams.len(), Limits::default().streams_per_connection);
    test.primary(1).await;
}

#[tokio::test]
async fn a_stream_that_does_not_bid_ends() {
    let limits = Limits {
        arbitration_time: Duration::from_millis(200),
        ..Limits::default()
    };
    let test = TestSwitch::start_with(|listener| Ok(listener.with_limits(limits))).await;
    let mut primary = test.primary(1).await;
    let mut silent = test.controller().await;
    let status = silent.next().await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    assert_eq!(test.service.statistics().streams, 1);
    primary.load().await.unwrap();
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_the_connection_goes_on() {
    let limits = Limits {
        message: 4 << 20,
        ..Limits::default()
    };
    let test = TestSwitch::start_with(|listener| Ok(listener.with_limits(limits))).await;
    let mut primary = test.primary(1).await;
    primary.load().await.unwrap();
    let request = primary.write_request(vec![insert(&exact(1, 1)); 300_000]);
    let status = primary.client.write(request).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status}");
    primary.write(vec![insert(&exact(1, 1))]).await;
}

/// More packets come than any queue holds, for a controller that reads none of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads_stops_neither_the_switch_nor_others() {
    let (test, mut primary) = TestSwitch::with_program().await;
    let mut punted = super::program::frame(1, 2, 0x88b5);
    punted.resize(1500, 0);
    let port = test.port(3);
    let dropped = || test.service.statistics().dropped_for_slow_client;
    for _ in 0..2000 {
        for _ in 0..100 {
            port.receive(&punted);
        }
        if dropped() > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(dropped() > 0, "the queue has no bound");
    primary.write(vec![insert(&exact(1, 1))]).await;
    let mut other = test.controller().await;
    assert_eq!(other.bid(9).await, (Code::Ok, Some(9)));
    port.receive(&punted);
    assert_eq!(other.packet_in().await.payload, punted);
}

#[tokio::test]
async fn streams_that_say_nothing_are_limited() {
    let test = TestSwitch::start().await;
    let mut silent = Vec::new();
    let refused = loop {
        let mut client = test.client().await;
        let (sender, messages) = tokio::sync::mpsc::channel::<_>(1);
        let messages = tokio_stream::wrappers::ReceiverStream::new(messages);
        match client.stream_channel(messages).await {
            Ok(answer) => silent.push((sender, answer, client)),
            Err(status) => break status,
        }
        assert!(silent.len() < 1000, "no limit");
    };
    assert_eq!(refused.code(), Code::ResourceExhausted);
    silent.clear();
    assert_served(&test).await;
}

/// Section 16.6.1, the example of a packet beyond the MTU.
#[tokio::test]
async fn a_packet_out_that_no_port_can_send_is_refused_without_its_content() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let payload = vec![0; 1 << 20];
    let metadata = Vec::new();
    primary.packet_out(PacketOut { payload, metadata }).await;
    let error = primary.stream_error().await;
    assert_eq!(error.canonical_code, Code::InvalidArgument as i32);
    assert!(error.message.contains("65535"), "{}", error.message);
    let empty = Details::PacketOut(PacketOutError { packet_out: None });
    assert_eq!(error.details, Some(empty));
    primary.write(vec![insert(&exact(1, 1))]).await;
}
