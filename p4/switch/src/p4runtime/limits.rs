//! What clients may take of the server: whatever they send, its memory stays bounded and others
//! are still served.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::Semaphore;
use tower::{Layer, Service};

/// Limits of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; more are closed as they come.
    pub connections: usize,
    /// Connections that have not shown yet that they speak gRPC. When there are more, the oldest of
    /// them are closed.
    pub half_open: usize,
    /// How long a connection may take to show that.
    pub handshake: Duration,
    /// Bytes of one message of a client. A longer one is refused with `OUT_OF_RANGE` as soon as
    /// its length is known.
    pub message: usize,
    /// Requests that are received or carried out at a time, StreamChannel apart; others wait, and
    /// what they send waits on their side.
    pub requests: usize,
    /// How long a request, StreamChannel apart, may take from its first byte to the start of its
    /// answer.
    pub request_time: Duration,
    /// Requests of one connection that are open at a time.
    pub requests_per_connection: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            half_open: 256,
            handshake: Duration::from_secs(10),
            message: 64 << 20,
            requests: 32,
            request_time: Duration::from_secs(120),
            requests_per_connection: 128,
        }
    }
}

/// Lets at most so many requests in at a time. StreamChannel requests last as long as their
/// controller is there, and have a limit of their own.
#[derive(Debug, Clone)]
pub(crate) struct RequestLimit {
    permits: Arc<Semaphore>,
}

impl RequestLimit {
    pub(crate) fn new(requests: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(requests)),
        }
    }
}

impl<S> Layer<S> for RequestLimit {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Limited<S> {
        Limited {
            inner,
            permits: self.permits.clone(),
        }
    }
}

/// A service behind a [`RequestLimit`].
#[derive(Debug, Clone)]
pub(crate) struct Limited<S> {
    inner: S,
    permits: Arc<Semaphore>,
}

impl<S, B> Service<http::Request<B>> for Limited<S>
where
    S: Service<http::Request<B>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        // The clone is not known to be ready; this one is.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        if request.uri().path().ends_with("/StreamChannel") {
            return Box::pin(inner.call(request));
        }
        let permits = self.permits.clone();
        Box::pin(async move {
            // The semaphore is never closed; without it there would be no limit to keep.
            let _permit = permits.acquire().await.ok();
            inner.call(request).await
        })
    }
}
