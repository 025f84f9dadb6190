//! Peers of Extended Discovery (RFC 5036 section 2.4.2).

use std::net::IpAddr;
use std::time::Instant;

use super::config::AcceptTargeted;
use super::state::{Targeted, Timer};
use super::{Family, Ldp};
use crate::discovery::{AdjacencyKey, Scope};

impl Ldp {
    /// Somebody in this LSR asks for a targeted session (RFC 5036 section 2.4.2), such as pseudowires or a
    /// remote LFA, until it is released. `requester` is the name that it has for operators; `applications` are
    /// the TA-Ids that it needs the session for (RFC 8223 section 2.1), none where the Targeted Application
    /// Capability is not of use. Others may have asked for the same address, and it may be configured, too.
    /// Gives whether the requester had asked before: then this takes the place of what it said.
    pub fn request_targeted(
        &mut self,
        requester: &str,
        address: IpAddr,
        applications: Vec<u16>,
        now: Instant,
    ) -> bool {
        self.last_now = now;
        self.set_requested(requester, address, Some(applications), now)
    }

    /// The requester does not need it any more. Gives whether it had asked for it.
    pub fn release_targeted(&mut self, requester: &str, address: IpAddr, now: Instant) -> bool {
        self.last_now = now;
        self.set_requested(requester, address, None, now)
    }

    /// Somebody in this LSR wants a session, for these applications, or not any more. Whether that was so
    /// before.
    fn set_requested(
        &mut self,
        requester: &str,
        address: IpAddr,
        applications: Option<Vec<u16>>,
        now: Instant,
    ) -> bool {
        let common = &self.config.requested_targeted;
        let before = match applications {
            Some(applications) => {
                let targeted = self.targeted.entry(address).or_default();
                let before = targeted.requesters.insert(requester.into(), applications);
                targeted.put_together(common);
                before
            }
            None => self.targeted.get_mut(&address).and_then(|targeted| {
                let before = targeted.requesters.remove(requester);
                targeted.put_together(common);
                before
            }),
        };
        self.refresh_targeted(address, now);
        self.applications_changed(address, now);
        before.is_some()
    }

    /// A Hello that is accepted asks for Hellos in return.
    pub(super) fn answer_targeted(&mut self, address: IpAddr) {
        let AcceptTargeted::From { answer, .. } = &self.config.accept_targeted else {
            return;
        };
        let answer = answer.clone();
        // The Hello itself goes out with the adjacency.
        let source = self.router_transport(Family::of(address));
        let targeted = self.targeted_entry(address);
        if targeted.answered.is_none() {
            targeted.answered = Some(answer);
            targeted.source = source;
        }
    }

    /// Brings a targeted peer in line with what wants it and with this LSR's transport address.
    pub(super) fn refresh_targeted(&mut self, address: IpAddr, now: Instant) {
        let source = self.router_transport(Family::of(address));
        let Some(targeted) = self.targeted.get_mut(&address) else {
            return;
        };
        if targeted.config().is_none() {
            self.drop_targeted(address, now);
            return;
        }
        let before = targeted.source;
        targeted.source = source;
        match source {
            Some(_) if before != source => self.send_targeted_hello(address, now),
            Some(_) => {}
            None => {
                self.timers.cancel(Timer::TargetedHello(address));
                self.remove_adjacency(
                    AdjacencyKey {
                        scope: Scope::Targeted,
                        source: address,
                    },
                    "this LSR has no transport address",
                    now,
                );
            }
        }
        let identifier = self
            .adjacencies
            .get(&AdjacencyKey {
                scope: Scope::Targeted,
                source: address,
            })
            .map(|adjacency| adjacency.neighbour);
        if let Some(identifier) = identifier {
            self.evaluate(identifier, now);
        }
    }

    /// Brings all targeted peers in line.
    pub(super) fn refresh_all_targeted(&mut self, now: Instant) {
        let addresses: Vec<IpAddr> = self.targeted.keys().copied().collect();
        for address in addresses {
            self.refresh_targeted(address, now);
        }
    }

    /// Nothing wants a targeted peer any more.
    fn drop_targeted(&mut self, address: IpAddr, now: Instant) {
        self.targeted.remove(&address);
        self.timers.cancel(Timer::TargetedHello(address));
        self.remove_adjacency(
            AdjacencyKey {
                scope: Scope::Targeted,
                source: address,
            },
            "it is not configured any more",
            now,
        );
    }

    /// Forgets a targeted peer that was only answered, after its adjacency went down.
    pub(super) fn forget_targeted(&mut self, address: IpAddr) {
        if self
            .targeted
            .get(&address)
            .is_some_and(|targeted| targeted.config().is_none())
        {
            self.targeted.remove(&address);
            self.timers.cancel(Timer::TargetedHello(address));
        }
    }

    /// The targeted peer of an address, made if there is none.
    pub(super) fn targeted_entry(&mut self, address: IpAddr) -> &mut Targeted {
        self.targeted.entry(address).or_default()
    }
}
