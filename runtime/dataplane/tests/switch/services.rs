//! The whole of what a protocol can ask for, in a running switch.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use dataplane::{Desired, Driver, Status, Switchover};
use forwarding::{
    AttachmentCircuit, Behaviour, Codes, Dscp, EntryKey, Fec, FtnAction, IlmAction, IlmKey,
    LabelSpace, NextHop, Nhlfe, Path, PathGroup, PathRole, Pcp, Phb, ProtectionId, Protocol,
    QosMap, QosMapId, Replication, SpecialPurposeLabels, Tunnel, TunnelEnd, TunnelKind,
    TunnelModel, VlanId, VrfId,
};
use mpls::TrafficClass;
use tokio::time::timeout;

use crate::support::{
    NEIGHBOUR_MAC, Place, Router, RunningSwitch, frame, group, in_sync, ipv4, label, labelled,
    next_hop, nhlfe, wait_for,
};

async fn start(place: &Place, desired: Desired, switchover: Switchover) -> Driver {
    let driver = Driver::spawn(place.options()).unwrap();
    driver.handle.set_switchover(switchover);
    driver.handle.set_desired(desired);
    driver
}

async fn stop(driver: Driver) {
    let Driver {
        handle,
        packets,
        task,
    } = driver;
    drop((handle, packets));
    timeout(Duration::from_secs(10), task)
        .await
        .unwrap()
        .unwrap();
}

/// The port and the frame of the one packet that leaves.
fn one(switch: &RunningSwitch, port: u32, frame: &[u8]) -> (u32, Vec<u8>) {
    let sent = switch.switch.process(port, frame);
    let [(port, frame)] = &sent[..] else {
        panic!("{sent:?}")
    };
    (*port, frame.to_vec())
}

fn both() -> Arc<PathGroup> {
    group(&[nhlfe("core0", &[100]), nhlfe("core1", &[100])])
}

fn swap(paths: &Arc<PathGroup>) -> IlmAction {
    IlmAction::Forward {
        paths: Arc::clone(paths),
        payload: None,
        tunnel_model: TunnelModel::Uniform,
        qos_map: QosMapId::DEFAULT,
    }
}

fn all_up() -> Switchover {
    Switchover {
        ports: (1..4).map(|port| (port, true)).collect(),
        ..Default::default()
    }
}

/// RFC 5654 requirement 97: one update takes the flows of all labels off a dead port, and it does
/// not wait for a change of ten thousand labels that is under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_port_is_one_write_ahead_of_all_others() {
    let mut written = Vec::new();
    for labels in [1, 100, 10_000] {
        let place = Place::new();
        let switch = RunningSwitch::start(&place.socket()).await;
        let mut router = Router::new();
        let paths = both();
        for value in 0..labels {
            router.ilm(1000 + value, swap(&paths));
        }
        let driver = start(&place, router.desired(), all_up()).await;
        let before = in_sync(&driver).await;
        assert_eq!(before.switchover_updates_written, 0);

        // The next change is long, and the port dies meanwhile.
        for value in 0..labels {
            router.ilm(500_000 + value, swap(&paths));
        }
        driver.handle.set_desired(router.desired());
        let mut state = all_up();
        state.ports.insert(2, false);
        driver.handle.set_switchover(state.clone());
        let switched = |status: &Status| status.switchover_updates_written > 0;
        let after = wait_for(&driver, switched).await;
        assert_eq!(after.switchover_updates_written, 1);
        if labels == 10_000 {
            assert_eq!(after.updates_written, before.updates_written);
        }
        for flow in 0..20 {
            // Every flow of every label leaves by the other port.
            let stack = [1000, 50_000 + flow];
            assert_eq!(one(&switch, 1 + 2, &labelled(&stack, 10)).0, 3);
        }
        let all = |status: &Status| status.usage["ilm"].entries >= 2 * labels + 3;
        let settled = wait_for(&driver, all).await;
        assert!(settled.problems.is_empty() && settled.programmed.refused.is_empty());

        // It comes back: one update again.
        driver.handle.set_switchover(all_up());
        let back = |status: &Status| status.switchover_updates_written > 1;
        let back = wait_for(&driver, back).await;
        written.push(back.switchover_updates_written);
        stop(driver).await;
        switch.stop().await;
    }
    assert_eq!(written, [2, 2, 2]);
}

