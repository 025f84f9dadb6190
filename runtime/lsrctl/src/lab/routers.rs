//! What the lab asks its routers over their management sockets.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use northbound::v1;
use northbound::v1::entry_status::State;
use northbound::v1::nhlfe::Resolution;
use northbound::v1::target::Role;
use serde::Serialize;

use super::error::LabError;
use super::topology::Topology;

/// How long an lsrd may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How far a router is on its way to forwarding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RouterState {
    /// lsrd answers on its management socket.
    pub lsrd_up: bool,
    /// lsrd has a session with the switch and is its primary controller.
    pub switch_connected: bool,
    /// The switch runs the P4 program.
    pub pipeline_loaded: bool,
    /// Next hops of LSPs whose link-layer address is known, and all.
    pub neighbours: (usize, usize),
    /// Entries of the LFIB that the switch holds, and all.
    pub entries: (usize, usize),
    /// LDP sessions that are operational, and all that there should be.
    pub sessions: (usize, usize),
    /// FECs of other routers for which a next hop gave a label, and all that there should be.
    pub fecs: (usize, usize),
    /// Nothing is left to be written to the switch.
    pub in_sync: bool,
    /// What lsrd says is wrong; empty when nothing is.
    pub error: String,
}

impl RouterState {
    /// Whether the router forwards all that it was told to.
    pub fn is_ready(&self) -> bool {
        self.lsrd_up
            && self.switch_connected
            && self.pipeline_loaded
            && self.in_sync
            && self.neighbours.0 == self.neighbours.1
            && self.sessions.0 >= self.sessions.1
            && self.fecs.0 >= self.fecs.1
            && self.entries.0 == self.entries.1
    }
}

impl fmt::Display for RouterState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        let mut say = |done: bool, yes: &str, no: &str| {
            words.push(if done { yes } else { no }.to_owned());
        };
        if !self.lsrd_up {
            return formatter.write_str("lsrd and switch starting");
        }
        say(true, "lsrd up", "");
        say(
            self.switch_connected,
            "switch connected",
            "waiting for the switch",
        );
        if self.switch_connected {
            say(
                self.pipeline_loaded,
                "pipeline loaded",
                "loading the pipeline",
            );
        }
        if self.sessions.1 > 0 {
            words.push(format!(
                "LDP sessions {}/{}",
                self.sessions.0, self.sessions.1
            ));
        }
        if self.fecs.1 > 0 {
            words.push(format!("FECs {}/{}", self.fecs.0, self.fecs.1));
        }
        if self.pipeline_loaded {
            words.push(format!(
                "neighbours {}/{}",
                self.neighbours.0, self.neighbours.1
            ));
            let sync = if self.in_sync { "in sync" } else { "writing" };
            words.push(format!("LFIB {}/{} {sync}", self.entries.0, self.entries.1));
        }
        if !self.error.is_empty() {
            words.push(self.error.clone());
        }
        formatter.write_str(&words.join(", "))
    }
}

/// The management socket of one lsrd of the lab.
#[derive(Debug, Clone)]
pub struct Management {
    router: String,
    socket: PathBuf,
}

type Client = v1::management_client::ManagementClient<tonic::transport::Channel>;

impl Management {
    /// Names the socket; nothing is sent yet.
    pub fn new(router: &str, socket: &Path) -> Self {
        Self {
            router: router.to_owned(),
            socket: socket.to_owned(),
        }
    }

    fn error(&self, detail: impl fmt::Display) -> LabError {
        LabError::Management {
            router: self.router.clone(),
            detail: detail.to_string(),
        }
    }

