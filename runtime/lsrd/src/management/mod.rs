//! The management service: what lsrctl asks.

mod convert;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::ldp::engine::Ldp;
use arc_swap::ArcSwapOption;
use dataplane::{Counters, Handle, Status as SwitchStatus};
use forwarding::PathRole;
use northbound::v1::{self, management_server::Management};
use tokio::sync::{mpsc, oneshot};
use tonic::{Request, Response, Status};
use tracing::debug;

use crate::config::Config;
use crate::io::PacketIo;
use crate::ldp::driver::Status as LdpStatus;
use crate::router::{Router, SwitchoverError, Switchovers};

pub(crate) use convert::{ldp_errors, ldp_messages};

/// The running LDP, if the router runs it.
pub type SharedLdp = Arc<ArcSwapOption<crate::ldp::Handle>>;

/// How long an answer waits for the switch's counters: an operator wants to see the rest while the
/// switch hangs.
const SWITCH_PATIENCE: Duration = Duration::from_secs(2);

/// What an answer is made from.
pub struct Shown<'a> {
    /// The router.
    pub router: &'a Router,
    /// The switch.
    pub status: SwitchStatus,
    /// The packet tasks.
    pub io: &'a PacketIo,
    /// The name and architecture of the P4 program, and its cookie.
    pub program: &'a Program,
}

/// What is told of the P4 program.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// Its name in the P4Info.
    pub name: String,
    /// Its architecture in the P4Info.
    pub architecture: String,
    /// The cookie of the pipeline configuration.
    pub cookie: u64,
}

/// A change of ports or protection domains.
pub type Change = Box<dyn FnOnce(&mut Switchovers, &Config) -> Result<(), SwitchoverError> + Send>;

/// What the service asks the daemon's loop.
pub enum Question {
    /// Make an answer from what is there now.
    Show(Box<dyn FnOnce(&Shown<'_>) + Send>),
    /// Change which ports and protecting paths are in use. The answer is what is wrong with that.
    Switch(Change, oneshot::Sender<Result<(), SwitchoverError>>),
    /// Read the configuration again. The answer is what is wrong with it.
    Reload(oneshot::Sender<Result<(), String>>),
}

/// The service.
#[derive(Debug, Clone)]
pub struct Service {
    questions: mpsc::Sender<Question>,
    switch: Handle,
    ldp: SharedLdp,
    started: Instant,
}

impl Service {
    /// A service that asks by `questions`, and what is about LDP there.
    pub fn new(questions: mpsc::Sender<Question>, switch: Handle, ldp: SharedLdp) -> Self {
        Self {
            questions,
            switch,
            ldp,
            started: Instant::now(),
        }
    }

    async fn show<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&Shown<'_>) -> T + Send + 'static,
    ) -> Result<Response<T>, Status> {
        let (sender, receiver) = oneshot::channel();
        let question = Question::Show(Box::new(move |shown| {
            // Whoever asked may have gone.
            let _ = sender.send(answer(shown));
        }));
        self.questions.send(question).await.map_err(|_| ending())?;
        receiver.await.map(Response::new).map_err(|_| ending())
    }

    /// The counters of the switch; none while it is not connected or does not answer.
    async fn counters(&self) -> Option<Counters> {
        match tokio::time::timeout(SWITCH_PATIENCE, self.switch.counters()).await {
            Ok(Ok(counters)) => Some(counters),
            Ok(Err(error)) => {
                debug!(%error, "no counters");
                None
            }
            Err(_) => {
                debug!("no counters: the switch does not answer");
                None
            }
        }
    }
}

impl Service {
    async fn switch(
        &self,
        change: impl FnOnce(&mut Switchovers, &Config) -> Result<(), SwitchoverError> + Send + 'static,
    ) -> Result<(), Status> {
        let (sender, receiver) = oneshot::channel();
        self.questions
            .send(Question::Switch(Box::new(change), sender))
            .await
            .map_err(|_| ending())?;
        let result = receiver.await.map_err(|_| ending())?;
        result.map_err(|error| Status::not_found(error.to_string()))
    }
}

impl Service {
    /// An answer of LDP; the message without anything where the router does not run it.
    async fn ldp<T: Default + Send + 'static>(
        &self,
        answer: impl FnOnce(&mut Ldp, &LdpStatus, Instant) -> T + Send + 'static,
    ) -> Result<Response<T>, Status> {
        let Some(handle) = self.ldp.load_full() else {
            return Ok(Response::new(T::default()));
        };
        let answer = handle.ask(answer).await;
        answer.map(Response::new).ok_or_else(ending)
    }
}