/// RFC 6378: the head switches all its groups by one update, and the tail takes the packets of the
/// path that is selected.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_and_tail_switch_by_one_write() {
    let place = Place::new();
    let switch = RunningSwitch::start(&place.socket()).await;
    let mut router = Router::new();
    let id = ProtectionId::new(5).unwrap();
    let path = |name, value| [Path::new(nhlfe(name, &[value]), 1)];
    let paths = PathGroup::protected(path("core0", 100), id, path("core1", 200)).unwrap();
    let paths = Arc::new(paths);
    for value in 1000..1010 {
        router.ilm(value, swap(&paths));
    }
    for (value, role) in [(2000, PathRole::Working), (2001, PathRole::Protecting)] {
        let tail_end = Some(forwarding::TailEnd {
            protection: id,
            role,
        });
        let action = IlmAction::PopAndLookUpLabel {
            label_space: LabelSpace::PLATFORM,
            tunnel_model: TunnelModel::Pipe,
            qos_map: QosMapId::DEFAULT,
            tail_end,
        };
        router.ilm(value, action);
    }
    let roles = |role| Switchover {
        protection: [(id, role)].into(),
        tail_selection: [(id, role)].into(),
        ..all_up()
    };
    let driver = start(&place, router.desired(), roles(PathRole::Working)).await;
    in_sync(&driver).await;
    wait_for(&driver, |status| status.switchover_updates_written == 2).await;
    let check = |head_port: u32, selected: u32, discarded: u32| {
        for value in 1000..1010 {
            assert_eq!(one(&switch, 3, &labelled(&[value], 10)).0, head_port);
        }
        assert_eq!(
            one(&switch, 3, &labelled(&[selected, 1000], 10)).0,
            head_port
        );
        let discarded = labelled(&[discarded, 1000], 10);
        assert!(switch.switch.process(3, &discarded).is_empty());
    };
    check(2, 2000, 2001);
    driver.handle.set_switchover(roles(PathRole::Protecting));
    wait_for(&driver, |status| status.switchover_updates_written == 4).await;
    check(3, 2001, 2000);
    stop(driver).await;
    switch.stop().await;
}

fn circuit(vlan: Option<u16>) -> AttachmentCircuit {
    AttachmentCircuit {
        port: 1,
        vlan: vlan.map(|vlan| VlanId::new(vlan).unwrap()),
    }
}

