//! `lsrctl clear`.

use std::path::Path;
use std::process::ExitCode;

use northbound::v1;

use crate::cli::{ClearCommand, ClearLdpCommand};
use crate::switchover::ask;

/// Runs `lsrctl clear`.
pub fn run(socket: &Path, command: ClearCommand) -> ExitCode {
    let ClearCommand::Ldp {
        command: ClearLdpCommand::Neighbor { neighbour },
    } = command;
    let request = v1::ClearLdpNeighbourRequest {
        neighbour: neighbour.unwrap_or_default(),
    };
    ask(socket, async |mut client| {
        let answer = client.clear_ldp_neighbour(request).await?.into_inner();
        match answer.sessions {
            0 => println!("there was no session to end; an attempt is made at once"),
            1 => println!("1 session ends, and comes up anew"),
            several => println!("{several} sessions end, and come up anew"),
        }
        Ok(())
    })
}