/// The name by which an operator asks for targeted sessions.
const OPERATOR: &str = "operator";
const NO_LDP: &str = "the router does not run LDP: its configuration has no [ldp]";

fn ending() -> Status {
    Status::unavailable("lsrd is ending")
}

#[tonic::async_trait]
impl Management for Service {
    async fn get_version(
        &self,
        _request: Request<v1::GetVersionRequest>,
    ) -> Result<Response<v1::GetVersionResponse>, Status> {
        let uptime_seconds = self.started.elapsed().as_secs();
        self.show(move |shown| {
            let config: &Arc<Config> = shown.router.config();
            v1::GetVersionResponse {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                router_id: config.router_id.to_string(),
                config: std::path::absolute(&config.path)
                    .unwrap_or_else(|_| config.path.clone())
                    .display()
                    .to_string(),
                uptime_seconds,
            }
        })
        .await
    }

    async fn show_ilm(
        &self,
        _request: Request<v1::ShowIlmRequest>,
    ) -> Result<Response<v1::ShowIlmResponse>, Status> {
        let counters = self.counters().await;
        self.show(move |shown| v1::ShowIlmResponse {
            entries: convert::ilm(shown, &counters, false),
        })
        .await
    }

    async fn show_ftn(
        &self,
        _request: Request<v1::ShowFtnRequest>,
    ) -> Result<Response<v1::ShowFtnResponse>, Status> {
        let counters = self.counters().await;
        self.show(move |shown| v1::ShowFtnResponse {
            entries: convert::ftn(shown, &counters, false),
        })
        .await
    }

    async fn show_lfib(
        &self,
        _request: Request<v1::ShowLfibRequest>,
    ) -> Result<Response<v1::ShowLfibResponse>, Status> {
        let counters = self.counters().await;
        self.show(move |shown| v1::ShowLfibResponse {
            ilm: convert::ilm(shown, &counters, true),
            ftn: convert::ftn(shown, &counters, true),
        })
        .await
    }

    async fn show_interfaces(
        &self,
        _request: Request<v1::ShowInterfacesRequest>,
    ) -> Result<Response<v1::ShowInterfacesResponse>, Status> {
        let counters = self.counters().await;
        self.show(move |shown| v1::ShowInterfacesResponse {
            interfaces: convert::interfaces(shown, &counters),
        })
        .await
    }

    async fn show_target(
        &self,
        _request: Request<v1::ShowTargetRequest>,
    ) -> Result<Response<v1::ShowTargetResponse>, Status> {
        let counters = self.counters().await;
        self.show(move |shown| v1::ShowTargetResponse {
            target: Some(convert::target(shown, &counters)),
        })
        .await
    }

    async fn show_static_lsps(
        &self,
        _request: Request<v1::ShowStaticLspsRequest>,
    ) -> Result<Response<v1::ShowStaticLspsResponse>, Status> {
        self.show(|shown| v1::ShowStaticLspsResponse {
            lsps: convert::static_lsps(shown.router.config()),
        })
        .await
    }

    async fn show_pseudowires(
        &self,
        _request: Request<v1::ShowPseudowiresRequest>,
    ) -> Result<Response<v1::ShowPseudowiresResponse>, Status> {
        let counters = self.counters().await;
        self.show(move |shown| v1::ShowPseudowiresResponse {
            pseudowires: convert::pseudowires(shown, &counters),
        })
        .await
    }