/// A router with one of everything that a protocol can ask for.
pub(crate) fn everything() -> Router {
    let mut router = Router::new();
    let forwarding = &mut router.forwarding;
    for space in [LabelSpace::PLATFORM, LabelSpace::EXTENDED_SPECIAL_PURPOSE] {
        for (key, action) in SpecialPurposeLabels::default().bindings(space) {
            let owner = Protocol::Local.into();
            forwarding.bind_ilm(owner, key, action).unwrap();
        }
    }
    let mut ftn = |fec, action| forwarding.bind_ftn(Protocol::Static.into(), fec, action);
    let pseudowire = nhlfe("core0", &[100, 500]).with_control_word().unwrap();
    let fec = Fec::AttachmentCircuit(circuit(Some(7)));
    ftn(fec, FtnAction::Forward(group(&[pseudowire])));
    let whole = AttachmentCircuit {
        port: 9,
        vlan: None,
    };
    let pseudowire = group(&[nhlfe("core0", &[100, 501])]);
    ftn(
        Fec::AttachmentCircuit(whole),
        FtnAction::Forward(pseudowire),
    );
    let receivers: IpAddr = [239, 1, 1, 1].into();
    let leaf = Nhlfe::unlabelled(NextHop::new("core1", receivers));
    let branches = [nhlfe("core0", &[700]), leaf];
    let replication = Arc::new(Replication::new(branches, None).unwrap());
    let fec = Fec::host(VrfId::DEFAULT, receivers);
    ftn(fec, FtnAction::Replicate(replication));
    let dscp = Dscp::new(46).unwrap();
    let ends: [(IpAddr, IpAddr); 2] = [
        ([192, 0, 2, 1].into(), [192, 0, 2, 2].into()),
        (
            "2001:db8::1".parse().unwrap(),
            "2001:db8::2".parse().unwrap(),
        ),
    ];
    for (source, destination) in ends {
        let kinds = [TunnelKind::Udp, TunnelKind::Gre, TunnelKind::Ip];
        for (index, kind) in kinds.into_iter().enumerate() {
            let tunnel = Tunnel::new(kind, source, destination, 64, dscp).unwrap();
            let over = nhlfe("core0", &[900]).with_tunnel(tunnel).unwrap();
            let prefix = match source {
                IpAddr::V4(_) => format!("10.{}.0.0/16", 100 + index),
                IpAddr::V6(_) => format!("2001:db8:{index}::/48"),
            };
            let fec = Fec::prefix(VrfId::DEFAULT, prefix.parse().unwrap());
            ftn(fec, FtnAction::Forward(group(&[over])));
        }
    }
    let end = |source: Option<&str>| TunnelEnd {
        vrf: VrfId::DEFAULT,
        kind: TunnelKind::Udp,
        destination: ends[0].0,
        source: source.map(|source| source.parse().unwrap()),
    };
    forwarding.replace_tunnel_ends([
        (end(None), LabelSpace(0x8001)),
        (end(Some("192.0.2.0/24")), LabelSpace::PLATFORM),
        (
            TunnelEnd {
                destination: ends[1].0,
                ..end(None)
            },
            LabelSpace::PLATFORM,
        ),
    ]);
    forwarding.replace_upstream_contexts([(next_hop("core0"), LabelSpace(0x8002))]);
    let class = TrafficClass::new(5).unwrap();
    let phb = Phb::new(46).unwrap();
    let behaviour = Behaviour {
        phb,
        congestion: true,
    };
    let codes = Codes {
        traffic_class: class,
        dscp,
        pcp: Pcp::new(5).unwrap(),
    };
    let map = QosMap {
        from_traffic_class: [(class, behaviour)].into(),
        from_dscp: [(dscp, phb)].into(),
        to_codes: [(behaviour, codes)].into(),
        mark_congestion: [(class, TrafficClass::new(6).unwrap())].into(),
    };
    forwarding.replace_qos_maps([(QosMapId(1), map)]);

    let id = ProtectionId::new(5).unwrap();
    let backed = Path::new(nhlfe("core0", &[100]), 2).with_backup(nhlfe("core1", &[101]));
    let shared = [backed, Path::new(nhlfe("core1", &[100]), 1)];
    let protecting = [Path::new(nhlfe("core1", &[200]), 1)];
    let protected = Arc::new(PathGroup::protected(shared, id, protecting).unwrap());
    router.ilm(1000, swap(&protected));
    let local = LabelSpace(0x8003);
    let branches = [nhlfe("core0", &[701]), nhlfe("core1", &[702])];
    let replication = Replication::new(branches, Some(local)).unwrap();
    router.ilm(
        1001,
        IlmAction::Replicate {
            replication: Arc::new(replication),
            qos_map: QosMapId(1),
        },
    );
    router.ilm(
        1002,
        IlmAction::PopToAttachmentCircuit {
            circuit: circuit(Some(7)),
            control_word: true,
            qos_map: QosMapId::DEFAULT,
            tail_end: None,
        },
    );
    let entropy = nhlfe("core0", &[300, 301]).with_entropy_label(2).unwrap();
    router.ilm(1003, swap(&group(&[entropy])));
    let topology = ((VrfId::DEFAULT, dscp), VrfId(3996));
    router.desired.topologies.extend([topology]);
    router
}

