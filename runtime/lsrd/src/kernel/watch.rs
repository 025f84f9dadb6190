//! Watches the kernel by netlink: a dump first, then its notifications.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc::UnboundedReceiver;
use futures::{StreamExt, TryStreamExt};
use netlink_packet_route::RouteNetlinkMessage;
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::sys::{AsyncSocket, SocketAddr};
use rtnetlink::{Handle, MulticastGroup, RouteMessageBuilder};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, error, warn};

use super::KernelError;
use super::state::{Effect, KernelState, RouteDump};

/// Room for notifications while lsrd is busy.
const SOCKET_BUFFER: usize = 4 << 20;
/// Notifications come in bursts: this long is waited for the next one before they are told.
const SETTLE: Duration = Duration::from_millis(10);
/// They are told after this long, also when they do not end.
const SETTLE_LIMIT: Duration = Duration::from_millis(200);
/// After a lost connection to the kernel.
const RETRY: Duration = Duration::from_secs(1);

const GROUPS: &[MulticastGroup] = &[
    MulticastGroup::Link,
    MulticastGroup::Ipv4Ifaddr,
    MulticastGroup::Ipv6Ifaddr,
    MulticastGroup::Neigh,
    MulticastGroup::Ipv4Route,
    MulticastGroup::Ipv6Route,
];

type Messages = UnboundedReceiver<(NetlinkMessage<RouteNetlinkMessage>, SocketAddr)>;

/// Starts to watch. The receiver holds the state at once, and every later one.
///
/// # Errors
/// No netlink socket, or the kernel does not answer.
pub async fn start() -> Result<watch::Receiver<Arc<KernelState>>, KernelError> {
    let (handle, messages) = connect()?;
    let state = dump(&handle).await?;
    let (sender, receiver) = watch::channel(Arc::new(state));
    tokio::spawn(run(handle, messages, sender));
    Ok(receiver)
}

fn connect() -> Result<(Handle, Messages), KernelError> {
    let (mut connection, handle, messages) =
        rtnetlink::new_multicast_connection(GROUPS).map_err(KernelError::Socket)?;
    if let Err(error) = connection
        .socket_mut()
        .socket_mut()
        .set_rx_buf_sz(SOCKET_BUFFER)
    {
        debug!(%error, "the netlink socket keeps its buffer");
    }
    tokio::spawn(connection);
    Ok((handle, messages))
}

/// Follows the kernel until nobody wants to know any more.
async fn run(mut handle: Handle, mut messages: Messages, sender: watch::Sender<Arc<KernelState>>) {
    loop {
        tokio::select! {
            () = sender.closed() => return,
            next = messages.next() => match next {
                Some((message, _)) => follow(&handle, message, &mut messages, &sender).await,
                None => (handle, messages) = reconnect(&sender).await,
            },
        }
    }
}

/// Takes one notification and those behind it in.
async fn follow(
    handle: &Handle,
    first: NetlinkMessage<RouteNetlinkMessage>,
    messages: &mut Messages,
    sender: &watch::Sender<Arc<KernelState>>,
) {
    let mut state = KernelState::clone(&sender.borrow());
    let mut routes = false;
    let mut everything = false;
    let mut next = Some(first);
    let end = Instant::now() + SETTLE_LIMIT;
    while let Some(message) = next {
        match message.payload {
            NetlinkPayload::InnerMessage(inner) => {
                routes |= state.apply(&inner) == Effect::RoutesChanged;
            }
            NetlinkPayload::Overrun(_) => {
                warn!("notifications of the kernel were lost: reading everything again");
                everything = true;
            }
            _ => {}
        }
        let deadline = end.min(Instant::now() + SETTLE);
        next = match tokio::time::timeout_at(deadline, messages.next()).await {
            Ok(Some((message, _))) => Some(message),
            Ok(None) | Err(_) => None,
        };
    }
    if everything {
        match dump(handle).await {
            Ok(fresh) => state = fresh,
            Err(error) => error!(%error, "the kernel's state is not known any more"),
        }
    } else if routes {
        match dump_routes(handle).await {
            Ok(fresh) => {
                state.replace_routes(fresh);
            }
            Err(error) => error!(%error, "the kernel's routes are not known any more"),
        }
    }
    publish(sender, state);
}

fn publish(sender: &watch::Sender<Arc<KernelState>>, state: KernelState) {
    sender.send_if_modified(|current| {
        let changed = **current != state;
        if changed {
            *current = Arc::new(state);
        }
        changed
    });
}

async fn reconnect(sender: &watch::Sender<Arc<KernelState>>) -> (Handle, Messages) {
    loop {
        tokio::time::sleep(RETRY).await;
        let connected = match connect() {
            Ok((handle, messages)) => dump(&handle).await.map(|state| (handle, messages, state)),
            Err(error) => Err(error),
        };
        match connected {
            Ok((handle, messages, state)) => {
                publish(sender, state);
                return (handle, messages);
            }
            Err(error) => error!(%error, "the kernel's state is not known any more"),
        }
    }
}

async fn dump(handle: &Handle) -> Result<KernelState, KernelError> {
    let mut state = KernelState::default();
    let error = |what: &'static str| move |source| KernelError::request(what, source);
    let mut links = handle.link().get().execute();
    while let Some(link) = links.try_next().await.map_err(error("show interfaces"))? {
        state.apply(&RouteNetlinkMessage::NewLink(link));
    }
    let mut addresses = handle.address().get().execute();
    while let Some(address) = addresses
        .try_next()
        .await
        .map_err(error("show addresses"))?
    {
        state.apply(&RouteNetlinkMessage::NewAddress(address));
    }
    let mut neighbours = handle.neighbours().get().execute();
    while let Some(neighbour) = neighbours
        .try_next()
        .await
        .map_err(error("show neighbours"))?
    {
        state.apply(&RouteNetlinkMessage::NewNeighbour(neighbour));
    }
    state.replace_routes(dump_routes(handle).await?);
    Ok(state)
}

async fn dump_routes(handle: &Handle) -> Result<RouteDump, KernelError> {
    let error = |source| KernelError::request("show routes", source);
    let ipv4 = RouteMessageBuilder::<Ipv4Addr>::new().build();
    let ipv6 = RouteMessageBuilder::<Ipv6Addr>::new().build();
    let mut routes = RouteDump::default();
    for family in [ipv4, ipv6] {
        let mut family = handle.route().get(family).execute();
        while let Some(route) = family.try_next().await.map_err(error)? {
            routes.add(&route);
        }
    }
    Ok(routes)
}
