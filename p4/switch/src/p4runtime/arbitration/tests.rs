//! Each rule of section 5, without streams.

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
    assert!(arbitration.check_primary("", Some(&from_u128(6))).is_ok());
    let denied = arbitration
        .check_primary("", Some(&from_u128(5)))
        .unwrap_err();
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
    assert_eq!(arbitration.primary(""), None);
    assert!(arbitration.check_primary("", Some(&from_u128(4))).is_err());
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
    assert_eq!(arbitration.primary(""), Some(StreamId(1)));
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
        arbitration.primary(""),
        Some(StreamId(2)),
        "0 is an id, other than unset"
    );
}

#[test]
fn election_ids_have_128_bits() {
    let mut arbitration = Arbitration::new(DEVICE);
    update(&mut arbitration, 1, Some(u128::from(u64::MAX)));
    update(&mut arbitration, 2, Some(1 << 64));
    assert_eq!(arbitration.primary(""), Some(StreamId(2)));
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
    let numbered = with_role(numbered_role());
    assert_eq!(
        refusal(&mut arbitration, 1, &numbered).0,
        Code::InvalidArgument
    );
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

/// Roles had numbers before they had names.
#[allow(deprecated)]
fn numbered_role() -> Role {
    Role {
        id: 7,
        ..Default::default()
    }
}

fn bid_for(role: &str, election_id: u128) -> MasterArbitrationUpdate {
    MasterArbitrationUpdate {
        role: Some(Role {
            name: role.into(),
            ..Default::default()
        }),
        ..bid(Some(election_id))
    }
}

/// Section 5: a primary is selected independently for each role.
#[test]
fn every_role_has_a_primary_of_its_own() {
    let mut arbitration = Arbitration::new(DEVICE);
    update(&mut arbitration, 1, Some(9));
    let outcome = arbitration.update(StreamId(2), &bid_for("acl", 3)).unwrap();
    assert!(outcome.primary && outcome.at_once.is_empty());
    let told_two = arbitration.confirm(StreamId(2)).unwrap();
    assert_eq!(told_two.update.role.unwrap().name, "acl");
    assert_eq!(arbitration.primary(""), Some(StreamId(1)));
    assert_eq!(arbitration.primary("acl"), Some(StreamId(2)));
    // The same election id may be used in another role, not twice in one.
    assert!(arbitration.update(StreamId(3), &bid_for("acl", 9)).is_ok());
    assert_eq!(
        refusal(&mut arbitration, 4, &bid_for("acl", 9)).0,
        Code::InvalidArgument
    );
    assert!(
        arbitration
            .check_primary("acl", Some(&from_u128(9)))
            .is_ok()
    );
    assert!(
        arbitration
            .check_primary("acl", Some(&from_u128(3)))
            .is_err()
    );
    assert_eq!(
        arbitration.check_primary("qos", None).unwrap_err().code,
        Code::NotFound,
        "section 12: a role that no controller has"
    );
    assert_eq!(told(&arbitration.disconnect(StreamId(1))), []);
}

#[test]
fn a_role_is_remembered_when_its_controllers_are_gone() {
    let mut arbitration = Arbitration::new(DEVICE);
    arbitration.update(StreamId(1), &bid_for("acl", 3)).unwrap();
    arbitration.disconnect(StreamId(1));
    let denied = arbitration.check_primary("acl", Some(&from_u128(3)));
    assert_eq!(denied.unwrap_err().code, Code::PermissionDenied);
    assert!(
        !arbitration
            .update(StreamId(2), &bid_for("acl", 2))
            .unwrap()
            .primary
    );
}

#[test]
fn more_roles_than_the_limit_are_refused() {
    let mut arbitration = Arbitration::new(DEVICE);
    // The default role is always there.
    for index in 1..MAX_ROLES as u64 {
        let bid = bid_for(&format!("role {index}"), 1);
        arbitration.update(StreamId(index), &bid).unwrap();
        arbitration.disconnect(StreamId(index));
    }
    let (code, _) = refusal(&mut arbitration, 1000, &bid_for("one more", 1));
    assert_eq!(code, Code::ResourceExhausted);
}
