//! What LDP says of labels, as bindings of the FTN and of the ILM.

use std::collections::BTreeSet;

use forwarding::{EntryKey, Forwarding, Owner, Protocol};
use ldp::label::LfibChange;
use ldp_lfib::{LfibTranslator, LspSettings, entry_key};
use tracing::warn;

use super::driver::Update;
use super::preserve::Bindings;

/// Puts LDP's bindings into the FTN and the ILM.
#[derive(Debug)]
pub struct Binder {
    owner: Owner,
    translator: LfibTranslator,
    /// What is bound, if that is to outlive lsrd.
    kept: Option<Bindings>,
    /// Keys that an earlier lsrd bound and nothing has confirmed since.
    unconfirmed: BTreeSet<EntryKey>,
    /// Something changed since [`Binder::take_changed`].
    changed: bool,
}

impl Default for Binder {
    fn default() -> Self {
        Self {
            owner: Protocol::Ldp.into(),
            translator: LfibTranslator::default(),
            kept: None,
            unconfirmed: BTreeSet::new(),
            changed: false,
        }
    }
}

impl Binder {
    /// These settings count for the bindings that come.
    pub fn set(&mut self, settings: LspSettings) {
        self.translator.set(settings);
    }

    /// Whether what is bound is to outlive lsrd (RFC 3478).
    pub fn keep(&mut self, keep: bool) {
        match (keep, &self.kept) {
            (true, None) => self.kept = Some(Bindings::default()),
            (false, Some(_)) => self.kept = None,
            _ => {}
        }
    }

    /// Binds what an earlier lsrd kept, until it is confirmed or held no more.
    pub fn restore(&mut self, forwarding: &mut Forwarding, kept: &Bindings) {
        for change in kept.changes() {
            let key = entry_key(&change);
            self.change(forwarding, change);
            self.unconfirmed.extend(key);
        }
    }

    /// What is bound, if it is to outlive lsrd and changed since this was asked last.
    pub fn take_changed(&mut self) -> Option<&Bindings> {
        match std::mem::take(&mut self.changed) {
            true => self.kept.as_ref(),
            false => None,
        }
    }

    /// Takes changes in.
    pub fn apply(
        &mut self,
        forwarding: &mut Forwarding,
        updates: impl IntoIterator<Item = Update>,
    ) {
        for update in updates {
            match update {
                Update::Change(change) => {
                    if !self.unconfirmed.is_empty()
                        && let Some(key) = entry_key(&change)
                    {
                        self.unconfirmed.remove(&key);
                    }
                    self.change(forwarding, change);
                }
                Update::HoldingExpired => self.expire(forwarding),
            }
        }
    }

    /// Entries that nothing bound again since the restart go (RFC 3478, 3.1).
    fn expire(&mut self, forwarding: &mut Forwarding) {
        for key in std::mem::take(&mut self.unconfirmed) {
            match &key {
                EntryKey::Ftn(fec) => forwarding.unbind_ftn(&self.owner, fec),
                EntryKey::Ilm(key) => forwarding.unbind_ilm(&self.owner, key),
            }
            if let Some(kept) = &mut self.kept {
                kept.forget(&key);
                self.changed = true;
            }
        }
    }

    fn change(&mut self, forwarding: &mut Forwarding, change: LfibChange) {
        if let Some(kept) = &mut self.kept {
            kept.apply(&change);
            self.changed = true;
        }
        let fec = change.fec();
        let Some(binding) = self.translator.binding(change) else {
            return;
        };
        if let Err(error) = binding.apply(forwarding, &self.owner) {
            // The label manager deals out none below 16.
            warn!(%fec, %error, "a label of LDP is not bound");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forwarding::IlmKey;
    use ipnet::IpNet;
    use ldp::PrefixFec;
    use ldp::label::IlmOperation;
    use mpls::Label;

    fn fec() -> PrefixFec {
        PrefixFec::from("10.2.0.0/24".parse::<IpNet>().unwrap())
    }

    /// RFC 3478 section 3.1: what was not bound again when the holding timer expires is deleted.
    #[test]
    fn what_a_restart_did_not_confirm_goes_when_it_is_held_no_more() {
        let label = |value| Label::new(value).unwrap();
        let ilm = |value| LfibChange::BindIlm {
            label: label(value),
            fec: fec(),
            operation: IlmOperation::Egress,
        };
        let mut kept = Bindings::default();
        kept.apply(&ilm(16_000));
        kept.apply(&ilm(16_001));
        let mut forwarding = Forwarding::new();
        let mut binder = Binder::default();
        binder.keep(true);
        binder.restore(&mut forwarding, &kept);
        assert_eq!(forwarding.lfib().ilm.len(), 2);
        assert_eq!(binder.take_changed(), Some(&kept));
        binder.apply(&mut forwarding, vec![Update::Change(ilm(16_000))]);
        binder.apply(&mut forwarding, vec![Update::HoldingExpired]);
        let left: Vec<_> = forwarding.lfib().ilm.keys().copied().collect();
        assert_eq!(left, [IlmKey::platform(label(16_000))]);
        let labels = binder.take_changed().unwrap().preserved().labels;
        assert_eq!(labels, [(fec(), label(16_000))]);
        assert_eq!(binder.take_changed(), None);
    }
}