    async fn show_point_to_multipoint(
        &self,
        _request: Request<v1::ShowPointToMultipointRequest>,
    ) -> Result<Response<v1::ShowPointToMultipointResponse>, Status> {
        let counters = self.counters().await;
        self.show(move |shown| v1::ShowPointToMultipointResponse {
            lsps: convert::point_to_multipoint(shown, &counters),
        })
        .await
    }

    async fn show_tunnels(
        &self,
        _request: Request<v1::ShowTunnelsRequest>,
    ) -> Result<Response<v1::ShowTunnelsResponse>, Status> {
        let counters = self.counters().await;
        self.show(move |shown| convert::tunnels(shown, &counters))
            .await
    }

    async fn show_qos_maps(
        &self,
        _request: Request<v1::ShowQosMapsRequest>,
    ) -> Result<Response<v1::ShowQosMapsResponse>, Status> {
        self.show(|shown| v1::ShowQosMapsResponse {
            maps: convert::qos_maps(shown.router.config()),
        })
        .await
    }

    async fn show_topologies(
        &self,
        _request: Request<v1::ShowTopologiesRequest>,
    ) -> Result<Response<v1::ShowTopologiesResponse>, Status> {
        self.show(|shown| v1::ShowTopologiesResponse {
            topologies: convert::topologies(shown.router),
        })
        .await
    }

    async fn show_protection(
        &self,
        _request: Request<v1::ShowProtectionRequest>,
    ) -> Result<Response<v1::ShowProtectionResponse>, Status> {
        self.show(convert::protection).await
    }

    async fn show_punt(
        &self,
        _request: Request<v1::ShowPuntRequest>,
    ) -> Result<Response<v1::ShowPuntResponse>, Status> {
        let counters = self.counters().await;
        self.show(move |shown| convert::punt(shown, &counters))
            .await
    }

    async fn show_ldp_discovery(
        &self,
        _request: Request<v1::ShowLdpDiscoveryRequest>,
    ) -> Result<Response<v1::ShowLdpDiscoveryResponse>, Status> {
        self.ldp(convert::ldp_discovery).await
    }

    async fn show_ldp_neighbours(
        &self,
        _request: Request<v1::ShowLdpNeighboursRequest>,
    ) -> Result<Response<v1::ShowLdpNeighboursResponse>, Status> {
        self.ldp(convert::ldp_neighbours).await
    }

    async fn show_ldp_capabilities(
        &self,
        _request: Request<v1::ShowLdpCapabilitiesRequest>,
    ) -> Result<Response<v1::ShowLdpCapabilitiesResponse>, Status> {
        self.ldp(convert::ldp_capabilities).await
    }

    async fn show_ldp_interfaces(
        &self,
        _request: Request<v1::ShowLdpInterfacesRequest>,
    ) -> Result<Response<v1::ShowLdpInterfacesResponse>, Status> {
        self.ldp(convert::ldp_interfaces).await
    }

    async fn show_ldp_bindings(
        &self,
        _request: Request<v1::ShowLdpBindingsRequest>,
    ) -> Result<Response<v1::ShowLdpBindingsResponse>, Status> {
        self.ldp(convert::ldp_bindings).await
    }

    async fn show_ldp_statistics(
        &self,
        _request: Request<v1::ShowLdpStatisticsRequest>,
    ) -> Result<Response<v1::ShowLdpStatisticsResponse>, Status> {
        self.ldp(convert::ldp_statistics).await
    }

    async fn show_ldp_events(
        &self,
        request: Request<v1::ShowLdpEventsRequest>,
    ) -> Result<Response<v1::ShowLdpEventsResponse>, Status> {
        let neighbour = convert::ldp_neighbour(&request.into_inner().neighbour)?;
        self.ldp(move |ldp, status, now| convert::ldp_events(neighbour, ldp, status, now))
            .await
    }

