//! The state of the switch's ports, as the switch tells it by gNMI: `state/id` and
//! `state/oper-status` of openconfig-interfaces, as p4-switch and Stratum serve them at the address
//! of their P4Runtime server. BMv2 serves no gNMI.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use gnmi_proto::gnmi::g_nmi_client::GNmiClient;
use gnmi_proto::gnmi::subscribe_request::Request;
use gnmi_proto::gnmi::subscribe_response::Response;
use gnmi_proto::gnmi::typed_value::Value;
use gnmi_proto::gnmi::{
    Encoding, Notification, Path, SubscribeRequest, Subscription, SubscriptionList,
    SubscriptionMode, subscription_list::Mode,
};
use gnmi_proto::path::{interface_path, of_interface};
use p4runtime_client::Address;
use tokio::sync::watch;
use tonic::{Code, Status};
use tracing::{debug, info};

/// After a lost connection to the switch.
const RETRY: Duration = Duration::from_secs(1);
/// After the switch said that it serves no gNMI: another may have its address by then.
const RETRY_UNSERVED: Duration = Duration::from_secs(30);
/// How long to wait for a connection.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What the switch tells of its ports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SwitchPorts {
    /// Nothing: it cannot be asked, or has not answered yet.
    #[default]
    Unknown,
    /// It serves no gNMI.
    Unserved,
    /// Whether each port is up.
    Known(BTreeMap<u16, bool>),
}

impl SwitchPorts {
    /// Whether a port is up, if the switch tells.
    pub fn up(&self, port: u16) -> Option<bool> {
        match self {
            Self::Known(ports) => ports.get(&port).copied(),
            Self::Unknown | Self::Unserved => None,
        }
    }
}

/// Follows the ports of a switch, as long as there is a receiver.
pub fn follow(address: Address) -> watch::Receiver<Arc<SwitchPorts>> {
    let (sender, receiver) = watch::channel(Arc::default());
    tokio::spawn(async move {
        let run = async {
            loop {
                let status = subscribe(&address, &sender).await;
                let unserved = status.code() == Code::Unimplemented;
                let (ports, pause) = if unserved {
                    (SwitchPorts::Unserved, RETRY_UNSERVED)
                } else {
                    debug!(%address, %status, "gNMI");
                    (SwitchPorts::Unknown, RETRY)
                };
                publish(&sender, ports);
                tokio::time::sleep(pause).await;
            }
        };
        tokio::select! {
            () = run => {}
            () = sender.closed() => {}
        }
    });
    receiver
}

fn publish(sender: &watch::Sender<Arc<SwitchPorts>>, ports: SwitchPorts) {
    sender.send_if_modified(|current| {
        let changed = **current != ports;
        if changed {
            if matches!(ports, SwitchPorts::Unserved) {
                info!("the switch serves no gNMI");
            } else if matches!(**current, SwitchPorts::Unknown | SwitchPorts::Unserved) {
                info!("the switch tells the state of its ports by gNMI");
            }
            *current = Arc::new(ports);
        }
        changed
    });
}

/// Subscribes to the ports of a switch, and gives why that ended.
async fn subscribe(address: &Address, sender: &watch::Sender<Arc<SwitchPorts>>) -> Status {
    let endpoint = match address.endpoint() {
        Ok(endpoint) => endpoint.connect_timeout(TIMEOUT),
        Err(error) => return Status::unavailable(error.to_string()),
    };
    // As for P4Runtime: the C++ server of BMv2 takes frequent pings of HTTP/2 for an attack.
    let endpoint = endpoint.tcp_keepalive(Some(Duration::from_secs(10)));
    let channel = match endpoint.connect().await {
        Ok(channel) => channel,
        Err(error) => return Status::unavailable(error.to_string()),
    };
    // The stream of requests stays open: a server may take its end for that of the subscription.
    let requests = stream::iter([request()]).chain(stream::pending());
    let mut responses = match GNmiClient::new(channel).subscribe(requests).await {
        Ok(responses) => responses.into_inner(),
        Err(status) => return status,
    };
    let mut interfaces = Interfaces::default();
    loop {
        match responses.message().await {
            Err(status) => return status,
            Ok(None) => return Status::unavailable("the switch ended the subscription"),
            Ok(Some(response)) => match response.response {
                Some(Response::Update(notification)) => {
                    interfaces.apply(&notification);
                    if interfaces.synchronized {
                        publish(sender, interfaces.ports());
                    }
                }
                Some(Response::SyncResponse(_)) => {
                    interfaces.synchronized = true;
                    publish(sender, interfaces.ports());
                }
                _ => {}
            },
        }
    }
}

