//! What clients send on their StreamChannel (section 16).

use std::sync::Arc;
use std::time::Duration;

use p4runtime_proto::p4::v1::{
    DigestListAckError, PacketOutError, StreamError, StreamMessageRequest, StreamOtherError,
    stream_error::Details, stream_message_request::Update as Incoming,
    stream_message_response::Update as Outgoing,
};
use tonic::{Status, Streaming};

use super::arbitration::StreamId;
use super::packet_io::decode_packet_out;
use super::refusal::Refusal;
use super::service::Shared;

/// Longest packet that a port of any kind can send.
const MAX_PACKET: usize = 65_535;

/// Longest content of a message that is sent back in a StreamError: many such errors may wait for
/// a client that does not read them.
const MAX_ECHO: usize = 2048;

/// Handles the messages of one stream until it ends; then the controller is gone. One that has not
/// bid in `arbitration_time` is ended.
pub(super) async fn serve(
    shared: Arc<Shared>,
    stream: StreamId,
    arbitration_time: Duration,
    mut messages: Streaming<StreamMessageRequest>,
) {
    let mut late = std::pin::pin!(tokio::time::sleep(arbitration_time));
    let mut has_bid = false;
    let status = loop {
        let message = tokio::select! {
            message = messages.message() => message,
            () = &mut late, if !has_bid => {
                break Some(Status::deadline_exceeded(format!(
                    "no MasterArbitrationUpdate came in {arbitration_time:?}"
                )));
            }
        };
        match message {
            Ok(Some(message)) => {
                has_bid |= matches!(message.update, Some(Incoming::Arbitration(_)));
                if let Err(status) = handle(&shared, stream, message).await {
                    break Some(status);
                }
            }
            // The client has closed its side, or the connection is broken.
            Ok(None) | Err(_) => break None,
        }
    };
    if let Some(status) = &status {
        tracing::warn!(code = ?status.code(), reason = status.message(), "stream closed");
    }
    shared.controllers().close(stream, status);
}

/// Handles one message. An error ends the stream.
async fn handle(
    shared: &Shared,
    stream: StreamId,
    message: StreamMessageRequest,
) -> Result<(), Status> {
    let (refusal, details) = match message.update {
        Some(Incoming::Arbitration(bid)) => {
            // Section 16.6: arbitration errors end the stream, they are no StreamError.
            if shared.controllers().update(stream, &bid)? {
                shared.confirm_primary(stream).await;
            }
            return Ok(());
        }
        Some(Incoming::Packet(packet)) => {
            let result = shared
                .controllers()
                .check_primary_stream(stream)
                .and_then(|()| send_out(shared, &packet));
            let small = packet.payload.len() <= MAX_ECHO;
            let details = PacketOutError {
                packet_out: small.then_some(packet),
            };
            (result.err(), Details::PacketOut(details))
        }
        Some(Incoming::DigestAck(acknowledgement)) => {
            let result = shared
                .controllers()
                .check_primary_stream(stream)
                .and_then(|()| match shared.schema() {
                    Some(schema) => schema.digest(acknowledgement.digest_id).map(drop),
                    None => Err(no_pipeline()),
                })
                .map(|()| {
                    let mut digests = shared.digests();
                    digests.acknowledge(acknowledgement.digest_id, acknowledgement.list_id);
                });
            let details = DigestListAckError {
                digest_list_ack: Some(acknowledgement),
            };
            (result.err(), Details::DigestListAck(details))
        }
        Some(Incoming::Other(other)) => (
            Some(Refusal::unimplemented(format!(
                "this switch has no stream messages of type {}",
                other.type_url
            ))),
            Details::Other(StreamOtherError {
                other: (other.value.len() <= MAX_ECHO).then_some(other),
            }),
        ),
        None => (
            Some(Refusal::invalid_argument("the stream message is not set")),
            Details::Other(StreamOtherError::default()),
        ),
    };
    if let Some(Refusal { code, message }) = refusal {
        let error = StreamError {
            canonical_code: code as i32,
            message,
            details: Some(details),
            ..Default::default()
        };
        shared.controllers().notify(stream, Outgoing::Error(error));
    }
    Ok(())
}

fn send_out(shared: &Shared, packet: &p4runtime_proto::p4::v1::PacketOut) -> Result<(), Refusal> {
    if packet.payload.len() > MAX_PACKET {
        return Err(Refusal::invalid_argument(format!(
            "a packet of {} bytes is longer than {MAX_PACKET}, which no port can send",
            packet.payload.len()
        )));
    }
    let schema = shared.schema().ok_or_else(no_pipeline)?;
    let bytes = decode_packet_out(schema.packet_out.as_deref(), packet)?;
    Ok(shared.switch.packet_out(&bytes)?)
}

fn no_pipeline() -> Refusal {
    Refusal::failed_precondition("there is no forwarding-pipeline configuration")
}
