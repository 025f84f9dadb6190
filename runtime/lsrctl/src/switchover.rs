//! `lsrctl port` and `lsrctl protection`: which ports and protecting paths are in use.

use std::path::Path;
use std::process::ExitCode;

use northbound::v1;

use crate::cli::{PortCommand, ProtectionCommand, ProtectionPath};
use crate::show::{ShowError, finish};

type Client = v1::management_client::ManagementClient<tonic::transport::Channel>;

/// Runs `lsrctl port`.
pub fn port(socket: &Path, command: PortCommand) -> ExitCode {
    let (port, down) = match command {
        PortCommand::Down { port } => (port, true),
        PortCommand::Up { port } => (port, false),
    };
    let request = v1::SetPortRequest {
        port: port.into(),
        down,
    };
    ask(socket, async |mut client| {
        client.set_port(request).await?;
        match down {
            true => println!("port {port} is down"),
            false => println!("port {port} is up while its link has a carrier"),
        }
        Ok(())
    })
}

/// Runs `lsrctl protection`.
pub fn protection(socket: &Path, command: ProtectionCommand) -> ExitCode {
    let ProtectionCommand::Switch { name, path } = command;
    let (path, word) = match path {
        ProtectionPath::Working => (v1::ProtectionPath::Working, "working"),
        ProtectionPath::Protecting => (v1::ProtectionPath::Protecting, "protecting"),
    };
    ask(socket, async |mut client| {
        let request = v1::SwitchProtectionRequest {
            name: name.clone(),
            path: path.into(),
        };
        client.switch_protection(request).await?;
        println!("{name} uses its {word} path");
        Ok(())
    })
}

/// Asks lsrd something, and prints what there is to say.
pub(crate) fn ask(
    socket: &Path,
    question: impl AsyncFnOnce(Client) -> Result<(), ShowError>,
) -> ExitCode {
    finish(crate::runtime().and_then(|runtime| {
        runtime.block_on(async {
            let answer = async {
                let client = northbound::socket::connect(socket).await?;
                question(client).await
            };
            answer.await.map_err(|error| error.to_string())
        })
    }))
}
