//! Client arbitration (section 5): which controller is primary.
//!
//! The rules, without streams or locks: [`Arbitration`] takes what controllers say and gives the
//! notifications to send. Only the default role exists.

use std::collections::BTreeMap;

use p4runtime_proto::{
    google::rpc,
    p4::v1::{MasterArbitrationUpdate, Role, Uint128},
};
use tonic::Code;

use super::refusal::Refusal;

/// Names an open StreamChannel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StreamId(pub(crate) u64);

/// Most controllers at a time; more are refused with `RESOURCE_EXHAUSTED`.
pub(crate) const MAX_CONTROLLERS: usize = 64;

/// A message to a controller.
#[derive(Debug, PartialEq)]
pub(crate) struct Notification {
    /// Whom it is for.
    pub(crate) stream: StreamId,
    /// What it says.
    pub(crate) update: MasterArbitrationUpdate,
}

/// What an accepted MasterArbitrationUpdate brings about.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    /// To send at once.
    pub(crate) at_once: Vec<Notification>,
    /// The controller is primary. It is told so by [`Arbitration::confirm`], once the writes of
    /// the primary before it are done.
    pub(crate) primary: bool,
}

struct Controller {
    /// As the controller gave it, for the answers.
    role: Option<Role>,
    election_id: Option<u128>,
}

/// The controllers of one device and its default role.
pub(crate) struct Arbitration {
    device_id: u64,
    /// The highest election id that was ever received. Never goes back.
    highest: Option<u128>,
    controllers: BTreeMap<StreamId, Controller>,
}

impl Arbitration {
    /// No controller, and none ever seen.
    pub(crate) fn new(device_id: u64) -> Self {
        Self {
            device_id,
            highest: None,
            controllers: BTreeMap::new(),
        }
    }

    /// Handles a MasterArbitrationUpdate (section 5.3).
    ///
    /// # Errors
    /// A refusal ends the stream; the caller then calls [`Arbitration::disconnect`].
    pub(crate) fn update(
        &mut self,
        stream: StreamId,
        bid: &MasterArbitrationUpdate,
    ) -> Result<Outcome, Refusal> {
        let election_id = bid.election_id.as_ref().map(to_u128);
        let live = self.controllers.contains_key(&stream);
        if bid.device_id != self.device_id {
            let words = format!(
                "device {}: this server has device {} only",
                bid.device_id, self.device_id
            );
            return Err(if live {
                Refusal::failed_precondition(format!(
                    "{words}; a stream cannot change its device, open another"
                ))
            } else {
                Refusal::not_found(words)
            });
        }
        check_role(bid.role.as_ref(), live)?;
        if let Some(id) = election_id {
            let taken = |(other, controller): (&StreamId, &Controller)| {
                *other != stream && controller.election_id == Some(id)
            };
            if self.controllers.iter().any(taken) {
                return Err(Refusal::invalid_argument(format!(
                    "election id {id} is in use by another live controller"
                )));
            }
        }
        if !live && self.controllers.len() >= MAX_CONTROLLERS {
            return Err(Refusal::resource_exhausted(format!(
                "{MAX_CONTROLLERS} controllers are connected, which is the limit"
            )));
        }

        let was_primary = self.primary() == Some(stream);
        self.controllers.insert(
            stream,
            Controller {
                role: bid.role.clone(),
                election_id,
            },
        );
        if election_id.is_some() && election_id >= self.highest {
            self.highest = election_id;
            return Ok(Outcome {
                at_once: self.notify(|other| other != stream),
                primary: true,
            });
        }
        Ok(Outcome {
            at_once: self.notify(|other| was_primary || other == stream),
            primary: false,
        })
    }

    /// The message that tells a controller that it is primary; `None` if by now it is not.
    pub(crate) fn confirm(&self, stream: StreamId) -> Option<Notification> {
        (self.primary() == Some(stream))
            .then(|| self.notify(|other| other == stream).pop())
            .flatten()
    }

    /// The stream of a controller broke or ended. No other becomes primary by that.
    pub(crate) fn disconnect(&mut self, stream: StreamId) -> Vec<Notification> {
        let was_primary = self.primary() == Some(stream);
        self.controllers.remove(&stream);
        self.notify(|_| was_primary)
    }

    /// The stream of the primary, if there is one.
    pub(crate) fn primary(&self) -> Option<StreamId> {
        let highest = self.highest?;
        self.controllers
            .iter()
            .find(|(_, controller)| controller.election_id == Some(highest))
            .map(|(stream, _)| *stream)
    }

    /// Whether a stream has announced itself by a MasterArbitrationUpdate.
    pub(crate) fn is_live(&self, stream: StreamId) -> bool {
        self.controllers.contains_key(&stream)
    }

