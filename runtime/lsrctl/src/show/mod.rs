//! `lsrctl show`: what a label switching router does, as tables or JSON.

mod ldp;
mod protection;
mod punt;
mod services;
mod tables;
mod words;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use northbound::json::JsonError;
use northbound::socket::ConnectError;
use northbound::v1::management_client::ManagementClient;
use northbound::v1::{self};
use tonic::transport::Channel;

pub use ldp::LdpSubject;

/// What to show.
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum Subject {
    /// The label forwarding information base: every label operation with its next hops.
    Lfib,
    /// The FEC-to-NHLFE map (RFC 3031, 3.12): packets that arrive without a label.
    Ftn,
    /// The incoming label map (RFC 3031, 3.11): packets that arrive with a label.
    Ilm,
    /// The router's interfaces: switch ports with their TAPs, addresses and neighbours.
    Interfaces,
    /// The switch: session, program, tables, punted and dropped packets.
    Target,
    /// LDP (RFC 5036).
    Ldp {
        /// What to show of it.
        #[command(subcommand)]
        subject: LdpSubject,
    },
    /// The static LSPs as configured.
    StaticLsps,
    /// The pseudowires with their attachment circuits (RFC 4448).
    Pseudowires,
    /// The point-to-multipoint LSPs, with a counter for each branch.
    P2mp,
    /// The IP tunnels of labelled packets (RFC 7510, RFC 4023).
    Tunnels,
    /// The QoS maps (RFC 3270).
    QosMaps,
    /// The routing topologies (RFC 7307).
    Topologies,
    /// The protection domains (RFC 6378), and the ports.
    Protection,
    /// What came up from the switch, by class.
    Punt,
    /// The version of lsrd, and who it is.
    Version,
}

/// How to show it.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Print JSON: the messages of management.proto, with its field names.
    #[arg(long, global = true)]
    json: bool,
    /// Show it again every SECONDS, until Ctrl-C.
    #[arg(long, global = true, value_name = "SECONDS", num_args = 0..=1,
          default_missing_value = "2", value_parser = seconds)]
    watch: Option<Duration>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration >= Duration::from_millis(100) => Ok(duration),
        _ => Err("at least 0.1 seconds".to_owned()),
    }
}

/// Why nothing can be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShowError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("lsrd answers: {}", .0.message())]
    Answer(#[from] tonic::Status),
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
}

/// Runs `lsrctl show`.
pub fn run(socket: &Path, subject: &Subject, options: &Options) -> ExitCode {
    finish(crate::runtime().and_then(|runtime| {
        runtime.block_on(async {
            tokio::select! {
                result = show(socket, subject, options) => result.map_err(|error| error.to_string()),
                // Ctrl-C is how --watch ends.
                _ = tokio::signal::ctrl_c() => Ok(()),
            }
        })
    }))
}

/// Runs `lsrctl reload`.
pub fn reload(socket: &Path) -> ExitCode {
    finish(crate::runtime().and_then(|runtime| {
        runtime.block_on(async {
            let answer = async {
                let mut client = northbound::socket::connect(socket).await?;
                Ok::<_, ShowError>(client.reload(v1::ReloadRequest {}).await?.into_inner())
            };
            let answer = answer.await.map_err(|error| error.to_string())?;
            match answer.accepted {
                true => {
                    println!("the new configuration is in use");
                    Ok(())
                }
                false => Err(format!(
                    "the new configuration was refused, the running one stays:\n{}",
                    answer.problems
                )),
            }
        })
    }))
}

pub(crate) fn finish(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lsrctl: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn show(socket: &Path, subject: &Subject, options: &Options) -> Result<(), ShowError> {
    let mut client = northbound::socket::connect(socket).await?;
    let terminal = io::stdout().is_terminal();
    loop {
        let text = fetch(&mut client, subject, options.json, terminal).await?;
        let mut out = io::stdout().lock();
        if options.watch.is_some() && terminal && !options.json {
            // Clears the screen and goes to its first line (ECMA-48, ED and CUP).
            out.write_all(b"\x1b[2J\x1b[H")?;
        }
        match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
            Ok(()) => {}
            // Whoever reads has seen enough: `lsrctl show ftn | head`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        drop(out);
        match options.watch {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Ok(()),
        }
    }
}

async fn fetch(
    client: &mut ManagementClient<Channel>,
    subject: &Subject,
    json: bool,
    terminal: bool,
) -> Result<String, ShowError> {
    macro_rules! answer {
        ($call:ident, $request:ident, $render:expr) => {
            answer!($call, v1::$request {} => $render)
        };
        ($call:ident, $request:expr => $render:expr) => {{
            let answer = client.$call($request).await?.into_inner();
            match json {
                true => format!("{:#}", northbound::json::to_value(&answer)?),
                false => $render(&answer, terminal),
            }
        }};
    }
    Ok(match subject {
        Subject::Lfib => answer!(show_lfib, ShowLfibRequest, tables::lfib),
        Subject::Ftn => answer!(show_ftn, ShowFtnRequest, tables::ftn),
        Subject::Ilm => answer!(show_ilm, ShowIlmRequest, tables::ilm),
        Subject::Interfaces => answer!(show_interfaces, ShowInterfacesRequest, tables::interfaces),
        Subject::Target => answer!(show_target, ShowTargetRequest, tables::target),
        Subject::StaticLsps => {
            answer!(show_static_lsps, ShowStaticLspsRequest, tables::static_lsps)
        }
        Subject::Pseudowires => {
            answer!(
                show_pseudowires,
                ShowPseudowiresRequest,
                services::pseudowires
            )
        }
        Subject::P2mp => answer!(
            show_point_to_multipoint,
            ShowPointToMultipointRequest,
            services::point_to_multipoint
        ),
        Subject::Tunnels => answer!(show_tunnels, ShowTunnelsRequest, services::tunnels),
        Subject::QosMaps => answer!(show_qos_maps, ShowQosMapsRequest, services::qos_maps),
        Subject::Topologies => {
            answer!(show_topologies, ShowTopologiesRequest, services::topologies)
        }
        Subject::Protection => {
            answer!(
                show_protection,
                ShowProtectionRequest,
                protection::protection
            )
        }
        Subject::Punt => answer!(show_punt, ShowPuntRequest, punt::punt),
        Subject::Ldp { subject } => match subject {
            LdpSubject::Discovery => {
                answer!(show_ldp_discovery, ShowLdpDiscoveryRequest, ldp::discovery)
            }
            LdpSubject::Neighbors => {
                answer!(
                    show_ldp_neighbours,
                    ShowLdpNeighboursRequest,
                    ldp::neighbours
                )
            }
            LdpSubject::Bindings => {
                answer!(show_ldp_bindings, ShowLdpBindingsRequest, ldp::bindings)
            }
            LdpSubject::Interfaces => {
                answer!(
                    show_ldp_interfaces,
                    ShowLdpInterfacesRequest,
                    ldp::interfaces
                )
            }
            LdpSubject::Capabilities => answer!(
                show_ldp_capabilities,
                ShowLdpCapabilitiesRequest,
                ldp::capabilities
            ),
            LdpSubject::Statistics => {
                answer!(
                    show_ldp_statistics,
                    ShowLdpStatisticsRequest,
                    ldp::statistics
                )
            }
            LdpSubject::Events { neighbour } => {
                let neighbour = neighbour.clone().unwrap_or_default();
                answer!(show_ldp_events, v1::ShowLdpEventsRequest { neighbour } => ldp::events)
            }
        },
        Subject::Version => answer!(get_version, GetVersionRequest, tables::version),
    })
}
