//! gNMI for ports: the sections named are those of the gNMI Specification 0.10.0.

mod limits;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gnmi_proto::gnmi::g_nmi_client::GNmiClient;
use gnmi_proto::gnmi::subscribe_request::Request as SubscribeKind;
use gnmi_proto::gnmi::subscribe_response::Response as SubscribeNews;
use gnmi_proto::gnmi::subscription_list::Mode;
use gnmi_proto::gnmi::typed_value::Value;
use gnmi_proto::gnmi::{
    CapabilityRequest, Encoding, GetRequest, Notification, Path, PathElem, Poll, SetRequest,
    SubscribeRequest, SubscribeResponse, Subscription, SubscriptionList, SubscriptionMode,
    TypedValue, Update,
};
use gnmi_proto::path::{interface_path, to_text};
use p4_switch::control::PortState;
use p4_switch::p4runtime::{Address, Listener, Service};
use p4_switch::port::{MemoryPort, PortHandle};
use p4_switch::{Switch, SwitchConfig};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Streaming};

const PATIENCE: Duration = Duration::from_secs(20);

/// A switch with the ports 1 (eth1) and 2 (eth2), and a client of its gNMI server.
struct Bench {
    switch: Switch,
    ports: Vec<PortHandle>,
    client: GNmiClient<Channel>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    _directory: tempfile::TempDir,
}

async fn bench() -> Bench {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("grpc.sock");
    let config = SwitchConfig::default();
    let (switch, events) = Switch::new(config.clone());
    let ports = [(1, "eth1"), (2, "eth2")].map(|(number, name)| {
        let port = Arc::new(MemoryPort::new(name));
        switch.add_port(number, port, PortState::Up, None).unwrap()
    });
    let address = Address::Unix(socket.clone());
    let listener = Listener::bind(&address).await.unwrap();
    let service = Service::new(1, switch.clone(), config, events);
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(async move {
        let stopped = async {
            let _ = stopped.await;
        };
        listener.serve(service, stopped).await.unwrap();
    });
    let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display())).unwrap();
    Bench {
        switch,
        ports: ports.into(),
        client: GNmiClient::new(endpoint.connect().await.unwrap()),
        stop,
        server,
        _directory: directory,
    }
}

/// A path without keys.
fn path(elems: &[&str]) -> Path {
    let elem = |name: &&str| PathElem {
        name: (*name).to_owned(),
        ..PathElem::default()
    };
    Path {
        elem: elems.iter().map(elem).collect(),
        ..Path::default()
    }
}

fn values(notifications: &[Notification]) -> BTreeMap<String, Value> {
    let updates = notifications.iter().flat_map(|n| &n.update);
    updates
        .map(|update| {
            let path = to_text(update.path.as_ref().unwrap());
            let value = update.val.clone().unwrap().value.unwrap();
            (path, value)
        })
        .collect()
}

fn text(text: &str) -> Value {
    Value::StringVal(text.to_owned())
}

impl Bench {
    async fn get(
        &mut self,
        path: Path,
        encoding: Encoding,
    ) -> Result<BTreeMap<String, Value>, tonic::Status> {
        let request = GetRequest {
            path: vec![path],
            encoding: encoding.into(),
            ..GetRequest::default()
        };
        let response = self.client.get(request).await?.into_inner();
        Ok(values(&response.notification))
    }

    async fn set(&mut self, path: Path, value: Value) -> Result<(), tonic::Status> {
        let update = Update {
            path: Some(path),
            val: Some(TypedValue { value: Some(value) }),
            ..Update::default()
        };
        let request = SetRequest {
            update: vec![update],
            ..SetRequest::default()
        };
        let response = self.client.set(request).await?.into_inner();
        assert_eq!(response.response.len(), 1);
        Ok(())
    }

    async fn subscribe(&mut self, mode: Mode, subscription: Subscription) -> Subscriber {
        let subscriber = self.try_subscribe(mode, vec![subscription]).await;
        subscriber.unwrap()
    }

