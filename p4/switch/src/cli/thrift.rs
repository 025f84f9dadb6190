//! What stands where scripts expect BMv2's Thrift server.
//!
//! Scripts for BMv2 connect to its Thrift port to find out whether the switch has started
//! (`p4_mininet.py` waits without end for it). So something listens there, on loopback only, and
//! ends each connection at once.

use std::io;
use std::net::Ipv4Addr;

use tokio::net::TcpListener;

/// Accepts connections until the process ends.
pub(super) async fn listen(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    tokio::spawn(async move {
        let mut told = false;
        loop {
            match listener.accept().await {
                Ok(_) if told => {}
                Ok((_, peer)) => {
                    told = true;
                    tracing::info!(
                        %peer,
                        "a connection to the Thrift port was ended: there is no Thrift server; \
                         further ones are not told"
                    );
                }
                // Too many open files, mostly: it must not spin.
                Err(error) => {
                    tracing::warn!(%error, "the Thrift port");
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            }
        }
    });
    Ok(())
}
