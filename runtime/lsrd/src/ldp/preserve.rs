//! What LDP bound, kept over a restart of lsrd (RFC 3478, 3.1).
//!
//! It is one JSON file beside the management socket. Both are gone when the machine starts anew, and
//! so is what the switch holds.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use ldp_lfib::Bindings;

use crate::replace::replace;

/// What an earlier lsrd kept; nothing when there is none.
///
/// # Errors
/// There is something, and it cannot be read.
pub fn load(socket: &Path) -> io::Result<Bindings> {
    match std::fs::read(file(socket)) {
        Ok(octets) => Ok(serde_json::from_slice(&octets)?),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Bindings::default()),
        Err(error) => Err(error),
    }
}

/// Keeps it for the next lsrd.
///
/// # Errors
/// The file cannot be written.
pub fn store(bindings: &Bindings, socket: &Path) -> io::Result<()> {
    replace(&file(socket), &serde_json::to_vec(bindings)?)
}

/// The next lsrd is to find nothing.
pub fn remove(socket: &Path) {
    // Most often it is not there.
    let _ = std::fs::remove_file(file(socket));
}

fn file(socket: &Path) -> PathBuf {
    socket.with_extension("ldp.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipnet::IpNet;
    use ldp::label::{IlmOperation, LfibChange};
    use mpls::Label;

    #[test]
    fn what_is_stored_is_found_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("lsrd.sock");
        assert!(load(&socket).unwrap().is_empty());
        let mut bindings = Bindings::default();
        bindings.apply(&LfibChange::BindIlm {
            label: Label::new(16_001).unwrap(),
            fec: "2001:db8::/64".parse::<IpNet>().unwrap().into(),
            operation: IlmOperation::Egress,
        });
        store(&bindings, &socket).unwrap();
        assert_eq!(load(&socket).unwrap(), bindings);
        remove(&socket);
        assert!(load(&socket).unwrap().is_empty());
        std::fs::write(file(&socket), "no JSON").unwrap();
        assert!(load(&socket).is_err());
    }
}