    async fn try_subscribe(
        &mut self,
        mode: Mode,
        subscription: Vec<Subscription>,
    ) -> Result<Subscriber, tonic::Status> {
        let (requests, stream) = mpsc::channel(4);
        let list = SubscriptionList {
            mode: mode.into(),
            encoding: Encoding::Proto.into(),
            subscription,
            ..SubscriptionList::default()
        };
        requests
            .send(SubscribeRequest {
                request: Some(SubscribeKind::Subscribe(list)),
                ..SubscribeRequest::default()
            })
            .await
            .unwrap();
        let stream = ReceiverStream::new(stream);
        let responses = self.client.subscribe(stream).await?.into_inner();
        Ok(Subscriber {
            requests,
            responses,
        })
    }
}

struct Subscriber {
    requests: mpsc::Sender<SubscribeRequest>,
    responses: Streaming<SubscribeResponse>,
}

impl Subscriber {
    async fn next(&mut self) -> Result<Option<SubscribeNews>, tonic::Status> {
        let response = tokio::time::timeout(PATIENCE, self.responses.message()).await;
        let response = response.expect("an answer in time")?;
        Ok(response.and_then(|response| response.response))
    }

    /// The updates until all that there is has been told.
    async fn synchronized(&mut self) -> BTreeMap<String, Value> {
        let mut notifications = Vec::new();
        loop {
            match self.next().await.unwrap() {
                Some(SubscribeNews::Update(notification)) => notifications.push(notification),
                Some(SubscribeNews::SyncResponse(true)) => return values(&notifications),
                other => panic!("{other:?}"),
            }
        }
    }

    async fn update(&mut self) -> BTreeMap<String, Value> {
        match self.next().await.unwrap() {
            Some(SubscribeNews::Update(notification)) => values(&[notification]),
            other => panic!("{other:?}"),
        }
    }
}

fn subscription(path: Path, mode: SubscriptionMode, interval: Duration) -> Subscription {
    Subscription {
        path: Some(path),
        mode: mode.into(),
        sample_interval: interval.as_nanos() as u64,
        ..Subscription::default()
    }
}

#[tokio::test]
async fn section_3_2_capabilities_name_model_and_encodings() {
    let mut bench = bench().await;
    let request = CapabilityRequest::default();
    let answer = bench
        .client
        .capabilities(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.supported_models[0].name, "openconfig-interfaces");
    assert!(answer.supported_encodings.contains(&Encoding::Proto.into()));
    assert_eq!(answer.g_nmi_version, gnmi_proto::GNMI_VERSION);
}

#[tokio::test]
async fn section_3_3_get_gives_the_leaves_of_interfaces() {
    let mut bench = bench().await;
    let to = |destination: u8| [[destination; 6].as_slice(), &[0; 14]].concat();
    for frame in [to(0), to(0xff), to(1), to(3)] {
        bench.ports[0].receive(&frame);
    }
    let all = interface_path("eth1", &[]);
    let found = bench.get(all, Encoding::Proto).await.unwrap();
    let leaf = |rest: &str| found[&format!("/interfaces/interface[name=eth1]/{rest}")].clone();
    assert_eq!(leaf("state/name"), text("eth1"));
    assert_eq!(leaf("state/id"), Value::UintVal(1));
    assert_eq!(leaf("state/ifindex"), Value::UintVal(0));
    assert_eq!(leaf("state/admin-status"), text("UP"));
    assert_eq!(leaf("state/oper-status"), text("UP"));
    for (counter, value) in [
        ("in-octets", 80),
        ("in-pkts", 4),
        ("in-unicast-pkts", 1),
        ("in-multicast-pkts", 2),
        ("in-broadcast-pkts", 1),
        ("out-unicast-pkts", 0),
    ] {
        let value = Value::UintVal(value);
        assert_eq!(
            leaf(&format!("state/counters/{counter}")),
            value,
            "{counter}"
        );
    }
    assert_eq!(leaf("config/enabled"), Value::BoolVal(true));
    assert!(matches!(leaf("state/last-change"), Value::UintVal(time) if time > 0));

    // Wildcards, as Stratum's clients write them.
    let rest = ["state", "oper-status"];
    for wild in [
        interface_path("*", &rest),
        path(&["interfaces", "interface", "state", "oper-status"]),
        path(&["interfaces", "interface", "...", "oper-status"]),
    ] {
        let found = bench.get(wild, Encoding::Proto).await.unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
    }

    let id = interface_path("eth2", &["state", "id"]);
    // A request without encoding has this one, and Stratum's clients want typed values then.
    let typed = bench.get(id.clone(), Encoding::Json).await.unwrap();
    assert_eq!(typed.into_values().next(), Some(Value::UintVal(2)));
    let json = bench.get(id.clone(), Encoding::JsonIetf).await.unwrap();
    let string = Value::JsonIetfVal(b"\"2\"".into());
    assert_eq!(json.into_values().next(), Some(string));

    let error = bench.get(id, Encoding::Ascii).await.unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    let missing = interface_path("eth9", &[]);
    let error = bench.get(missing, Encoding::Proto).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
}

