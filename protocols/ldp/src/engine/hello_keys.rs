//! Which key of a key chain is used when (RFC 7349 section 2.2).

use std::time::Instant;

use super::Ldp;
use super::config::{HelloAuthentication, HelloKey, KeyLifetime};
use super::event::{EventKind, Severity, Subject};
use crate::discovery::HelloDiscard;

/// What the wall clock said, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct WallClock {
    /// Seconds since 1970.
    pub(super) seconds: u64,
    pub(super) at: Instant,
}

impl WallClock {
    /// The wall-clock time of an instant, in seconds since 1970.
    fn time(self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.at);
        self.seconds.saturating_add(since.as_secs())
    }
}

/// The key that Hellos are sent with.
#[derive(Debug, Clone)]
pub(super) struct Sending {
    pub(super) key: HelloKey,
    /// The time of the last key is over: it is used all the same.
    pub(super) expired: bool,
}

impl KeyLifetime {
    fn accepts(&self, time: u64) -> bool {
        self.start_accept.is_none_or(|start| start <= time) && !self.is_over(time)
    }

    fn is_over(&self, time: u64) -> bool {
        self.stop_accept.is_some_and(|stop| stop <= time)
    }

    fn generates(&self, time: u64) -> bool {
        self.start_generate.is_none_or(|start| start <= time)
            && self.stop_generate.is_none_or(|stop| stop > time)
    }
}

impl HelloAuthentication {
    /// The key that Hellos are sent with at a time: of those whose time it is, the one that began last.
    ///
    /// Without such a key the one that ended last counts as if it went on, as "it is unacceptable to revert to
    /// an unauthenticated condition" (section 2.2); before the time of all of them it is the first one.
    pub(super) fn sending(&self, time: Option<u64>) -> Sending {
        let plain = |key: &HelloKey, expired| Sending {
            key: key.clone(),
            expired,
        };
        let Some(time) = time else {
            return plain(&self.send, false);
        };
        let begun = |key: &&HelloKey| key.lifetime.start_generate.is_none_or(|at| at <= time);
        let active = self
            .generating()
            .filter(|key| key.lifetime.generates(time))
            .max_by_key(|key| key.lifetime.start_generate);
        if let Some(key) = active {
            return plain(key, false);
        }
        let last = self
            .generating()
            .filter(begun)
            .max_by_key(|key| key.lifetime.stop_generate);
        match last {
            Some(key) => plain(key, true),
            None => plain(&self.send, false),
        }
    }

    /// The keys that Hellos are ever sent with.
    fn generating(&self) -> impl Iterator<Item = &HelloKey> {
        let more = self.accept.iter();
        std::iter::once(&self.send).chain(more.filter(|key| key.lifetime.start_generate.is_some()))
    }

    /// The key of a Security Association, if Hellos with it are accepted at a time. The last key is accepted as
    /// long as it is sent with.
    pub(super) fn accepting(
        &self,
        association: u32,
        time: Option<u64>,
    ) -> Result<&HelloKey, HelloDiscard> {
        let keys = std::iter::once(&self.send).chain(&self.accept);
        let mut of_association = keys.filter(|key| key.security_association == association);
        let first = of_association
            .clone()
            .next()
            .ok_or(HelloDiscard::UnknownSecurityAssociation(association))?;
        let Some(time) = time else {
            return Ok(first);
        };
        if let Some(key) = of_association.find(|key| key.lifetime.accepts(time)) {
            return Ok(key);
        }
        let sending = self.sending(Some(time));
        if sending.expired && sending.key == *first {
            return Ok(first);
        }
        Err(HelloDiscard::KeyNotValid {
            association,
            over: first.lifetime.is_over(time),
        })
    }
}

impl Ldp {
    /// What time it is by the wall clock, in seconds since 1970: the lifetimes of keys are measured by it (RFC 7349
    /// section 2.2). To be told at the start, and from time to time as clocks are set.
    pub fn handle_wall_clock(&mut self, seconds: u64, now: Instant) {
        self.last_now = now;
        self.wall_clock = Some(WallClock { seconds, at: now });
    }

    /// The wall-clock time, if it is known.
    pub(super) fn wall_time(&self, now: Instant) -> Option<u64> {
        self.wall_clock.map(|clock| clock.time(now))
    }

    /// The key that a Hello is sent with. That the time of the last one is over is told, once for each.
    pub(super) fn sending_key(
        &mut self,
        authentication: &HelloAuthentication,
        subject: impl FnOnce() -> Subject,
        now: Instant,
    ) -> HelloKey {
        let Sending { key, expired } = authentication.sending(self.wall_time(now));
        let association = key.security_association;
        if !expired {
            self.expired_keys.remove(&association);
        } else if self.expired_keys.insert(association) {
            self.log(
                subject(),
                Severity::Warning,
                EventKind::Configuration,
                format!(
                    "last Authentication Key expiration: the time of the key of security association \
                     {association} is over and there is no other (RFC 7349 section 2.2): it is used until \
                     another is configured"
                ),
                now,
            );
        }
        key
    }
}
