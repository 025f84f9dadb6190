//! The labels that LDP gets, and the word when it may have some again (RFC 5036, appendix A.1.13).

use std::time::{Duration, Instant};

use forwarding::{LabelManager, LabelManagerConfig, Owner};
use ldp::engine::Ldp;
use mpls::Label;

/// While there are too few labels LDP is told no more often than this that there are some: it then looks
/// through all FECs that have none.
const PACE: Duration = Duration::from_secs(1);

/// LDP's labels.
#[derive(Debug)]
pub(super) struct Resources {
    manager: LabelManager,
    owner: Owner,
    /// LDP got none when it asked last, and since when.
    dry: Option<Instant>,
}

impl Resources {
    pub(super) fn new(manager: LabelManager, owner: Owner) -> Self {
        Self {
            manager,
            owner,
            dry: None,
        }
    }

    /// Another configuration. Labels that are in use cannot move: the daemon refuses another range of them.
    pub(super) fn configure(&mut self, config: &LabelManagerConfig) {
        self.manager.set_hold_down(config.hold_down);
    }

    /// Neighbours may send by labels of before for so long (RFC 3478 section 3.3).
    pub(super) fn neighbours_restart_for(&mut self, time: Duration) {
        self.manager.set_neighbours_time(time);
    }

    pub(super) fn used(&self) -> usize {
        self.manager.used()
    }

    /// A label of before the restart. Whether LDP has it now.
    pub(super) fn adopt(&mut self, label: Label) -> bool {
        self.manager.adopt(label, &self.owner)
    }

    /// A label, or in words why there is none.
    pub(super) fn allocate(&mut self, now: Instant) -> Result<Label, String> {
        let label = self.manager.allocate(&self.owner, now);
        if label.is_err() {
            self.dry.get_or_insert(now);
        }
        label.map_err(|error| error.to_string())
    }

    /// A label is not used any more.
    pub(super) fn release(&mut self, label: Label, now: Instant) {
        self.manager.release(label, &self.owner, now);
    }

    /// When LDP may have labels again that had none.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let since = self.dry?;
        let over = self.manager.held_down_until(&self.owner)?;
        Some(over.max(since + PACE))
    }

    /// That time has come.
    pub(super) fn told(&mut self, ldp: &mut Ldp, now: Instant) {
        self.dry = None;
        ldp.handle_label_resources(now);
    }
}

#[cfg(test)]
mod tests {
    use forwarding::Protocol;
    use mpls::LabelRange;

    use super::*;

    fn label(value: u32) -> Label {
        Label::new(value).unwrap()
    }

    /// RFC 5036 appendix A.1.13: LDP hears of labels when the hold-down of one is over, not before and not again
    /// as long as it got one when it asked.
    #[test]
    fn ldp_hears_of_labels_that_are_free_again() {
        let config = LabelManagerConfig {
            dynamic_range: LabelRange::new(label(16), label(17)).unwrap(),
            hold_down: Duration::from_secs(60),
            ..LabelManagerConfig::default()
        };
        let start = Instant::now();
        let mut labels = Resources::new(LabelManager::new(config), Protocol::Ldp.into());
        assert_eq!(labels.allocate(start), Ok(label(16)));
        assert_eq!(labels.allocate(start), Ok(label(17)));
        labels.release(label(16), start + Duration::from_secs(1));
        assert_eq!(labels.poll_timeout(), None, "nobody lacks one");
        let dry = start + Duration::from_secs(2);
        assert!(labels.allocate(dry).is_err());
        let over = start + Duration::from_secs(61);
        assert_eq!(labels.poll_timeout(), Some(over));
        let config = ldp::engine::LdpConfig::new(
            ldp::engine::LsrId::new("192.0.2.1".parse().unwrap()).unwrap(),
        );
        let mut ldp = Ldp::new(config, 1, start);
        labels.told(&mut ldp, over);
        assert_eq!(labels.poll_timeout(), None);
        assert_eq!(labels.allocate(over), Ok(label(16)));
        // All are in use: the next word is when one was released.
        assert!(labels.allocate(over).is_err());
        assert_eq!(labels.poll_timeout(), None);
        labels.release(label(17), over);
        assert_eq!(labels.poll_timeout(), Some(over + Duration::from_secs(60)));
    }
}
