//! What goes wrong between client and switch.

use std::time::Duration;

use tonic::{Code, Status};

use crate::Address;

/// Why a connection to a switch was not made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody listens, or the connection breaks at once.
    #[error(
        "switch at {address} does not answer ({reason}): is p4-switch or simple_switch_grpc \
         running with its gRPC address at {listen}?"
    )]
    Unreachable {
        /// The address of the switch.
        address: Address,
        /// What the switch would be told to listen on.
        listen: String,
        /// What the transport says.
        reason: String,
    },
    /// The switch accepted the connection, but did not answer the bid in time.
    #[error(
        "switch at {address} accepts connections but did not answer the arbitration within \
         {timeout:?}: is it a P4Runtime server, and is it overloaded?"
    )]
    NoArbitration {
        /// The address of the switch.
        address: Address,
        /// How long the client waited.
        timeout: Duration,
    },
    /// The switch does not know the device id.
    #[error(
        "switch at {address} has no device {device_id} ({reason}): make device-id equal to the \
         switch's --device-id"
    )]
    UnknownDevice {
        /// The address of the switch.
        address: Address,
        /// The device id that was asked for.
        device_id: u64,
        /// What the switch says.
        reason: String,
    },
    /// Another client uses the election id.
    #[error(
        "switch at {address} refuses election id {election_id} ({reason}): another controller \
         uses it for device {device_id}, or an earlier connection of this one has not ended yet; \
         give each controller an election-id of its own"
    )]
    ElectionIdInUse {
        /// The address of the switch.
        address: Address,
        /// The device id.
        device_id: u64,
        /// The election id of the bid.
        election_id: u128,
        /// What the switch says.
        reason: String,
    },
    /// The switch refuses the stream for another reason.
    #[error("switch at {address} refuses the stream channel: {code}: {reason}")]
    Refused {
        /// The address of the switch.
        address: Address,
        /// The gRPC code.
        code: Code,
        /// What the switch says.
        reason: String,
    },
}

/// The stream channel ended: the connection is lost.
#[derive(Debug, Clone, thiserror::Error)]
#[error("connection to the switch at {address} is lost: {reason}")]
pub struct Disconnected {
    /// The address of the switch.
    pub address: Address,
    /// What the transport or the switch says.
    pub reason: String,
}

/// A call that the switch refused as a whole, or that never reached it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{call} on the switch at {address} failed: {}: {}{}", .status.code(), .status.message(), hint(.status))]
pub struct RpcError {
    /// The name of the call.
    pub call: &'static str,
    /// The address of the switch.
    pub address: Address,
    /// The gRPC status.
    pub status: Box<Status>,
}

impl RpcError {
    /// Whether the switch runs no pipeline (section 11).
    pub fn is_no_pipeline(&self) -> bool {
        self.status.code() == Code::FailedPrecondition
    }

    /// Whether this client is not the primary (section 5).
    pub fn is_not_primary(&self) -> bool {
        self.status.code() == Code::PermissionDenied
    }
}

fn hint(status: &Status) -> &'static str {
    match status.code() {
        Code::PermissionDenied => ": another controller is the primary client of the switch",
        Code::FailedPrecondition => ": the switch runs no pipeline, or another one",
        _ => "",
    }
}
