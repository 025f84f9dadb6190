//! How large packets may be (RFC 3032 section 3, RFC 3988).

use std::collections::BTreeMap;

use dataplane::{Bucket, Entries, Key, Translator, buckets_of};
use forwarding::{MacAddress, Nhlfe, NhlfeError, Path, PathGroup, PathRole, Payload};

use crate::paths::{PREFIX, Running, working};
use crate::support::{capacity, label, nhlfe, paths};

/// RFC 3032 section 3: the limit before the push is the MTU less all that the NHLFE adds.
#[test]
fn the_limit_leaves_room_for_what_is_pushed() {
    let limit = |with: &dyn Fn(Nhlfe) -> Result<Nhlfe, NhlfeError>, labels: &[u32]| {
        let mut running = Running::new();
        let nhlfe = with(nhlfe(0, 1, labels)).unwrap();
        running.bind(PathGroup::single(nhlfe));
        working(&running.switch.entries)[0].primary.max_length
    };
    // The interfaces have an MTU of 1500, and of 1508 for labelled packets.
    assert_eq!(limit(&Ok, &[]), 1500);
    assert_eq!(limit(&Ok, &[100, 200]), 1500);
    assert_eq!(limit(&|n| n.with_entropy_label(1), &[100]), 1508 - 12);
    assert_eq!(limit(&Nhlfe::with_control_word, &[100, 200]), 1508 - 12);
    let tunnel = |kind, address: &str| {
        let address = address.parse().unwrap();
        let dscp = forwarding::Dscp::default();
        forwarding::Tunnel::new(kind, address, address, 64, dscp).unwrap()
    };
    // Over IP it is the IP packet that must fit.
    let udp = tunnel(forwarding::TunnelKind::Udp, "192.0.2.1");
    assert_eq!(limit(&|n| n.with_tunnel(udp), &[100]), 1500 - 28 - 4);
    let gre = tunnel(forwarding::TunnelKind::Gre, "2001:db8::1");
    assert_eq!(limit(&|n| n.with_tunnel(gre), &[100]), 1500 - 44 - 4);
}

