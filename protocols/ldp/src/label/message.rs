//! Messages to peers: RFC 5036 appendix A.2.3 to A.2.5.

use std::collections::VecDeque;

use mpls::Label;

use super::LabelOutput;
use super::peer::Peer;
use crate::PrefixFec;
use crate::packet::{
    Body, FecElement, LabelAbortRequest, LabelRelease, LabelWithdraw, Notification, Status,
    StatusCode,
};

/// Status codes about labels (RFC 5036 section 3.9, RFC 5919 section 4, RFC 7307 section 5.1).
pub(super) mod status {
    use crate::packet::StatusCode;

    pub(in crate::label) const UNKNOWN_MESSAGE_TYPE: StatusCode = StatusCode(0x04);
    pub(in crate::label) const UNKNOWN_TLV: StatusCode = StatusCode(0x06);
    pub(in crate::label) const MALFORMED_TLV_VALUE: StatusCode = StatusCode(0x08);
    pub(in crate::label) const LOOP_DETECTED: StatusCode = StatusCode(0x0B);
    pub(in crate::label) const UNKNOWN_FEC: StatusCode = StatusCode(0x0C);
    pub(in crate::label) const NO_ROUTE: StatusCode = StatusCode(0x0D);
    pub(in crate::label) const NO_LABEL_RESOURCES: StatusCode = StatusCode(0x0E);
    pub(in crate::label) const LABEL_RESOURCES_AVAILABLE: StatusCode = StatusCode(0x0F);
    pub(in crate::label) const LABEL_REQUEST_ABORTED: StatusCode = StatusCode(0x15);
    pub(in crate::label) const MISSING_MESSAGE_PARAMETERS: StatusCode = StatusCode(0x16);
    pub(in crate::label) const UNSUPPORTED_ADDRESS_FAMILY: StatusCode = StatusCode(0x17);
    pub(in crate::label) const END_OF_LIB: StatusCode = StatusCode(0x2F);
    pub(in crate::label) const INVALID_TOPOLOGY_ID: StatusCode = StatusCode(0x31);
}

/// Message types, for the Status TLV's Message Type field.
pub(super) mod message_type {
    pub(in crate::label) const LABEL_MAPPING: u16 = 0x0400;
    pub(in crate::label) const LABEL_REQUEST: u16 = 0x0401;
    pub(in crate::label) const LABEL_ABORT_REQUEST: u16 = 0x0404;
}

/// Send_Message (appendix A.2.5).
pub(super) fn send_message(output: &mut VecDeque<LabelOutput>, peer: &mut Peer, body: Body) {
    send_message_with_id(output, peer, None, body);
}

/// Send_Message with a Message ID of its own.
pub(super) fn send_message_with_id(
    output: &mut VecDeque<LabelOutput>,
    peer: &mut Peer,
    id: Option<u32>,
    body: Body,
) {
    if !peer.is_open() {
        return;
    }
    let counters = &mut peer.counters;
    match &body {
        Body::LabelMapping(_) => counters.mappings_sent += 1,
        Body::LabelRequest(_) => counters.requests_sent += 1,
        Body::LabelWithdraw(_) => counters.withdraws_sent += 1,
        Body::LabelRelease(_) => counters.releases_sent += 1,
        _ => {}
    }
    output.push_back(LabelOutput::Send {
        peer: peer.id,
        id,
        body,
    });
}

/// A status that does not end the session.
pub(super) fn advisory(code: StatusCode, message_id: u32, message_type: u16) -> Status {
    Status {
        code,
        fatal: false,
        forward: false,
        message_id,
        message_type,
    }
}

/// Send_Notification (appendix A.2.4).
pub(super) fn send_notification(
    output: &mut VecDeque<LabelOutput>,
    peer: &mut Peer,
    status: Status,
) {
    send_message(
        output,
        peer,
        Body::Notification(Box::new(notification(status))),
    );
}

/// A Notification of nothing but a status.
pub(super) fn notification(status: Status) -> Notification {
    Notification {
        status,
        extended_status: None,
        returned_pdu: None,
        returned_message: None,
        returned_tlvs: Vec::new(),
        fec: Vec::new(),
        request_id: None,
    }
}

/// Send_Label_Withdraw (appendix A.2.3). SWd.2's record is the caller's.
///
/// There is no Label TLV: all labels of the FEC are withdrawn (section 3.5.10.1), of which there is one.
/// The answer has none either (LWd.2), whereas a peer that releases a label by itself says which. So the
/// two are not taken for each other when they cross.
pub(super) fn send_label_withdraw(
    output: &mut VecDeque<LabelOutput>,
    peer: &mut Peer,
    fec: PrefixFec,
) {
    let withdraw = LabelWithdraw {
        fec: vec![FecElement::Prefix(fec)],
        label: None,
    };
    send_message(output, peer, Body::LabelWithdraw(withdraw));
}

/// A Label Release of one FEC.
pub(super) fn send_label_release(
    output: &mut VecDeque<LabelOutput>,
    peer: &mut Peer,
    fec: PrefixFec,
    label: Label,
    status: Option<Status>,
) {
    let release = LabelRelease {
        fec: vec![FecElement::Prefix(fec)],
        label: Some(label),
        status,
    };
    send_message(output, peer, Body::LabelRelease(release));
}

/// A Label Abort Request.
pub(super) fn send_label_abort_request(
    output: &mut VecDeque<LabelOutput>,
    peer: &mut Peer,
    fec: PrefixFec,
    request_id: u32,
) {
    let abort = LabelAbortRequest {
        fec: vec![FecElement::Prefix(fec)],
        request_id,
    };
    send_message(output, peer, Body::LabelAbortRequest(abort));
}