fn request() -> SubscribeRequest {
    let subscription = |leaf| Subscription {
        path: Some(interface_path("*", &["state", leaf])),
        mode: SubscriptionMode::OnChange.into(),
        ..Subscription::default()
    };
    let list = SubscriptionList {
        mode: Mode::Stream.into(),
        encoding: Encoding::Proto.into(),
        subscription: ["id", "oper-status"].map(subscription).into(),
        ..SubscriptionList::default()
    };
    SubscribeRequest {
        request: Some(Request::Subscribe(list)),
        extension: Vec::new(),
    }
}

/// What was told of the interfaces of the switch, by name.
#[derive(Debug, Default)]
struct Interfaces {
    ids: BTreeMap<String, u64>,
    up: BTreeMap<String, bool>,
    /// Whether all that there is has been told once.
    synchronized: bool,
}

impl Interfaces {
    fn apply(&mut self, notification: &Notification) {
        let prefix = notification.prefix.as_ref();
        for path in &notification.delete {
            if let Some((name, _)) = of_interface(&absolute(prefix, path)) {
                self.ids.remove(name);
                self.up.remove(name);
            }
        }
        for update in &notification.update {
            let path = absolute(prefix, update.path.as_ref().unwrap_or(&Path::default()));
            let value = update.val.as_ref().and_then(|value| value.value.as_ref());
            let (Some((name, leaf)), Some(value)) = (of_interface(&path), value) else {
                continue;
            };
            match (&leaf[..], value) {
                (["state", "id"], Value::UintVal(id)) => {
                    self.ids.insert(name.to_owned(), *id);
                }
                (["state", "oper-status"], Value::StringVal(status)) => {
                    self.up.insert(name.to_owned(), status == "UP");
                }
                _ => {}
            }
        }
    }

    fn ports(&self) -> SwitchPorts {
        let known = self.up.iter().filter_map(|(name, up)| {
            let id = u16::try_from(*self.ids.get(name)?).ok()?;
            Some((id, *up))
        });
        SwitchPorts::Known(known.collect())
    }
}

fn absolute(prefix: Option<&Path>, path: &Path) -> Path {
    let elems = prefix.into_iter().chain([path]).flat_map(|p| &p.elem);
    Path {
        elem: elems.cloned().collect(),
        ..Path::default()
    }
}

#[cfg(test)]
mod tests {
    use gnmi_proto::gnmi::{TypedValue, Update};

    use super::*;

    fn update(name: &str, leaf: &str, value: Value) -> Update {
        Update {
            path: Some(interface_path(name, &["state", leaf])),
            val: Some(TypedValue { value: Some(value) }),
            ..Update::default()
        }
    }

    #[test]
    fn ports_are_known_by_their_id() {
        let status = |up: &str| Value::StringVal(up.to_owned());
        let mut interfaces = Interfaces::default();
        interfaces.apply(&Notification {
            update: vec![
                update("1/1/1", "id", Value::UintVal(1)),
                update("1/1/2", "id", Value::UintVal(2)),
                update("1/1/1", "oper-status", status("UP")),
                update("1/1/2", "oper-status", status("DOWN")),
                // It has no id.
                update("1/1/3", "oper-status", status("UP")),
            ],
            ..Notification::default()
        });
        let known = interfaces.ports();
        assert_eq!(known, SwitchPorts::Known([(1, true), (2, false)].into()));
        assert_eq!((known.up(2), known.up(3)), (Some(false), None));
        interfaces.apply(&Notification {
            prefix: Some(interface_path("1/1/1", &[])),
            delete: vec![Path::default()],
            ..Notification::default()
        });
        assert_eq!(interfaces.ports().up(1), None);
    }
}