    /// Checks that a request comes from the primary.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`, with the words why.
    pub(crate) fn check_primary(&self, election_id: Option<&Uint128>) -> Result<(), Refusal> {
        let Some(id) = election_id.map(to_u128) else {
            return Err(Refusal::permission_denied(
                "the request has no election id; only the primary controller may do this",
            ));
        };
        match (self.highest, self.primary()) {
            (Some(highest), Some(_)) if highest == id => Ok(()),
            (Some(highest), Some(_)) => Err(Refusal::permission_denied(format!(
                "election id {id} is not that of the primary controller, {highest}"
            ))),
            (Some(highest), None) => Err(Refusal::permission_denied(format!(
                "there is no primary controller; open a StreamChannel and bid with an election id \
                 of at least {highest}"
            ))),
            (None, _) => Err(Refusal::permission_denied(
                "there is no primary controller; open a StreamChannel and bid for it",
            )),
        }
    }

    /// The advisory message (section 5.4) for each controller that `to_whom` picks.
    fn notify(&self, to_whom: impl Fn(StreamId) -> bool) -> Vec<Notification> {
        let primary = self.primary();
        self.controllers
            .iter()
            .filter(|(stream, _)| to_whom(**stream))
            .map(|(stream, controller)| {
                let (code, message) = match primary {
                    Some(primary) if primary == *stream => (Code::Ok, "you are primary"),
                    Some(_) => (Code::AlreadyExists, "you are backup"),
                    None => (Code::NotFound, "you are backup, and there is no primary"),
                };
                Notification {
                    stream: *stream,
                    update: MasterArbitrationUpdate {
                        device_id: self.device_id,
                        role: controller.role.clone(),
                        election_id: self.highest.map(from_u128),
                        status: Some(rpc::Status {
                            code: code as i32,
                            message: message.to_owned(),
                            details: Vec::new(),
                        }),
                    },
                }
            })
            .collect()
    }
}

/// Section 5.1: leaving the role out means the default role; so does one without a name.
fn check_role(role: Option<&Role>, live: bool) -> Result<(), Refusal> {
    let Some(role) = role else { return Ok(()) };
    // The number is what roles had before they had names.
    #[allow(deprecated)]
    let id = role.id;
    if !role.name.is_empty() || id != 0 {
        let name = if role.name.is_empty() {
            id.to_string()
        } else {
            format!("\"{}\"", role.name)
        };
        return Err(if live {
            Refusal::failed_precondition(format!(
                "a stream cannot change its role to {name}, open another"
            ))
        } else {
            Refusal::unimplemented(format!(
                "role {name}: this server has the default role only, leave the role out"
            ))
        });
    }
    if role.config.is_some() {
        return Err(Refusal::invalid_argument(
            "the default role takes no role configuration",
        ));
    }
    Ok(())
}

/// The 128-bit number.
pub(crate) fn to_u128(id: &Uint128) -> u128 {
    u128::from(id.high) << 64 | u128::from(id.low)
}

