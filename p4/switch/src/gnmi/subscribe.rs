//! Subscribe (section 3.5).

use std::pin::Pin;

use futures::{Stream, StreamExt};
use gnmi_proto::gnmi::subscribe_request::Request;
use gnmi_proto::gnmi::subscribe_response::Response;
use gnmi_proto::gnmi::subscription_list::Mode;
use gnmi_proto::gnmi::{Notification, SubscribeRequest, SubscribeResponse};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::Gnmi;
use super::subscription::Wanted;
use crate::p4runtime::Taken;

/// Notifications that wait for a client. A slow one gets the newest values later: what changes
/// meanwhile is told once.
const QUEUE: usize = 8;

/// What a client gets.
pub(super) type SubscribeStream =
    Pin<Box<dyn Stream<Item = Result<SubscribeResponse, Status>> + Send>>;

/// Serves a subscription until the client leaves or the switch stops. It counts as `open` until the
/// client has taken its end.
pub(super) fn subscribe(
    service: &Gnmi,
    open: Taken,
    requests: Streaming<SubscribeRequest>,
) -> SubscribeStream {
    let (responses, queue) = mpsc::channel(QUEUE);
    let service = service.clone();
    tokio::spawn(async move {
        let mut stopped = service.stopped.subscribe();
        let session = Session {
            service,
            responses: responses.clone(),
        };
        let result = tokio::select! {
            result = session.serve(requests) => result,
            // The sender is in the service, which the session has.
            _ = stopped.wait_for(|stopped| *stopped) => {
                Err(Ended::Refused(Status::unavailable("the switch stops")))
            }
            () = responses.closed() => Err(Ended::Gone),
        };
        if let Err(Ended::Refused(status)) = result {
            // The client may be gone.
            let _ = responses.send(Err(status)).await;
        }
    });
    Box::pin(ReceiverStream::new(queue).map(move |response| {
        let _ = &open;
        response
    }))
}

/// Why a subscription ends early.
enum Ended {
    /// It is the client's fault, or the switch's.
    Refused(Status),
    /// The client is gone.
    Gone,
}

impl From<Status> for Ended {
    fn from(status: Status) -> Self {
        Self::Refused(status)
    }
}

struct Session {
    service: Gnmi,
    responses: mpsc::Sender<Result<SubscribeResponse, Status>>,
}

impl Session {
    async fn serve(&self, mut requests: Streaming<SubscribeRequest>) -> Result<(), Ended> {
        let Some(first) = requests.message().await? else {
            return Ok(());
        };
        let Some(Request::Subscribe(list)) = first.request else {
            return Err(Status::invalid_argument(
                "the first message of a stream says what to subscribe to",
            )
            .into());
        };
        let mode = Mode::try_from(list.mode)
            .map_err(|_| Status::invalid_argument("there is no such mode"))?;
        let mut wanted = Wanted::new(&list, mode == Mode::Stream)?;
        // Before the first look, so that no change is missed.
        let mut changes = self.service.switch.port_changes();
        changes.mark_unchanged();
        self.tell(wanted.start(&self.service.switch.ports()))
            .await?;
        self.send(Response::SyncResponse(true)).await?;
        match mode {
            Mode::Once => Ok(()),
            Mode::Poll => self.answer_polls(&mut wanted, requests).await,
            Mode::Stream => self.stream(&mut wanted, &mut changes, requests).await,
        }
    }

    /// Section 3.5.1.5.3.
    async fn answer_polls(
        &self,
        wanted: &mut Wanted,
        mut requests: Streaming<SubscribeRequest>,
    ) -> Result<(), Ended> {
        while let Some(request) = requests.message().await? {
            if !matches!(request.request, Some(Request::Poll(_))) {
                return Err(Status::invalid_argument("only polls may follow").into());
            }
            self.tell(wanted.everything(&self.service.switch.ports()))
                .await?;
            self.send(Response::SyncResponse(true)).await?;
        }
        Ok(())
    }

    /// Section 3.5.1.5.2. The subscription goes on when the client has nothing more to say.
    async fn stream(
        &self,
        wanted: &mut Wanted,
        changes: &mut tokio::sync::watch::Receiver<()>,
        mut requests: Streaming<SubscribeRequest>,
    ) -> Result<(), Ended> {
        let mut listening = true;
        loop {
            let due = async {
                match wanted.next_due() {
                    Some(time) => tokio::time::sleep_until(time).await,
                    None => std::future::pending().await,
                }
            };
            let switch = &self.service.switch;
            tokio::select! {
                request = requests.message(), if listening => match request? {
                    Some(_) => return Err(Status::invalid_argument(
                        "nothing may follow the first message of a STREAM subscription",
                    ).into()),
                    None => listening = false,
                },
                changed = changes.changed() => match changed {
                    Ok(()) => self.tell(wanted.changes(&switch.ports())).await?,
                    // The switch is gone.
                    Err(_) => return Ok(()),
                },
                () = due => self.tell(wanted.due(&switch.ports())).await?,
            }
        }
    }

    async fn tell(
        &self,
        news: impl Iterator<Item = Result<Notification, Status>>,
    ) -> Result<(), Ended> {
        for notification in news {
            self.send(Response::Update(notification?)).await?;
        }
        Ok(())
    }

    async fn send(&self, response: Response) -> Result<(), Ended> {
        let response = SubscribeResponse {
            response: Some(response),
            extension: Vec::new(),
        };
        let sent = self.responses.send(Ok(response)).await;
        sent.map_err(|_| Ended::Gone)
    }
}
