//! LDP as the configuration wants it: it starts, follows and ends with `[ldp]`.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use ldp_lfib::Bindings;
use tracing::warn;

use crate::config::LdpConfig;
use crate::ldp::Handle;
use crate::ldp::driver::{End, Next};
use crate::ldp::preserve;
use crate::management::SharedLdp;
use crate::router::Router;

/// LDP, running or not.
#[derive(Debug, Default)]
pub(super) struct Ldp {
    running: Option<(Handle, LdpConfig)>,
    /// What the management service asks.
    shared: SharedLdp,
    /// What an earlier lsrd kept, until LDP starts.
    kept: Bindings,
}

impl Ldp {
    /// LDP with what an earlier lsrd kept, which the router binds at once: nothing of it leaves the
    /// switch.
    pub(super) fn resume(router: &mut Router) -> Self {
        let config = router.config();
        let socket = config.management_socket.clone();
        let graceful = config.ldp.as_ref();
        if graceful.is_none_or(|ldp| ldp.engine.graceful_restart.is_none()) {
            preserve::remove(&socket);
            return Self::default();
        }
        let mut kept = preserve::load(&socket).unwrap_or_else(|error| {
            warn!(%error, "what LDP bound before is not known: it begins anew");
            Bindings::default()
        });
        let topologies = &router.config().topologies;
        kept.retain_topologies(|topology| topologies.iter().any(|of| of.id == topology));
        router.restore_ldp(&kept);
        Self {
            kept,
            ..Self::default()
        }
    }

    /// Keeps what LDP bound for the next lsrd, if it changed.
    pub(super) fn store(router: &mut Router) {
        let socket = router.config().management_socket.clone();
        if let Some(bindings) = router.take_ldp_changed()
            && let Err(error) = preserve::store(bindings, &socket)
        {
            warn!(%error, "a restart of lsrd will not know what LDP bound");
        }
    }

    /// What the management service asks.
    pub(super) fn shared(&self) -> Arc<ArcSwapOption<Handle>> {
        Arc::clone(&self.shared)
    }

    /// Tells LDP how the router stands; starts and ends it as the configuration says. Returns whether
    /// it was ended.
    pub(super) fn follow(&mut self, router: &Router) -> bool {
        match (&mut self.running, &router.config().ldp) {
            (None, None) => {}
            (None, Some(config)) => {
                let handle = Handle::start(
                    config.clone(),
                    router.snapshot(),
                    &std::mem::take(&mut self.kept),
                );
                self.shared.store(Some(Arc::new(handle.clone())));
                self.running = Some((handle, config.clone()));
            }
            (Some((handle, running)), Some(config)) => {
                if running != config {
                    handle.configure(config.clone());
                    *running = config.clone();
                }
                handle.set_router(router.snapshot());
            }
            (Some(_), None) => {
                self.shared.store(None);
                if let Some((handle, _)) = self.running.take() {
                    tokio::spawn(async move { handle.end(End::ForGood).await });
                }
                return true;
            }
        }
        false
    }

    /// Waits for what is to be done with the LFIB.
    pub(super) async fn next(&self) -> Next {
        match &self.running {
            Some((handle, _)) => handle.updates().next().await,
            None => std::future::pending().await,
        }
    }

    /// How long it took to hand on what it asked.
    pub(super) fn took(&self, time: Duration) {
        if let Some((handle, _)) = &self.running {
            handle.updates().took(time);
        }
    }

    /// Ends it, as lsrd ends.
    pub(super) async fn end(&mut self) {
        self.shared.store(None);
        if let Some((handle, _)) = self.running.take() {
            handle.end(End::ForARestart).await;
        }
    }
}
