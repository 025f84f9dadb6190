//! Counting.

use super::view::{ErrorCounts, MessageCounts, Statistics};
use crate::packet::{Body, StatusCode};

impl MessageCounts {
    /// Counts a message.
    pub(super) fn count(&mut self, body: &Body) {
        let count = match body {
            Body::LabelMapping(_) => &mut self.label_mapping,
            Body::Notification(_) => &mut self.notification,
            Body::Hello(_) => &mut self.hello,
            Body::Initialization(_) => &mut self.initialization,
            Body::KeepAlive => &mut self.keepalive,
            Body::Capability(_) => &mut self.capability,
            Body::Address(_) => &mut self.address,
            Body::AddressWithdraw(_) => &mut self.address_withdraw,
            Body::LabelRequest(_) => &mut self.label_request,
            Body::LabelWithdraw(_) => &mut self.label_withdraw,
            Body::LabelRelease(_) => &mut self.label_release,
            Body::LabelAbortRequest(_) => &mut self.label_abort_request,
            Body::Unknown { .. } => &mut self.unknown,
        };
        *count += 1;
    }

    fn add(&mut self, other: &Self) {
        let Self {
            pdus,
            octets,
            notification,
            hello,
            initialization,
            keepalive,
            capability,
            address,
            address_withdraw,
            label_mapping,
            label_request,
            label_withdraw,
            label_release,
            label_abort_request,
            unknown,
        } = other;
        self.pdus += pdus;
        self.octets += octets;
        self.notification += notification;
        self.hello += hello;
        self.initialization += initialization;
        self.keepalive += keepalive;
        self.capability += capability;
        self.address += address;
        self.address_withdraw += address_withdraw;
        self.label_mapping += label_mapping;
        self.label_request += label_request;
        self.label_withdraw += label_withdraw;
        self.label_release += label_release;
        self.label_abort_request += label_abort_request;
        self.unknown += unknown;
    }
}

impl ErrorCounts {
    /// Counts an error that is told with this status.
    pub(super) fn count(&mut self, status: StatusCode) {
        let count = match status {
            StatusCode::BAD_LDP_IDENTIFIER => &mut self.bad_ldp_identifier,
            StatusCode::BAD_PROTOCOL_VERSION => &mut self.bad_protocol_version,
            StatusCode::BAD_PDU_LENGTH => &mut self.bad_pdu_length,
            StatusCode::BAD_MESSAGE_LENGTH => &mut self.bad_message_length,
            StatusCode::BAD_TLV_LENGTH => &mut self.bad_tlv_length,
            StatusCode::MALFORMED_TLV_VALUE => &mut self.malformed_tlv_value,
            StatusCode::UNKNOWN_MESSAGE_TYPE => &mut self.unknown_message_type,
            StatusCode::UNKNOWN_TLV => &mut self.unknown_tlv,
            StatusCode::MISSING_MESSAGE_PARAMETERS => &mut self.missing_message_parameters,
            _ => &mut self.other,
        };
        *count += 1;
    }

    fn add(&mut self, other: &Self) {
        let Self {
            bad_ldp_identifier,
            bad_protocol_version,
            bad_pdu_length,
            bad_message_length,
            bad_tlv_length,
            malformed_tlv_value,
            unknown_message_type,
            unknown_tlv,
            missing_message_parameters,
            other,
        } = other;
        self.bad_ldp_identifier += bad_ldp_identifier;
        self.bad_protocol_version += bad_protocol_version;
        self.bad_pdu_length += bad_pdu_length;
        self.bad_message_length += bad_message_length;
        self.bad_tlv_length += bad_tlv_length;
        self.malformed_tlv_value += malformed_tlv_value;
        self.unknown_message_type += unknown_message_type;
        self.unknown_tlv += unknown_tlv;
        self.missing_message_parameters += missing_message_parameters;
        self.other += other;
    }
}

impl Statistics {
    /// Adds another one's counts.
    pub(super) fn add(&mut self, other: &Self) {
        self.sent.add(&other.sent);
        self.received.add(&other.received);
        self.errors.add(&other.errors);
    }
}
