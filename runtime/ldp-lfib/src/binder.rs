//! What LDP wants bound, with what a former start had bound (RFC 3478 section 3.1).

use std::collections::BTreeMap;

use forwarding::EntryKey;
use ldp::PrefixFec;
use ldp::label::LfibChange;

use crate::{Bindings, LfibBinding, LfibTranslator, LspSettings, entry_key};

/// What LDP asks of the LFIB.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// A binding came, went or changed.
    Change(LfibChange),
    /// Entries of before the restart that nothing bound again are not LDP's any more (RFC 3478,
    /// 3.1).
    HoldingExpired,
}

/// An entry, and the FEC whose packets it is for.
pub type FecBinding = (PrefixFec, LfibBinding);

/// Makes entries of what LDP asks, keeps what is bound for the next start, and lets go what an earlier
/// start had bound and nothing confirms.
#[derive(Debug, Default)]
pub struct Binder {
    translator: LfibTranslator,
    /// What is bound, if that is to outlive the program.
    kept: Option<Bindings>,
    /// Entries that an earlier start bound and nothing has confirmed since.
    unconfirmed: BTreeMap<EntryKey, PrefixFec>,
    /// Something changed since [`Binder::take_changed`].
    changed: bool,
}

impl Binder {
    /// These settings count for the bindings that come.
    pub fn set(&mut self, settings: LspSettings) {
        self.translator.set(settings);
    }

    /// Whether what is bound is to outlive the program (RFC 3478).
    pub fn keep(&mut self, keep: bool) {
        match (keep, &self.kept) {
            (true, None) => self.kept = Some(Bindings::default()),
            (false, Some(_)) => self.kept = None,
            _ => {}
        }
    }

    /// Gives the entries that an earlier start kept: they are bound until they are confirmed or held no
    /// more.
    pub fn restore(&mut self, kept: &Bindings, mut bind: impl FnMut(FecBinding)) {
        for change in kept.changes() {
            self.unconfirmed.insert(entry_key(&change), change.fec());
            self.change(change, &mut bind);
        }
    }

    /// What is bound, if it is to outlive the program.
    pub fn kept(&self) -> Option<&Bindings> {
        self.kept.as_ref()
    }

    /// The same, if it changed since this was asked last.
    pub fn take_changed(&mut self) -> Option<&Bindings> {
        match std::mem::take(&mut self.changed) {
            true => self.kept.as_ref(),
            false => None,
        }
    }

    /// Takes in what LDP asks, and gives the entries that this binds and unbinds.
    pub fn apply(&mut self, update: Update, mut bind: impl FnMut(FecBinding)) {
        match update {
            Update::Change(change) => {
                if !self.unconfirmed.is_empty() {
                    self.unconfirmed.remove(&entry_key(&change));
                }
                self.change(change, &mut bind);
            }
            Update::HoldingExpired => self.expire(&mut bind),
        }
    }

    /// Entries that nothing bound again since the restart go (RFC 3478, 3.1).
    fn expire(&mut self, bind: &mut impl FnMut(FecBinding)) {
        for (key, fec) in std::mem::take(&mut self.unconfirmed) {
            if let Some(kept) = &mut self.kept {
                kept.forget(&key, fec);
                self.changed = true;
            }
            let binding = match key {
                EntryKey::Ftn(fec) => LfibBinding::Ftn(fec, None),
                EntryKey::Ilm(key) => LfibBinding::Ilm(key, None),
            };
            bind((fec, binding));
        }
    }

    fn change(&mut self, change: LfibChange, bind: &mut impl FnMut(FecBinding)) {
        if let Some(kept) = &mut self.kept {
            kept.apply(&change);
            self.changed = true;
        }
        bind((change.fec(), self.translator.binding(change)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forwarding::{Forwarding, IlmKey, Owner, Protocol};
    use ipnet::IpNet;
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
        let owner = Owner::from(Protocol::Ldp);
        let mut forwarding = Forwarding::new();
        let mut binder = Binder::default();
        binder.keep(true);
        binder.restore(&kept, |(_, entry)| {
            entry.apply(&mut forwarding, &owner).unwrap();
        });
        assert_eq!(forwarding.lfib().ilm.len(), 2);
        assert_eq!(binder.take_changed(), Some(&kept));
        for update in [Update::Change(ilm(16_000)), Update::HoldingExpired] {
            binder.apply(update, |(of, entry)| {
                assert_eq!(of, fec());
                entry.apply(&mut forwarding, &owner).unwrap();
            });
        }
        let left: Vec<_> = forwarding.lfib().ilm.keys().copied().collect();
        assert_eq!(left, [IlmKey::platform(label(16_000))]);
        let labels = binder.take_changed().unwrap().preserved().labels;
        assert_eq!(labels, [(fec(), label(16_000))]);
        assert_eq!(binder.take_changed(), None);
    }
}