fn from_u128(id: u128) -> Uint128 {
    Uint128 {
        high: (id >> 64) as u64,
        low: id as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: u64 = 1;

    fn bid(election_id: Option<u128>) -> MasterArbitrationUpdate {
        MasterArbitrationUpdate {
            device_id: DEVICE,
            election_id: election_id.map(from_u128),
            ..Default::default()
        }
    }

    /// Who was told what: stream, status code, election id.
    fn told(notifications: &[Notification]) -> Vec<(u64, Code, Option<u128>)> {
        (notifications.iter())
            .map(|n| {
                let code = n.update.status.as_ref().unwrap().code;
                let id = n.update.election_id.as_ref().map(to_u128);
                (n.stream.0, Code::from_i32(code), id)
            })
            .collect()
    }

    /// Bids, and gives who was told what; the one who is primary last.
    fn update(
        arbitration: &mut Arbitration,
        stream: u64,
        election_id: Option<u128>,
    ) -> Vec<(u64, Code, Option<u128>)> {
        let outcome = arbitration
            .update(StreamId(stream), &bid(election_id))
            .unwrap();
        let mut all = outcome.at_once;
        if outcome.primary {
            all.extend(arbitration.confirm(StreamId(stream)));
        }
        told(&all)
    }

    #[test]
    fn the_primary_has_the_highest_election_id_ever_received() {
        let mut arbitration = Arbitration::new(DEVICE);
        assert_eq!(
            update(&mut arbitration, 1, Some(5)),
            [(1, Code::Ok, Some(5))]
        );
        // A lower one is backup, and only it is told.
        assert_eq!(
            update(&mut arbitration, 2, Some(4)),
            [(2, Code::AlreadyExists, Some(5))]
        );
        // A higher one takes over, and all are told.
        assert_eq!(
            update(&mut arbitration, 3, Some(6)),
            [
                (1, Code::AlreadyExists, Some(6)),
                (2, Code::AlreadyExists, Some(6)),
                (3, Code::Ok, Some(6))
            ]
        );
        assert!(arbitration.check_primary(Some(&from_u128(6))).is_ok());
        let denied = arbitration.check_primary(Some(&from_u128(5))).unwrap_err();
        assert_eq!(denied.code, Code::PermissionDenied);
    }

    /// Section 5: without primary until a client bids with at least the highest id.
    #[test]
    fn no_backup_is_promoted_when_the_primary_leaves() {
        let mut arbitration = Arbitration::new(DEVICE);
        update(&mut arbitration, 1, Some(5));
        update(&mut arbitration, 2, Some(4));
        let left = arbitration.disconnect(StreamId(1));
        assert_eq!(told(&left), [(2, Code::NotFound, Some(5))]);
        assert_eq!(arbitration.primary(), None);
        assert!(arbitration.check_primary(Some(&from_u128(4))).is_err());
        // The same lower id does not make it primary either.
        assert_eq!(
            update(&mut arbitration, 2, Some(4)),
            [(2, Code::NotFound, Some(5))]
        );
        assert_eq!(
            update(&mut arbitration, 2, Some(5)),
            [(2, Code::Ok, Some(5))]
        );
    }

    #[test]
    fn a_backup_that_leaves_changes_nothing() {
        let mut arbitration = Arbitration::new(DEVICE);
        update(&mut arbitration, 1, Some(5));
        update(&mut arbitration, 2, Some(4));
        assert_eq!(arbitration.disconnect(StreamId(2)), []);
        assert_eq!(arbitration.primary(), Some(StreamId(1)));
    }

    #[test]
    fn a_primary_that_downgrades_itself_leaves_no_primary_and_all_are_told() {
        let mut arbitration = Arbitration::new(DEVICE);
        update(&mut arbitration, 1, Some(5));
        update(&mut arbitration, 2, Some(4));
        assert_eq!(
            update(&mut arbitration, 1, Some(3)),
            [(1, Code::NotFound, Some(5)), (2, Code::NotFound, Some(5))]
        );
    }

    /// Section 16.2.1.
    #[test]
    fn a_controller_without_election_id_never_becomes_primary() {
        let mut arbitration = Arbitration::new(DEVICE);
        assert_eq!(
            update(&mut arbitration, 1, None),
            [(1, Code::NotFound, None)]
        );
        assert_eq!(
            update(&mut arbitration, 2, Some(0))[0],
            (1, Code::AlreadyExists, Some(0))
        );
        assert_eq!(
            arbitration.primary(),
            Some(StreamId(2)),
            "0 is an id, other than unset"
        );
    }

    #[test]
    fn election_ids_have_128_bits() {
        let mut arbitration = Arbitration::new(DEVICE);
        update(&mut arbitration, 1, Some(u128::from(u64::MAX)));
        update(&mut arbitration, 2, Some(1 << 64));
        assert_eq!(arbitration.primary(), Some(StreamId(2)));
    }

    fn refusal(
        arbitration: &mut Arbitration,
        stream: u64,
        bid: &MasterArbitrationUpdate,
    ) -> (Code, String) {
        let refusal = arbitration.update(StreamId(stream), bid).unwrap_err();
        (refusal.code, refusal.message)
    }

    /// Section 5.3, 1.1 to 1.4 and 2.1 to 2.4.
    #[test]
    fn bids_that_are_refused() {
        let mut arbitration = Arbitration::new(DEVICE);
        let other_device = MasterArbitrationUpdate {
            device_id: 7,
            ..bid(Some(1))
        };
        let with_role = |role: Role| MasterArbitrationUpdate {
            role: Some(role),
            ..bid(Some(1))
        };
        let named = with_role(Role {
            name: "acl".into(),
            ..Default::default()
        });
        let configured = with_role(Role {
            config: Some(Default::default()),
            ..Default::default()
        });
        assert_eq!(
            refusal(&mut arbitration, 1, &other_device).0,
            Code::NotFound
        );
        let (code, words) = refusal(&mut arbitration, 1, &named);
        assert_eq!(code, Code::Unimplemented);
        assert!(words.contains("\"acl\""), "{words}");
        assert_eq!(
            refusal(&mut arbitration, 1, &configured).0,
            Code::InvalidArgument
        );
        update(&mut arbitration, 1, Some(5));
        assert_eq!(
            refusal(&mut arbitration, 2, &bid(Some(5))).0,
            Code::InvalidArgument
        );
        assert_eq!(
            refusal(&mut arbitration, 1, &other_device).0,
            Code::FailedPrecondition
        );
        assert_eq!(
            refusal(&mut arbitration, 1, &named).0,
            Code::FailedPrecondition
        );
    }

    #[test]
    fn more_controllers_than_the_limit_are_refused() {
        let mut arbitration = Arbitration::new(DEVICE);
        for stream in 0..MAX_CONTROLLERS as u64 {
            update(&mut arbitration, stream, None);
        }
        let (code, _) = refusal(&mut arbitration, u64::MAX, &bid(None));
        assert_eq!(code, Code::ResourceExhausted);
    }

    #[test]
    fn a_new_primary_that_is_overtaken_is_not_confirmed() {
        let mut arbitration = Arbitration::new(DEVICE);
        assert!(
            arbitration
                .update(StreamId(1), &bid(Some(1)))
                .unwrap()
                .primary
        );
        assert!(
            arbitration
                .update(StreamId(2), &bid(Some(2)))
                .unwrap()
                .primary
        );
        assert_eq!(arbitration.confirm(StreamId(1)), None);
    }
}