    async fn clear_ldp_neighbour(
        &self,
        request: Request<v1::ClearLdpNeighbourRequest>,
    ) -> Result<Response<v1::ClearLdpNeighbourResponse>, Status> {
        let neighbour = convert::ldp_neighbour(&request.into_inner().neighbour)?;
        let handle = self.ldp.load_full();
        let handle = handle.ok_or_else(|| Status::failed_precondition(NO_LDP))?;
        let sessions = handle
            .ask(move |ldp, _, now| convert::clear_ldp(neighbour, ldp, now))
            .await
            .ok_or_else(ending)??;
        Ok(Response::new(v1::ClearLdpNeighbourResponse { sessions }))
    }

    async fn request_ldp_targeted(
        &self,
        request: Request<v1::RequestLdpTargetedRequest>,
    ) -> Result<Response<v1::RequestLdpTargetedResponse>, Status> {
        let request = request.into_inner();
        let address = convert::targeted_address(&request.address)?;
        let applications = convert::targeted_applications(&request.applications)?;
        let handle = self.ldp.load_full();
        let handle = handle.ok_or_else(|| Status::failed_precondition(NO_LDP))?;
        let repeated_request = handle
            .ask(move |ldp, _, now| ldp.request_targeted(OPERATOR, address, applications, now))
            .await
            .ok_or_else(ending)?;
        Ok(Response::new(v1::RequestLdpTargetedResponse {
            repeated_request,
        }))
    }

    async fn release_ldp_targeted(
        &self,
        request: Request<v1::ReleaseLdpTargetedRequest>,
    ) -> Result<Response<v1::ReleaseLdpTargetedResponse>, Status> {
        let address = convert::targeted_address(&request.into_inner().address)?;
        let handle = self.ldp.load_full();
        let handle = handle.ok_or_else(|| Status::failed_precondition(NO_LDP))?;
        let had = handle
            .ask(move |ldp, _, now| ldp.release_targeted(OPERATOR, address, now))
            .await
            .ok_or_else(ending)?;
        if !had {
            let text = format!("no operator asked for a targeted session with {address}");
            return Err(Status::not_found(text));
        }
        Ok(Response::new(v1::ReleaseLdpTargetedResponse {}))
    }

    async fn switch_protection(
        &self,
        request: Request<v1::SwitchProtectionRequest>,
    ) -> Result<Response<v1::SwitchProtectionResponse>, Status> {
        let request = request.into_inner();
        let role = match request.path() {
            v1::ProtectionPath::Working => PathRole::Working,
            v1::ProtectionPath::Protecting => PathRole::Protecting,
        };
        self.switch(move |switchovers, config| switchovers.select(config, &request.name, role))
            .await?;
        Ok(Response::new(v1::SwitchProtectionResponse {}))
    }

    async fn set_port(
        &self,
        request: Request<v1::SetPortRequest>,
    ) -> Result<Response<v1::SetPortResponse>, Status> {
        let v1::SetPortRequest { port, down } = request.into_inner();
        let port = u16::try_from(port)
            .map_err(|_| Status::invalid_argument(format!("{port} is no port of a switch")))?;
        self.switch(move |switchovers, config| switchovers.hold_port(config, port, down))
            .await?;
        Ok(Response::new(v1::SetPortResponse {}))
    }

    async fn reload(
        &self,
        _request: Request<v1::ReloadRequest>,
    ) -> Result<Response<v1::ReloadResponse>, Status> {
        let (sender, receiver) = oneshot::channel();
        self.questions
            .send(Question::Reload(sender))
            .await
            .map_err(|_| ending())?;
        let result = receiver.await.map_err(|_| ending())?;
        Ok(Response::new(match result {
            Ok(()) => v1::ReloadResponse {
                accepted: true,
                problems: String::new(),
            },
            Err(problems) => v1::ReloadResponse {
                accepted: false,
                problems,
            },
        }))
    }
}
