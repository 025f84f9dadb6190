//! Client arbitration (section 5), as a state machine without I/O.

use p4runtime_proto::p4::v1::{MasterArbitrationUpdate, Uint128};
use tonic::Code;

/// Whether this client may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is the primary client: it may write, and gets the packets.
    Primary,
    /// Another client is the primary.
    Backup {
        /// The election id of the primary.
        primary: u128,
    },
}

/// What to do after the switch's answer to a bid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send another bid, with this election id.
    Bid(u128),
    /// The role is settled for now.
    Settled(Role),
    /// The answer belongs to an earlier bid: wait for the next one.
    Wait,
    /// The switch refuses: the code and what it says.
    Refused(Code, String),
}

/// The arbitration of one stream.
///
/// The election id that it was made with is the lowest one that it bids. When the switch says that
/// there is no primary, it bids the highest election id that the switch has seen, as the
/// specification asks of the next primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arbitration {
    bid: u128,
}

impl Arbitration {
    /// Begins with this election id.
    pub fn new(election_id: u128) -> Self {
        Self { bid: election_id }
    }

    /// The election id of the latest bid; writes carry it.
    pub fn election_id(&self) -> u128 {
        self.bid
    }

    /// Takes an update that the switch sent, in answer to a bid or because the primary changed.
    pub fn handle(&mut self, update: &MasterArbitrationUpdate) -> Step {
        let highest = update.election_id.as_ref().map_or(0, from_uint128);
        let (code, message) = match &update.status {
            None => (Code::Ok, ""),
            Some(status) => (Code::from_i32(status.code), status.message.as_str()),
        };
        match code {
            // BMv2 makes the next client primary by itself when the primary leaves, and tells it
            // with an election id lower than before: that client's own. So the test is against
            // the bid, not against the highest id seen.
            Code::Ok if highest == self.bid => Step::Settled(Role::Primary),
            Code::Ok => Step::Wait,
            Code::AlreadyExists => Step::Settled(Role::Backup { primary: highest }),
            Code::NotFound if highest > self.bid => {
                self.bid = highest;
                Step::Bid(highest)
            }
            code => Step::Refused(code, message.to_owned()),
        }
    }
}

pub(crate) fn to_uint128(value: u128) -> Uint128 {
    Uint128 {
        high: (value >> 64) as u64,
        low: value as u64,
    }
}

fn from_uint128(value: &Uint128) -> u128 {
    u128::from(value.high) << 64 | u128::from(value.low)
}

#[cfg(test)]
mod tests {
    use p4runtime_proto::google::rpc::Status;

    use super::*;

    fn update(code: Code, election_id: u128) -> MasterArbitrationUpdate {
        MasterArbitrationUpdate {
            device_id: 1,
            election_id: Some(to_uint128(election_id)),
            status: Some(Status {
                code: code as i32,
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn the_highest_bid_is_primary() {
        let mut arbitration = Arbitration::new(1);
        assert_eq!(
            arbitration.handle(&update(Code::Ok, 1)),
            Step::Settled(Role::Primary)
        );
    }

    #[test]
    fn a_lower_bid_is_backup_until_the_primary_leaves() {
        let mut arbitration = Arbitration::new(1);
        let backup = Step::Settled(Role::Backup { primary: 7 });
        assert_eq!(arbitration.handle(&update(Code::AlreadyExists, 7)), backup);
        // Section 5.3: there is no automatic promotion, so the backup bids the highest id seen.
        assert_eq!(arbitration.handle(&update(Code::NotFound, 7)), Step::Bid(7));
        assert_eq!(
            arbitration.handle(&update(Code::Ok, 7)),
            Step::Settled(Role::Primary)
        );
        assert_eq!(arbitration.election_id(), 7);
    }

    #[test]
    fn bmv2_promotes_with_a_decreased_election_id() {
        let mut arbitration = Arbitration::new(3);
        arbitration.handle(&update(Code::AlreadyExists, 9));
        assert_eq!(
            arbitration.handle(&update(Code::Ok, 3)),
            Step::Settled(Role::Primary)
        );
        assert_eq!(arbitration.election_id(), 3);
    }

    #[test]
    fn an_answer_to_an_earlier_bid_is_waited_out() {
        let mut arbitration = Arbitration::new(1);
        assert_eq!(arbitration.handle(&update(Code::NotFound, 5)), Step::Bid(5));
        assert_eq!(arbitration.handle(&update(Code::Ok, 1)), Step::Wait);
    }

    #[test]
    fn a_refusal_does_not_bid_for_ever() {
        let mut arbitration = Arbitration::new(5);
        let refused = Step::Refused(Code::NotFound, String::new());
        assert_eq!(arbitration.handle(&update(Code::NotFound, 5)), refused);
        let refused = Step::Refused(Code::PermissionDenied, String::new());
        assert_eq!(
            arbitration.handle(&update(Code::PermissionDenied, 5)),
            refused
        );
    }

    #[test]
    fn election_ids_have_128_bits() {
        let id = (3u128 << 64) + 4;
        assert_eq!(to_uint128(id), Uint128 { high: 3, low: 4 });
        assert_eq!(from_uint128(&to_uint128(id)), id);
    }
}