    async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(Client) -> Result<tonic::Response<T>, tonic::Status>,
    ) -> Result<T, LabError> {
        let answer = async {
            let client = northbound::socket::connect(&self.socket)
                .await
                .map_err(|error| self.error(error))?;
            let answer = question(client).await;
            answer
                .map(tonic::Response::into_inner)
                .map_err(|status| self.error(status.message()))
        };
        match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(self.error(format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()))),
        }
    }

    /// `lsrctl show lfib`.
    pub async fn lfib(&self) -> Result<v1::ShowLfibResponse, LabError> {
        self.ask(async |mut client| client.show_lfib(v1::ShowLfibRequest {}).await)
            .await
    }

    /// `lsrctl show ftn`.
    pub async fn ftn(&self) -> Result<Vec<v1::FtnEntry>, LabError> {
        let response = self
            .ask(async |mut client| client.show_ftn(v1::ShowFtnRequest {}).await)
            .await?;
        Ok(response.entries)
    }

    /// `lsrctl show ilm`.
    pub async fn ilm(&self) -> Result<Vec<v1::IlmEntry>, LabError> {
        let response = self
            .ask(async |mut client| client.show_ilm(v1::ShowIlmRequest {}).await)
            .await?;
        Ok(response.entries)
    }

    /// `lsrctl show target`.
    pub async fn target(&self) -> Result<v1::Target, LabError> {
        let response = self
            .ask(async |mut client| client.show_target(v1::ShowTargetRequest {}).await)
            .await?;
        response.target.ok_or_else(|| self.error("an empty answer"))
    }

    /// `lsrctl show interfaces`.
    pub async fn interfaces(&self) -> Result<Vec<v1::Interface>, LabError> {
        let request = v1::ShowInterfacesRequest {};
        let response = self
            .ask(async |mut client| client.show_interfaces(request).await)
            .await?;
        Ok(response.interfaces)
    }

    /// `lsrctl show ldp bindings`.
    pub async fn bindings(&self) -> Result<v1::ShowLdpBindingsResponse, LabError> {
        let request = v1::ShowLdpBindingsRequest {};
        self.ask(async |mut client| client.show_ldp_bindings(request).await)
            .await
    }

    /// `lsrctl show ldp neighbors`.
    pub async fn ldp_neighbours(&self) -> Result<v1::ShowLdpNeighboursResponse, LabError> {
        let request = v1::ShowLdpNeighboursRequest {};
        self.ask(async |mut client| client.show_ldp_neighbours(request).await)
            .await
    }

    /// How far the router is.
    pub async fn state(&self, expected: &Expected) -> RouterState {
        let target = match self.target().await {
            Ok(target) => target,
            // Until lsrd listens there is nothing to ask.
            Err(_) => return RouterState::default(),
        };
        let lfib = match self.lfib().await {
            Ok(lfib) => lfib,
            Err(error) => {
                return RouterState {
                    lsrd_up: true,
                    error: error.to_string(),
                    ..Default::default()
                };
            }
        };
        let (sessions, fecs) = self.ldp_state(expected).await;
        let nhlfes = || {
            let ilm = lfib.ilm.iter().flat_map(|entry| &entry.nhlfes);
            ilm.chain(lfib.ftn.iter().flat_map(|entry| &entry.nhlfes))
        };
        let statuses = || {
            let ilm = lfib.ilm.iter().map(|entry| &entry.status);
            ilm.chain(lfib.ftn.iter().map(|entry| &entry.status))
                .flatten()
        };
        let installed = |status: &&v1::EntryStatus| status.state() == State::Installed;
        let resolved = |nhlfe: &&v1::Nhlfe| nhlfe.resolution() == Resolution::NeighbourResolved;
        let refused = statuses().find(|status| status.state() == State::Refused);
        RouterState {
            lsrd_up: true,
            switch_connected: target.role() == Role::Primary,
            pipeline_loaded: target.pipeline_loaded,
            neighbours: (nhlfes().filter(resolved).count(), nhlfes().count()),
            entries: (statuses().filter(installed).count(), statuses().count()),
            sessions,
            fecs,
            in_sync: target.in_sync,
            error: match refused {
                Some(status) => status.error.clone(),
                None => target.last_error,
            },
        }
    }

    /// LDP sessions and labels, those that are there and those that should be.
    async fn ldp_state(&self, expected: &Expected) -> ((usize, usize), (usize, usize)) {
        let all = (expected.sessions, expected.fecs.len());
        if all == (0, 0) {
            return ((0, 0), (0, 0));
        }
        let Ok(answer) = self.bindings().await else {
            return ((0, all.0), (0, all.1));
        };
        let sessions = answer
            .ldp
            .map_or(0, |ldp| ldp.operational_sessions as usize);
        let labelled = answer.bindings.iter().filter(|binding| {
            expected.fecs.contains(&binding.fec) && binding.remote.iter().any(|label| label.used)
        });
        ((sessions, all.0), (labelled.count(), all.1))
    }
}

/// What LDP has to have done before a router is ready.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// Operational sessions.
    pub sessions: usize,
    /// FECs to which a next hop has bound a label.
    pub fecs: BTreeSet<String>,
}

impl Expected {
    /// What there has to be at a router of a topology; nothing without LDP.
    pub fn of(topology: &Topology, router: &str) -> Self {
        if !topology.ldp.runs() {
            return Self::default();
        }
        let fecs = topology.remote_prefixes(router).into_iter();
        Self {
            sessions: topology.labelled_neighbours(router).len(),
            fecs: fecs.map(|prefix| prefix.to_string()).collect(),
        }
    }
}