/// A daemon that starts again finds everything that it has written, and writes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_written_and_found_again() {
    let place = Place::new();
    let switch = RunningSwitch::start(&place.socket()).await;
    let router = everything();
    let id = ProtectionId::new(5).unwrap();
    let switchover = Switchover {
        protection: [(id, PathRole::Protecting)].into(),
        tail_selection: [(id, PathRole::Working)].into(),
        ports: [(1, true), (2, true), (3, true), (9, false)].into(),
    };
    let driver = start(&place, router.desired(), switchover.clone()).await;
    let status = in_sync(&driver).await;
    assert_eq!(status.problems, Vec::<String>::new());
    assert!(status.programmed.refused.is_empty(), "{status:#?}");
    wait_for(&driver, |status| status.switchover_updates_written == 3).await;
    let status = driver.handle.status().borrow().clone();
    assert_eq!(status.switchover_problems, Vec::<String>::new());
    for (table, usage) in &status.usage {
        assert!(usage.entries > 0, "{table}");
    }
    stop(driver).await;

    let driver = start(&place, router.desired(), switchover).await;
    let status = in_sync(&driver).await;
    assert_eq!(status.updates_written, 0);
    wait_for(&driver, |status| status.usage["port_state"].entries == 1).await;
    let written = driver.handle.status().borrow().switchover_updates_written;
    assert_eq!(written, 0);

    // A pseudowire's frame, and the branches of a label, with their counters.
    let customer = [&[0xAA; 12][..], &[0x81, 0, 0, 7, 0x88, 0xB5, 1, 2, 3]].concat();
    let (port, encapsulated) = one(&switch, 1, &customer);
    assert_eq!(port, 2);
    assert_eq!(encapsulated[..6], NEIGHBOUR_MAC.0);
    let copies = switch.switch.process(2, &labelled(&[1001], 10));
    let ports: Vec<_> = copies.iter().map(|(port, _)| *port).collect();
    assert!(ports.contains(&2) && ports.contains(&3), "{ports:?}");
    let counters = driver.handle.counters().await.unwrap();
    let fec = Fec::AttachmentCircuit(circuit(Some(7)));
    assert_eq!(counters.ftn[&fec].packets, 1);
    let key = EntryKey::Ilm(IlmKey::platform(label(1001)));
    let branches = &counters.branches[&key];
    assert_eq!(branches[&nhlfe("core0", &[701])].packets, 1);
    assert_eq!(branches[&nhlfe("core1", &[702])].packets, 1);
    assert_eq!(counters.local_branches[&key].packets, 1);
    stop(driver).await;
    switch.stop().await;
}

/// The branches of a label change beside those that stay, and go with the label.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn branches_follow_the_label() {
    let place = Place::new();
    let switch = RunningSwitch::start(&place.socket()).await;
    let mut router = Router::new();
    let replicate = |nhlfes: &[Nhlfe]| IlmAction::Replicate {
        replication: Arc::new(Replication::new(nhlfes.iter().cloned(), None).unwrap()),
        qos_map: QosMapId::DEFAULT,
    };
    let [a, b, c] = [("core0", 1), ("core1", 2), ("access", 3)];
    let [a, b, c] = [a, b, c].map(|(name, value)| nhlfe(name, &[700 + value]));
    router.ilm(1000, replicate(&[a.clone(), b]));
    let driver = start(&place, router.desired(), all_up()).await;
    in_sync(&driver).await;
    let ports = |switch: &RunningSwitch| {
        let copies = switch.switch.process(2, &labelled(&[1000], 10));
        let mut ports: Vec<_> = copies.iter().map(|(port, _)| *port).collect();
        ports.sort();
        ports
    };
    assert_eq!(ports(&switch), [2, 3]);
    router.ilm(1000, replicate(&[a, c]));
    driver.handle.set_desired(router.desired());
    let before = driver.handle.status().borrow().updates_written;
    wait_for(&driver, |status| status.updates_written > before).await;
    assert_eq!(ports(&switch), [1, 2]);
    router.forwarding.replace_ilm(Protocol::Static, []).unwrap();
    driver.handle.set_desired(router.desired());
    let gone = |status: &Status| status.usage["multicast_group"].entries == 0;
    let status = wait_for(&driver, gone).await;
    assert_eq!(status.usage["branch"].entries, 0);
    let ip = ipv4([10, 2, 0, 9].into(), 64);
    assert_eq!(one(&switch, 1, &frame(0x0800, &ip)).0, 2);
    stop(driver).await;
    switch.stop().await;
}

