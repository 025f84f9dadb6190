//! A link that is cut while packets flow: how many are lost until they go another way.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::oneshot;

use super::echo::{PingOptions, PingResult, Prober};
use super::error::LabError;
use super::lsp::{self, LspTrace};
use super::progress::Progress;
use super::running::{Lab, Observer};

/// Time between two packets: the loss is known as exactly.
const INTERVAL: Duration = Duration::from_millis(5);
/// How long packets flow before and behind each change.
const SETTLE: Duration = Duration::from_secs(3);

/// What a cut cost.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CutReport {
    /// The end of the link that was taken down: `pe1:eth2`.
    pub at: String,
    /// Where the packets came from, and where they went.
    pub from: String,
    /// Where they went.
    pub to: String,
    /// Packets sent, all 5 ms.
    pub sent: u16,
    /// How many were lost when the link went.
    pub lost: u16,
    /// For how long that was, in milliseconds.
    pub lost_ms: u64,
    /// How many were lost when the link came back.
    pub lost_on_return: u16,
    /// The LSPs that the packets used before, and while the link was down.
    pub before: Vec<LspTrace>,
    /// The LSPs while the link was down.
    pub after: Vec<LspTrace>,
}

/// Cuts the link that the topology says, and joins it again.
pub(super) async fn cut(lab: &Lab, progress: &Progress) -> Result<Option<CutReport>, LabError> {
    let topology = lab.topology();
    let (Some(cut), [from, .., to]) = (&topology.cut, topology.hosts.as_slice()) else {
        return Ok(None);
    };
    let at = cut.at.get_ref().clone();
    // The topology has been checked.
    let Some((node, interface)) = at.split_once(':') else {
        return Ok(None);
    };
    let (from, to) = (from.name.get_ref(), to.name.get_ref());
    let Some(destination) = topology.address_of(to, false) else {
        return Ok(None);
    };
    let before = traces(lab, from, destination).await?;
    progress.step(&format!(
        "cutting the link at {at} while packets flow from {from} to {to}"
    ));
    let set_link = async |up: bool| -> Result<(PingResult, Vec<LspTrace>), LabError> {
        let prober = Prober::open(lab.sandbox(), from, destination)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let options = PingOptions {
            count: u16::MAX,
            interval: INTERVAL,
            timeout: Duration::from_secs(2),
        };
        let flow = async {
            let stopped = async {
                // A sender that was dropped means the same.
                let _ = stopped.await;
            };
            prober.ping_until(options, stopped).await
        };
        let change = async {
            tokio::time::sleep(SETTLE / 3).await;
            lab.sandbox().set_link(node, interface, up)?;
            tokio::time::sleep(SETTLE).await;
            let traces = traces(lab, from, destination).await;
            // The flow ends by itself when it is not listened to any more.
            let _ = stop.send(());
            traces
        };
        let (flow, traces) = tokio::join!(flow, change);
        Ok((flow, traces?))
    };
    let (down, after) = set_link(false).await?;
    let (up, _) = set_link(true).await?;
    lab.wait_until_ready(progress).await?;
    Ok(Some(CutReport {
        at: at.clone(),
        from: from.clone(),
        to: to.clone(),
        sent: down.sent,
        lost: down.lost(),
        lost_ms: u64::from(down.lost()) * INTERVAL.as_millis() as u64,
        lost_on_return: up.lost(),
        before,
        after,
    }))
}

/// The LSPs from the routers of a host to an address.
async fn traces(
    lab: &Lab,
    from: &str,
    destination: std::net::IpAddr,
) -> Result<Vec<LspTrace>, LabError> {
    let topology = lab.topology();
    let mut lfibs = Vec::new();
    for router in &topology.routers {
        let name = router.name.get_ref();
        lfibs.push((name.clone(), lab.management(name).lfib().await?));
    }
    let ingresses: Vec<&str> = topology
        .ends_of(from)
        .map(|(_, far, _)| far.node.get_ref().as_str())
        .collect();
    let leads_there = |fec: &str| {
        let prefix = fec.parse::<ipnet::IpNet>();
        prefix.is_ok_and(|prefix| prefix.contains(&destination))
    };
    let mut traces = lsp::trace(topology, &lfibs);
    traces.retain(|lsp| {
        let ingress = lsp.hops.first().map(|hop| hop.router.as_str());
        leads_there(&lsp.fec) && ingress.is_some_and(|ingress| ingresses.contains(&ingress))
    });
    Ok(traces)
}

impl CutReport {
    /// A few lines for the terminal.
    pub fn draw(&self) -> String {
        let ways = |lsps: &[LspTrace]| {
            let ways = lsps.iter().map(|lsp| {
                let hops: Vec<_> = lsp.hops.iter().map(ToString::to_string).collect();
                format!("  {}", hops.join(" → "))
            });
            match lsps.is_empty() {
                true => "  none".to_owned(),
                false => ways.collect::<Vec<_>>().join("\n"),
            }
        };
        format!(
            "The link at {} was cut while packets flowed from {} to {}\n\
             before:\n{}\nafter:\n{}\n\
             {} of {} packets lost, {} ms; {} when the link came back",
            self.at,
            self.from,
            self.to,
            ways(&self.before),
            ways(&self.after),
            self.lost,
            self.sent,
            self.lost_ms,
            self.lost_on_return
        )
    }
}
