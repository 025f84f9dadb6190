//! `lsrctl ldp`.

use std::path::Path;
use std::process::ExitCode;

use northbound::v1;

use crate::cli::LdpCommand;
use crate::switchover::ask;

/// Runs `lsrctl ldp`.
pub fn run(socket: &Path, command: LdpCommand) -> ExitCode {
    match command {
        LdpCommand::RequestTargeted {
            address,
            applications,
        } => {
            let request = v1::RequestLdpTargetedRequest {
                address: address.to_string(),
                applications: applications.into_iter().map(u32::from).collect(),
            };
            ask(socket, async |mut client| {
                let answer = client.request_ldp_targeted(request).await?.into_inner();
                match answer.repeated_request {
                    true => println!("the session with {address} was asked for before"),
                    false => {
                        println!("Hellos go to {address}: show ldp discovery says what comes of it")
                    }
                }
                Ok(())
            })
        }
        LdpCommand::ReleaseTargeted { address } => {
            let request = v1::ReleaseLdpTargetedRequest {
                address: address.to_string(),
            };
            ask(socket, async |mut client| {
                client.release_ldp_targeted(request).await?;
                println!("the session with {address} is not asked for any more");
                Ok(())
            })
        }
    }
}
