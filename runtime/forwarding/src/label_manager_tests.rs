use proptest::prelude::*;

use super::*;
use crate::Protocol;

fn label(value: u32) -> Label {
    Label::new(value).unwrap()
}

fn range(text: &str) -> LabelRange {
    text.parse().unwrap()
}

fn manager(dynamic: &str, block_size: u32) -> LabelManager {
    LabelManager::new(LabelManagerConfig {
        static_range: range("16-99"),
        dynamic_range: range(dynamic),
        block_size,
        hold_down: Duration::from_secs(60),
    })
}

fn ldp() -> Owner {
    Protocol::Ldp.into()
}

/// A manager that starts at another block deals out others first, and in the end all.
#[test]
fn the_first_block_may_be_any() {
    let mut manager = manager("100-111", 4).starting_at(5);
    let now = Instant::now();
    let owner = Owner::from(Protocol::Ldp);
    let labels: Vec<u32> = (0..12)
        .map(|_| manager.allocate(&owner, now).unwrap().value())
        .collect();
    let expected: Vec<u32> = (108..112).chain(100..108).collect();
    assert_eq!(labels, expected);
    assert!(manager.allocate(&owner, now).is_err());
}

#[test]
fn each_owner_has_blocks_of_its_own() {
    let now = Instant::now();
    let rsvp: Owner = Protocol::RsvpTe.into();
    let mut manager = manager("100-199", 10);
    assert_eq!(manager.allocate(&ldp(), now), Ok(label(100)));
    assert_eq!(manager.allocate(&rsvp, now), Ok(label(110)));
    assert_eq!(manager.allocate(&ldp(), now), Ok(label(101)));
    assert_eq!(manager.owner(label(110)), Some(&rsvp));
    assert_eq!(
        manager.blocks().collect::<Vec<_>>(),
        [(range("100-109"), &ldp()), (range("110-119"), &rsvp)]
    );
}

/// RFC 3478 section 3.1: labels of before the restart keep their meaning.
#[test]
fn an_adopted_label_is_not_dealt_out_again() {
    let now = Instant::now();
    let rsvp: Owner = Protocol::RsvpTe.into();
    let mut manager = manager("100-109", 5);
    assert!(manager.adopt(label(100), &ldp()));
    assert!(manager.adopt(label(102), &ldp()));
    assert!(!manager.adopt(label(103), &rsvp));
    assert!(!manager.adopt(label(99), &ldp()));
    let dealt = |manager: &mut LabelManager| manager.allocate(&ldp(), now).unwrap().value();
    // Those that were in use and have no entry are not known: the block comes last.
    let first: Vec<u32> = (0..5).map(|_| dealt(&mut manager)).collect();
    assert_eq!(first, [105, 106, 107, 108, 109]);
    let last: Vec<u32> = (0..3).map(|_| dealt(&mut manager)).collect();
    assert_eq!(last, [101, 103, 104]);
    assert!(manager.allocate(&ldp(), now).is_err());
}

/// Packets with it may be on their way, although this manager never dealt it out.
#[test]
fn an_adopted_label_that_is_released_is_held_down() {
    let now = Instant::now();
    let mut manager = manager("100-102", 3);
    assert!(manager.adopt(label(101), &ldp()));
    manager.release(label(101), &ldp(), now);
    assert_eq!(manager.allocate(&ldp(), now), Ok(label(100)));
    assert_eq!(manager.allocate(&ldp(), now), Ok(label(102)));
    let over = now + Duration::from_secs(60);
    assert!(manager.allocate(&ldp(), now).is_err());
    assert_eq!(manager.allocate(&ldp(), over), Ok(label(101)));
}

#[test]
fn a_released_label_is_held_down() {
    let now = Instant::now();
    let mut manager = manager("100-101", 2);
    let first = manager.allocate(&ldp(), now).unwrap();
    manager.allocate(&ldp(), now).unwrap();
    manager.release(first, &ldp(), now);
    assert_eq!(
        manager.allocate(&ldp(), now + Duration::from_secs(59)),
        Err(AllocationError::Exhausted {
            range: range("100-101"),
            used: 1,
            held_down: 1
        })
    );
    assert_eq!(
        manager.allocate(&ldp(), now + Duration::from_secs(60)),
        Ok(first)
    );
}

#[test]
fn an_idle_block_goes_to_another_owner_after_the_hold_down() {
    let now = Instant::now();
    let rsvp: Owner = Protocol::RsvpTe.into();
    let mut manager = manager("100-109", 10);
    let first = manager.allocate(&ldp(), now).unwrap();
    manager.release(first, &ldp(), now);
    assert!(manager.allocate(&rsvp, now).is_err());
    assert_eq!(
        manager.allocate(&rsvp, now + Duration::from_secs(60)),
        Ok(label(100))
    );
}

#[test]
fn a_static_label_has_one_owner() {
    let now = Instant::now();
    let first = Owner::named(Protocol::Static, "a");
    let second = Owner::named(Protocol::Static, "b");
    let mut manager = manager("100-199", 10);
    assert_eq!(manager.reserve(label(16), first.clone()), Ok(()));
    assert_eq!(manager.reserve(label(16), first.clone()), Ok(()));
    assert_eq!(
        manager
            .reserve(label(16), second.clone())
            .unwrap_err()
            .to_string(),
        "label 16 is already that of static a"
    );
    assert!(matches!(
        manager.reserve(label(15), first.clone()),
        Err(ReservationError::Reserved(_))
    ));
    // A reserved label of the dynamic range is not allocated, an allocated block not reserved.
    assert_eq!(manager.reserve(label(100), second), Ok(()));
    assert_eq!(manager.allocate(&ldp(), now), Ok(label(101)));
    assert!(matches!(
        manager.reserve(label(105), first.clone()),
        Err(ReservationError::InBlock { .. })
    ));
    manager.unreserve(label(16), &first);
    assert_eq!(manager.owner(label(16)), None);
}

#[test]
fn the_default_ranges_share_no_label() {
    let config = LabelManagerConfig::default();
    assert_eq!(config.static_range, range("16-15999"));
    assert_eq!(config.dynamic_range, range("16000-1048575"));
}

proptest! {
    /// No label is ever allocated while another holds it, or within its hold-down time.
    #[test]
    fn no_label_is_used_twice(steps in prop::collection::vec((0u8..3, 0u8..3, 0u64..40), 1..200)) {
        let start = Instant::now();
        let owners = [Protocol::Ldp, Protocol::RsvpTe, Protocol::Static].map(Owner::from);
        let mut manager = manager("100-131", 4);
        let mut now = start;
        let mut held: Vec<(Label, Owner)> = Vec::new();
        let mut released: BTreeMap<Label, Instant> = BTreeMap::new();
        for (operation, owner, seconds) in steps {
            now += Duration::from_secs(seconds);
            let owner = &owners[usize::from(owner)];
            if operation == 0 && !held.is_empty() {
                let (label, owner) = held.remove(seconds as usize % held.len());
                manager.release(label, &owner, now);
                released.insert(label, now);
            } else if let Ok(label) = manager.allocate(owner, now) {
                prop_assert!(held.iter().all(|(other, _)| *other != label));
                if let Some(since) = released.get(&label) {
                    prop_assert!(now >= *since + Duration::from_secs(60));
                }
                prop_assert_eq!(manager.owner(label), Some(owner));
                held.push((label, owner.clone()));
            } else {
                let waiting = released
                    .iter()
                    .filter(|(label, _)| held.iter().all(|(other, _)| other != *label))
                    .count();
                prop_assert!(held.len() + waiting > 0);
            }
        }
    }
}