/// How many of 1,000 random flows leave by each member, and by which each flow leaves.
fn spread(switch: &RunningSwitch, members: usize) -> (Vec<u32>, Vec<usize>) {
    // Numbers of Knuth's generator, the same in every run.
    let mut state: u64 = 20;
    let mut random = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    };
    let mut counts = vec![0; members];
    let mut flows = Vec::new();
    for _ in 0..1000 {
        let mut packet = ipv4([10, 2, 0, 9].into(), 64);
        packet[19] = random() as u8;
        packet[12..16].copy_from_slice(&random().to_be_bytes());
        packet[20..24].copy_from_slice(&random().to_be_bytes());
        packet[10..12].fill(0);
        let words = packet[..20].chunks(2);
        let sum: u32 = words
            .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
            .sum();
        let checksum = !((sum & 0xFFFF) + (sum >> 16)) as u16;
        packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        let (_, sent) = one(switch, 1, &frame(0x0800, &packet));
        let label = u32::from_be_bytes(sent[14..18].try_into().unwrap()) >> 12;
        let member = label as usize - 100;
        counts[member] += 1;
        flows.push(member);
    }
    (counts, flows)
}

/// RFC 7325 section 2.4.5: flows are shared evenly; one flow takes one path; and when a path goes,
/// its flows alone move.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_flows_are_shared_evenly() {
    let place = Place::new();
    let switch = RunningSwitch::start(&place.socket()).await;
    let mut router = Router::new();
    // A member is told by its label.
    let hops = |members: u32| {
        let hop = |at: u32| nhlfe(["core0", "core1"][at as usize % 2], &[100 + at]);
        (0..members).map(hop).collect::<Vec<_>>()
    };
    router.ftn("10.2.0.0/24", &hops(2));
    let driver = start(&place, router.desired(), all_up()).await;
    in_sync(&driver).await;
    for members in [2, 3, 4, 8, 16] {
        router.ftn("10.2.0.0/24", &hops(members));
        driver.handle.set_desired(router.desired());
        let wanted = members + 3;
        wait_for(&driver, |status| {
            status.usage["nhlfe"].entries == wanted - 1
        })
        .await;
        wait_for(&driver, |status| status.in_sync).await;
        let (counts, flows) = spread(&switch, members as usize);
        let share = 1000.0 / f64::from(members);
        for count in &counts {
            // A perfect hash is off by sqrt(share) on average: of 16 members one is mostly off by
            // more than 20 %, whoever counts.
            let off = (f64::from(*count) - share).abs();
            assert!(off <= 3.5 * share.sqrt(), "{counts:?}");
            assert!(share < 250.0 || off <= 0.2 * share, "{counts:?}");
        }
        let (_, again) = spread(&switch, members as usize);
        assert_eq!(flows, again);

        router.ftn("10.2.0.0/24", &hops(members - 1));
        driver.handle.set_desired(router.desired());
        wait_for(&driver, |status| {
            status.usage["nhlfe"].entries == wanted - 2
        })
        .await;
        let (_, without) = spread(&switch, members as usize);
        for (before, after) in flows.iter().zip(&without) {
            assert!(before == after || *before == members as usize - 1);
        }
    }
    stop(driver).await;
    switch.stop().await;
}
