//! What the operator said by `lsrctl port` and `lsrctl protection`, kept over a restart of lsrd: the
//! switch forwards by it all the while.
//!
//! It is one JSON file beside the management socket. Both are gone when the machine starts anew,
//! and so is what the switch holds.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tracing::warn;

use crate::replace::replace;
use crate::router::Switchovers;

/// Where it is kept.
fn file(socket: &Path) -> PathBuf {
    socket.with_extension("switchover.json")
}

/// What an earlier lsrd kept; nothing when there is none.
pub(super) fn load(socket: &Path) -> Switchovers {
    let path = file(socket);
    let read = || -> io::Result<Switchovers> {
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Switchovers::default()),
            Err(error) => return Err(error),
        };
        Ok(serde_json::from_str(&text)?)
    };
    read().unwrap_or_else(|error| {
        let path = path.display();
        warn!(%path, %error, "ports and protecting paths are as configured: what was said is lost");
        Switchovers::default()
    })
}

/// Keeps it for the next lsrd.
pub(super) fn store(socket: &Path, switchovers: &Switchovers) {
    let path = file(socket);
    let text = serde_json::to_vec(switchovers).map_err(io::Error::from);
    if let Err(error) = text.and_then(|text| replace(&path, &text)) {
        let path = path.display();
        warn!(%path, %error, "a restart of lsrd will not know what was said of ports and paths");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_loaded_and_a_broken_file_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("lsrd.sock");
        assert_eq!(load(&socket), Switchovers::default());
        let text = r#"{"held-down":[3],"selected":{"east":"protecting"}}"#;
        let said: Switchovers = serde_json::from_str(text).unwrap();
        store(&socket, &said);
        assert_eq!(load(&socket), said);
        std::fs::write(folder.path().join("lsrd.switchover.json"), "{").unwrap();
        assert_eq!(load(&socket), Switchovers::default());
    }
}