/// RFC 3988 section 4: the MTU of the LSP counts where it is less than what the link takes, for the path whose LSP
/// it is; the NHLFE is one with that of packets that are not limited.
#[test]
fn the_mtu_of_the_lsp_limits_its_path() {
    let limits = |mtus: [Option<u16>; 2], backup: Option<u8>| {
        let mut running = Running::new();
        let path = |(interface, mtu): (u8, Option<u16>)| {
            let path = Path::new(nhlfe(interface, 1, &[100]), 1).with_mtu(mtu);
            match backup {
                Some(backup) => path.with_backup(nhlfe(backup, 1, &[200])),
                None => path,
            }
        };
        running.bind(PathGroup::new((0..).zip(mtus).map(path)).unwrap());
        let buckets = working(&running.switch.entries);
        let pair = |bucket: &Bucket| {
            let backup = bucket.backup.map(|backup| (backup.port, backup.max_length));
            ((bucket.primary.port, bucket.primary.max_length), backup)
        };
        buckets.iter().map(pair).collect::<BTreeMap<_, _>>()
    };
    // The link takes 1508 octets with one label. Each stands in for the other, with its limit.
    let expected = [((1, 1400), Some((2, 1504))), ((2, 1504), Some((1, 1400)))];
    assert_eq!(limits([Some(1400), None], None), expected.into());
    let expected = [((1, 1504), Some((2, 1504))), ((2, 1504), Some((1, 1504)))];
    assert_eq!(limits([Some(1504), Some(9000)], None), expected.into());
    // The backup path is another LSP.
    let expected = [((1, 1400), Some((3, 1504))), ((2, 1300), Some((3, 1504)))];
    assert_eq!(limits([Some(1400), Some(1300)], Some(2)), expected.into());

    // One NHLFE for two FECs, and an MTU that changes: the buckets are written and nothing else.
    let mut running = Running::new();
    running
        .router
        .ftn("10.9.0.0/16", &paths(&[nhlfe(0, 1, &[100])]));
    let limited = |mtu| PathGroup::new([Path::new(nhlfe(0, 1, &[100]), 1).with_mtu(mtu)]).unwrap();
    running.bind(limited(Some(1400)));
    let nhlfes = |entries: &Entries| {
        let nhlfe = |key: &&Key| matches!(key, Key::Nhlfe(_));
        entries.keys().filter(nhlfe).count()
    };
    assert_eq!(nhlfes(&running.switch.entries), 1);
    let before = running.switch.entries.clone();
    running.bind(limited(Some(1300)));
    let after = &running.switch.entries;
    assert!(
        working(after)
            .iter()
            .all(|bucket| bucket.primary.max_length == 1300)
    );
    let other = |key: &Key| !matches!(key, Key::PathBucket(..));
    let others = |entries: &Entries| {
        let others = entries.iter().filter(|(key, _)| other(key));
        others
            .map(|(key, value)| (*key, value.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(others(&before), others(after));
}

/// A path that is used instead of another and has a limit of its own beside it: a daemon that starts again
/// knows whose bucket is whose, although both leave by one NHLFE.
#[test]
fn members_of_one_nhlfe_keep_their_limits() {
    let mut running = Running::new();
    let limited = Path::new(nhlfe(0, 1, &[100]), 1).with_mtu(Some(1400));
    let backed = Path::new(nhlfe(1, 9, &[100]), 1).with_backup(nhlfe(0, 1, &[100]));
    let third = Path::new(nhlfe(2, 1, &[100]), 1);
    running.bind(PathGroup::new([limited, backed, third]).unwrap());
    let mut limits: BTreeMap<(u16, u16), usize> = BTreeMap::new();
    for bucket in working(&running.switch.entries) {
        let exit = bucket.primary;
        *limits.entry((exit.port, exit.max_length)).or_default() += 1;
    }
    let ways: Vec<_> = limits.keys().copied().collect();
    assert_eq!(ways, [(1, 1400), (1, 1504), (3, 1504)]);
    starts_again(&mut running);
}

/// A daemon that starts again leaves the switch as it is.
fn starts_again(running: &mut Running) {
    let before = running.switch.entries.clone();
    running.translator = Translator::new(capacity());
    running.write();
    assert_eq!(running.switch.entries, before);
}

/// Two addresses of one neighbour are alike in the switch but for the limits of their paths: a daemon that
/// starts again finds which is which.
#[test]
fn alike_nhlfes_are_told_apart_by_their_limits() {
    let mut running = Running::new();
    for last in [1, 2] {
        let mac = MacAddress([2, 9, 9, 9, 9, 9]);
        let next_hop = nhlfe(0, last, &[]).next_hop().clone();
        running.router.forwarding.set_neighbour(next_hop, mac);
    }
    let path = |last, mtu| Path::new(nhlfe(0, last, &[100]), 1).with_mtu(mtu);
    // The second gets its id first.
    running.bind(PathGroup::new([path(2, None)]).unwrap());
    running.bind(PathGroup::new([path(1, Some(1400)), path(2, None)]).unwrap());
    starts_again(&mut running);
}

/// At the penultimate hop there may be labels below the one that is popped: what leaves is then
/// bounded by the MTU of labelled packets, which is often larger.
#[test]
fn what_a_penultimate_hop_sends_may_have_labels() {
    let mut running = Running::new();
    let group = paths(&[nhlfe(0, 1, &[])]);
    running.router.ftn(PREFIX, &group);
    running.router.ilm(1000, &group, Some(Payload::Ipv4));
    running.write();
    let entries = &running.switch.entries;
    assert_eq!(working(entries)[0].primary.max_length, 1500);
    let key = forwarding::IlmKey::platform(label(1000));
    let group = entries[&Key::Ilm(0, key)].path_group().unwrap();
    let popped = buckets_of(entries, group, PathRole::Working);
    assert_eq!(popped[0].primary.max_length, 1508);
    assert_eq!(popped[0].primary.nhlfe, working(entries)[0].primary.nhlfe);
}