#[tokio::test]
async fn section_3_4_set_disables_and_enables_a_port() {
    let mut bench = bench().await;
    let enabled = interface_path("eth2", &["config", "enabled"]);
    let off = Value::BoolVal(false);
    bench.set(enabled.clone(), off.clone()).await.unwrap();
    assert_eq!(bench.switch.ports()[1].state, PortState::Down);
    assert_eq!(bench.switch.ports()[0].state, PortState::Up);
    let admin = interface_path("eth2", &["state", "admin-status"]);
    let found = bench.get(admin, Encoding::Proto).await.unwrap();
    assert_eq!(found.into_values().next(), Some(text("DOWN")));
    let on = Value::JsonIetfVal(br#"{"enabled": true}"#.into());
    bench
        .set(interface_path("eth2", &["config"]), on)
        .await
        .unwrap();
    assert_eq!(bench.switch.ports()[1].state, PortState::Up);

    for (path, value, code) in [
        (
            interface_path("eth9", &["config", "enabled"]),
            off.clone(),
            Code::NotFound,
        ),
        (
            interface_path("eth1", &["state", "id"]),
            Value::UintVal(7),
            Code::Unimplemented,
        ),
        (
            path(&["system", "config"]),
            off.clone(),
            Code::Unimplemented,
        ),
        (enabled.clone(), text("off"), Code::InvalidArgument),
    ] {
        let error = bench.set(path.clone(), value).await.unwrap_err();
        assert_eq!(error.code(), code, "{}: {error}", to_text(&path));
    }
    // All of a request is checked before anything changes.
    let update = |path| Update {
        path: Some(path),
        val: Some(TypedValue {
            value: Some(off.clone()),
        }),
        ..Update::default()
    };
    let wrong = interface_path("eth9", &["config", "enabled"]);
    let request = SetRequest {
        update: vec![update(enabled), update(wrong)],
        ..SetRequest::default()
    };
    assert!(bench.client.set(request).await.is_err());
    assert_eq!(bench.switch.ports()[1].state, PortState::Up);
}

#[tokio::test]
async fn section_3_5_1_5_2_a_stream_tells_of_every_change() {
    let mut bench = bench().await;
    let status = interface_path("*", &["state", "oper-status"]);
    let on_change = subscription(status, SubscriptionMode::OnChange, Duration::ZERO);
    let mut subscriber = bench.subscribe(Mode::Stream, on_change).await;
    assert_eq!(subscriber.synchronized().await.len(), 2);
    let one = |status: &str| {
        let path = "/interfaces/interface[name=eth1]/state/oper-status";
        BTreeMap::from([(path.to_owned(), text(status))])
    };
    bench.ports[0].set_state(PortState::Down);
    assert_eq!(subscriber.update().await, one("DOWN"));
    bench.ports[0].set_state(PortState::Up);
    assert_eq!(subscriber.update().await, one("UP"));
    // A port that goes takes its leaves with it.
    bench.switch.remove_port(1).unwrap();
    let Some(SubscribeNews::Update(gone)) = subscriber.next().await.unwrap() else {
        panic!("no update");
    };
    assert_eq!(
        gone.delete,
        [interface_path("eth1", &["state", "oper-status"])]
    );

    // The stream ends with the switch.
    bench.stop.send(()).unwrap();
    let error = subscriber.next().await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    drop(subscriber);
    drop(bench.client);
    bench.server.await.unwrap();
}

#[tokio::test]
async fn section_3_5_1_5_2_a_stream_samples() {
    let mut bench = bench().await;
    let octets = interface_path("eth1", &["state", "counters", "in-octets"]);
    let sample = |interval| subscription(octets.clone(), SubscriptionMode::Sample, interval);
    let mut subscriber = bench
        .subscribe(Mode::Stream, sample(Duration::from_millis(100)))
        .await;
    let seen = |values: BTreeMap<String, Value>| values.into_values().next().unwrap();
    assert_eq!(seen(subscriber.synchronized().await), Value::UintVal(0));
    assert_eq!(seen(subscriber.update().await), Value::UintVal(0));
    bench.ports[0].receive(&[0; 100]);
    assert_eq!(seen(subscriber.update().await), Value::UintVal(100));

    let refused =
        |mut subscriber: Subscriber| async move { subscriber.next().await.unwrap_err().code() };
    let fast = bench
        .subscribe(Mode::Stream, sample(Duration::from_nanos(1)))
        .await;
    assert_eq!(refused(fast).await, Code::InvalidArgument);
    let counter = subscription(octets, SubscriptionMode::OnChange, Duration::ZERO);
    let counter = bench.subscribe(Mode::Stream, counter).await;
    assert_eq!(refused(counter).await, Code::InvalidArgument);
}

/// What has not changed is sent again at each heartbeat; changes are sent at once all the same.
#[tokio::test]
async fn section_3_5_1_5_2_values_are_sent_again_at_each_heartbeat() {
    let mut bench = bench().await;
    let status = interface_path("eth1", &["state", "oper-status"]);
    let beating = |path: &Path, mode, sample, beat: u64| Subscription {
        heartbeat_interval: beat * 1_000_000,
        suppress_redundant: true,
        ..subscription(path.clone(), mode, Duration::from_millis(sample))
    };
    let on_change = beating(&status, SubscriptionMode::OnChange, 0, 300);
    let mut subscriber = bench.subscribe(Mode::Stream, on_change).await;
    let name = "/interfaces/interface[name=eth1]/state/oper-status";
    let one = |status: &str| BTreeMap::from([(name.to_owned(), text(status))]);
    let start = tokio::time::Instant::now();
    assert_eq!(subscriber.synchronized().await, one("UP"));
    assert_eq!(subscriber.update().await, one("UP"));
    assert_eq!(subscriber.update().await, one("UP"));
    let passed = start.elapsed();
    assert!(passed > Duration::from_millis(500), "{passed:?}");
    bench.ports[0].set_state(PortState::Down);
    assert_eq!(subscriber.update().await, one("DOWN"));

    // It tells of samples that suppress_redundant leaves out.
    let octets = interface_path("eth1", &["state", "counters", "in-octets"]);
    let sampled = beating(&octets, SubscriptionMode::Sample, 100, 300);
    let mut subscriber = bench.subscribe(Mode::Stream, sampled).await;
    let start = tokio::time::Instant::now();
    assert_eq!(subscriber.synchronized().await.len(), 1);
    assert_eq!(subscriber.update().await.len(), 1);
    let passed = start.elapsed();
    assert!(passed > Duration::from_millis(200), "{passed:?}");

    let fast = beating(&status, SubscriptionMode::OnChange, 0, 1);
    let mut fast = bench.subscribe(Mode::Stream, fast).await;
    assert_eq!(fast.next().await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn section_3_5_1_5_1_and_3_once_and_poll() {
    let mut bench = bench().await;
    let admin = interface_path("eth1", &["state", "admin-status"]);
    let wanted = || {
        subscription(
            admin.clone(),
            SubscriptionMode::TargetDefined,
            Duration::ZERO,
        )
    };
    let mut once = bench.subscribe(Mode::Once, wanted()).await;
    assert_eq!(
        once.synchronized().await.into_values().next(),
        Some(text("UP"))
    );
    assert_eq!(once.next().await.unwrap(), None);

    let mut poll = bench.subscribe(Mode::Poll, wanted()).await;
    assert_eq!(poll.synchronized().await.len(), 1);
    bench.switch.set_port_enabled(1, false).unwrap();
    let ask = SubscribeRequest {
        request: Some(SubscribeKind::Poll(Poll {})),
        ..SubscribeRequest::default()
    };
    poll.requests.send(ask).await.unwrap();
    assert_eq!(
        poll.synchronized().await.into_values().next(),
        Some(text("DOWN"))
    );
}
