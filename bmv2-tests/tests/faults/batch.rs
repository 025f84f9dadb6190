//! A link that is cut while thousands of entries are written.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bmv2_tests::TestLab;
use bmv2_tests::faults::Flows;
use bmv2_tests::flow::{Flow, Outage};
use dataplane::{Entries, IlmValue, Key, Table, Value, buckets_of};
use forwarding::{IlmKey, PathRole};
use lsrctl::lab::running::Quiet;
use p4runtime_client::Pipeline;
use p4runtime_proto::p4::v1::p4_runtime_client::P4RuntimeClient;
use p4runtime_proto::p4::v1::{self, entity::Entity};
use tonic::transport::Endpoint;

use crate::network::{GRACEFUL, SETTLE, configure, converged, many_routes, reload, up};

/// Routes that are added, each with an FTN entry.
const ROUTES: u32 = 8000;

/// What the switch of p1 holds, read by its own connection.
async fn held(lab: &TestLab, tables: &[Table]) -> Entries {
    let pipeline = Pipeline::load(&lab.file("mpls.p4info.txtpb"), &lab.file("mpls.json"));
    let pipeline = pipeline.expect("the lab has compiled the program");
    let socket = lab.file("p1/switch.sock");
    let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display()));
    let channel = endpoint.expect("a path").connect().await;
    let entities = tables.iter().map(|table| {
        let table = pipeline
            .schema()
            .table(table.name())
            .expect("mpls.p4 has the table");
        let wanted = v1::TableEntry {
            table_id: table.id,
            ..Default::default()
        };
        v1::Entity {
            entity: Some(Entity::TableEntry(wanted)),
        }
    });
    let request = v1::ReadRequest {
        device_id: 1,
        entities: entities.collect(),
        ..Default::default()
    };
    let mut client = P4RuntimeClient::new(channel.expect("the switch listens"));
    let mut answers = client
        .read(request)
        .await
        .expect("the switch reads")
        .into_inner();
    let mut held = Entries::new();
    while let Some(answer) = answers.message().await.expect("the switch reads on") {
        for entity in answer.entities {
            let Some(Entity::TableEntry(entry)) = entity.entity else {
                continue;
            };
            let entry = pipeline
                .schema()
                .decode_entry(&entry)
                .expect("an entry of mpls.p4");
            if !entry.is_default() {
                let (key, value) = dataplane::decode(&entry).expect("lsrd alone writes");
                held.insert(key, value);
            }
        }
    }
    held
}

/// Where an entry sends packets: ports, and the labels that are pushed there.
type Ways = BTreeSet<(u16, Vec<u32>)>;

/// The ways of each FEC and label as the switch holds them.
async fn ways_of_switch(lab: &TestLab) -> BTreeMap<String, Ways> {
    let tables = [
        Table::FtnIpv4,
        Table::FtnIpv6,
        Table::Ilm,
        Table::PathGroup,
        Table::PathBucket,
        Table::Nhlfe,
    ];
    let held = held(lab, &tables).await;
    let ways = |value: &Value| {
        let buckets = value
            .path_group()
            .map(|group| buckets_of(&held, group, PathRole::Working));
        let exits = buckets.into_iter().flatten().map(|bucket| bucket.primary);
        exits
            .map(|exit| match held.get(&Key::Nhlfe(exit.nhlfe)) {
                Some(Value::Nhlfe(nhlfe)) => {
                    let push = nhlfe.push.iter().flat_map(|push| &push.labels);
                    (exit.port, push.map(|label| label.value()).collect())
                }
                other => panic!("a bucket points at {other:?}"),
            })
            .collect()
    };
    held.iter()
        .filter_map(|(key, value)| match (key, value) {
            (Key::Ftn(_, prefix), _) => Some((prefix.to_string(), ways(value))),
            // Special-purpose labels have their meaning from RFCs.
            (Key::Ilm(_, IlmKey { label, .. }), Value::Ilm(action)) if !label.is_reserved() => {
                let ways = match action {
                    IlmValue::PopAndLookUpIp { .. } => Ways::new(),
                    _ => ways(value),
                };
                Some((format!("label {label}"), ways))
            }
            _ => None,
        })
        .collect()
}

