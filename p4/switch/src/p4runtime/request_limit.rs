//! Lets so many requests of each connection, and of all, in at a time.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use http_body_util::BodyExt;
use tonic::body::Body;
use tower::{BoxError, Layer, Service};

use super::client::Client;

/// Makes requests wait for those before them. Streams last as long as their client is there, and
/// have limits of their own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestLimit;

impl<S> Layer<S> for RequestLimit {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Limited<S> {
        Limited { inner }
    }
}

/// A service behind a [`RequestLimit`].
#[derive(Debug, Clone)]
pub(crate) struct Limited<S> {
    inner: S,
}

/// How long a request counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// Not here.
    Never,
    /// Until its answer starts; who makes the answer may count it for longer.
    UntilAnswer,
    /// Until its answer is taken.
    UntilTaken,
}

impl Counts {
    fn of(path: &str) -> Self {
        match path {
            "/p4.v1.P4Runtime/StreamChannel" | "/gnmi.gNMI/Subscribe" => Self::Never,
            "/p4.v1.P4Runtime/Read" | "/p4switch.v1.PacketTrace/Trace" => Self::UntilAnswer,
            _ => Self::UntilTaken,
        }
    }
}

impl<S, B, R> Service<http::Request<B>> for Limited<S>
where
    S: Service<http::Request<B>, Response = http::Response<R>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: HttpBody<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        // The clone is not known to be ready; this one is.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let counts = Counts::of(request.uri().path());
        let client = request.extensions().get::<Client>().cloned();
        Box::pin(async move {
            let client = client.filter(|_| counts != Counts::Never);
            let permits = match client {
                Some(client) => client.request().await,
                None => None,
            };
            let (in_hand, _working) = permits.unzip();
            if let Some(in_hand) = &in_hand {
                request.extensions_mut().insert(in_hand.clone());
            }
            let response = inner.call(request).await?;
            if counts == Counts::UntilTaken {
                return Ok(response.map(|body| {
                    Body::new(body.map_frame(move |frame| {
                        let _ = &in_hand;
                        frame
                    }))
                }));
            }
            Ok(response.map(Body::new))
        })
    }
}
