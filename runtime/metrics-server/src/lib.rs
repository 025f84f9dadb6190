//! The HTTP server that Prometheus asks for a program's metrics.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

/// The text format that is written (OpenMetrics 1.0, "Content Type").
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves `/metrics` at an address until the process ends: what `text` gives when it is asked, in the
/// text format of OpenMetrics. Gives the address, which the system has chosen if the port is 0.
///
/// # Errors
///
/// The address cannot be listened on.
pub async fn listen<F, T>(address: SocketAddr, text: F) -> io::Result<SocketAddr>
where
    F: Fn() -> T + Clone + Send + Sync + 'static,
    T: Future<Output = Result<String, fmt::Error>> + Send,
{
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    let router = Router::new().route("/metrics", get(async move || answer(text().await)));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "metrics are served no longer");
        }
    });
    Ok(bound)
}

fn answer(text: Result<String, fmt::Error>) -> Response {
    match text {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("text");
        answer
    }

    #[tokio::test]
    async fn each_request_gets_the_text_of_its_time() {
        let count = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let text = move || {
            let asked = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            async move {
                match asked {
                    0 | 1 => Ok(format!("asked {asked}\n# EOF\n")),
                    _ => Err(fmt::Error),
                }
            }
        };
        let any = "127.0.0.1:0".parse().expect("an address");
        let address = listen(any, text).await.expect("a port");
        for asked in 0..2 {
            let answer = get(address, "/metrics").await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            assert!(answer.contains(CONTENT_TYPE), "{answer}");
            assert!(
                answer.ends_with(&format!("asked {asked}\n# EOF\n")),
                "{answer}"
            );
        }
        let failed = get(address, "/metrics").await;
        assert!(failed.starts_with("HTTP/1.1 500"), "{failed}");
        let elsewhere = get(address, "/").await;
        assert!(elsewhere.starts_with("HTTP/1.1 404"), "{elsewhere}");
    }
}