/// The same as lsrd wants them, by `lsrctl show ftn` and `show ilm`.
async fn ways_of_lsrd(lab: &TestLab) -> BTreeMap<String, Ways> {
    let management = lab.management("p1");
    let interfaces = management.interfaces().await.unwrap();
    let ports: BTreeMap<_, _> = interfaces
        .iter()
        .map(|interface| (interface.name.as_str(), interface.port as u16))
        .collect();
    let (ftn, ilm) = (
        management.ftn().await.unwrap(),
        management.ilm().await.unwrap(),
    );
    let ways = |nhlfes: &[northbound::v1::Nhlfe]| -> Ways {
        let way = |of: &northbound::v1::Nhlfe| (ports[of.interface.as_str()], of.labels.clone());
        nhlfes.iter().map(way).collect()
    };
    let installed = |status: &Option<northbound::v1::EntryStatus>| {
        status
            .as_ref()
            .is_some_and(|status| status.state() == northbound::v1::entry_status::State::Installed)
    };
    let ftn = ftn.iter().filter(|of| installed(&of.status));
    let ftn = ftn.map(|of| (of.fec.clone(), ways(&of.nhlfes)));
    let ilm = ilm
        .iter()
        .filter(|of| installed(&of.status) && of.label > 15);
    let ilm = ilm.map(|of| (format!("label {}", of.label), ways(&of.nhlfes)));
    ftn.chain(ilm).collect()
}

/// How many of the routes the switch holds.
async fn routes_held(lab: &TestLab) -> usize {
    let held = held(lab, &[Table::FtnIpv4]).await;
    let of_routes = |key: &&Key| matches!(key, Key::Ftn(_, prefix) if prefix.prefix_len() == 28);
    held.keys().filter(of_routes).count()
}

/// Waits until the switch holds some of the routes and not all; gives how many.
async fn amidst(lab: &TestLab) -> usize {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let count = routes_held(lab).await;
        if count > 0 {
            return count;
        }
        assert!(Instant::now() < end, "no route reaches the switch");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until the switch holds what lsrd wants, entry by entry.
async fn same(lab: &TestLab) {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        lab.wait_until_ready(&Quiet).await.unwrap();
        let (wanted, held) = (ways_of_lsrd(lab).await, ways_of_switch(lab).await);
        if wanted == held {
            return;
        }
        let differ: Vec<_> = wanted
            .iter()
            .filter(|(key, ways)| held.get(*key) != Some(ways))
            .map(|(key, ways)| (key, ways, held.get(key)))
            .take(5)
            .collect();
        let more: Vec<_> = held
            .keys()
            .filter(|key| !wanted.contains_key(*key))
            .take(5)
            .collect();
        assert!(
            Instant::now() < end,
            "wanted and held: {differ:?}; held alone: {more:?}"
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// What goes by other links does not notice, and the switch comes to hold what is wanted.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_cut_amidst_a_batch_of_writes_costs_what_goes_by_the_link() {
    let Some(lab) = up(GRACEFUL).await else {
        return;
    };
    let former = configure(&lab, &many_routes(ROUTES));
    let flows = Flows::start(&lab, "h1", "h2");
    let to_h3 = Flow::start(&lab, "h1", "h3", false);
    tokio::time::sleep(SETTLE).await;
    reload(&lab).await;
    let before = amidst(&lab).await;
    let from = Instant::now();
    lab.sandbox().set_link("p1", "eth3", false).unwrap();
    let after = routes_held(&lab).await;
    tokio::time::sleep(SETTLE).await;
    lab.sandbox().set_link("p1", "eth3", true).unwrap();
    // Its neighbour has to be found again too.
    let until = converged(&lab).await;
    let outage = Outage { from, until };
    same(&lab).await;
    let (loss, by_link) = (flows.stop().await, to_h3.stop().await);
    loss.record(
        &format!("a link cut amidst {ROUTES} writes, p1"),
        &format!(
            "other links are not concerned; by the link itself, cut for {SETTLE:?}, {} of {} were lost",
            by_link.lost(),
            by_link.sent()
        ),
        "none lost by other links; the switch holds what lsrd wants",
    );
    println!("cut between {before} and {after} routes of {ROUTES}");
    assert!(after < ROUTES as usize, "the cut came after the batch");
    assert!(by_link.lost() > 0, "a link that is cut carries nothing");
    assert_eq!(
        by_link.lost_outside(outage),
        0,
        "outside of {:?}",
        outage.length()
    );
    loss.assert_none();
    assert_eq!(routes_held(&lab).await, ROUTES as usize);
    // And back: nothing of it is left.
    std::fs::write(lab.file("p1/lsrd.toml"), former).unwrap();
    reload(&lab).await;
    same(&lab).await;
    assert_eq!(routes_held(&lab).await, 0);
}
