//! The options of the P4Runtime server, named as those of simple_switch_grpc where it has them.

use std::path::PathBuf;

use clap::Args;
use p4_switch::p4runtime::{Address, Limits, TlsFiles};

/// Address, TLS and limits of the P4Runtime server.
#[derive(Debug, Args)]
pub(crate) struct GrpcArguments {
    /// Where to listen for P4Runtime clients: IP:PORT, HOST:PORT or unix:PATH. Can be given several times.
    #[arg(
        long,
        visible_alias = "grpc-server-addr",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:9559"
    )]
    pub(super) grpc: Vec<Address>,

    /// Serves P4Runtime by TLS only. It is implied by --grpc-server-cert.
    #[arg(long, requires = "grpc_server_cert")]
    grpc_server_ssl: bool,

    /// The server's certificate, in PEM format, with those between it and the root after it.
    #[arg(long, value_name = "FILE", requires = "grpc_server_key")]
    grpc_server_cert: Option<PathBuf>,

    /// The server's private key, in PEM format.
    #[arg(long, value_name = "FILE", requires = "grpc_server_cert")]
    grpc_server_key: Option<PathBuf>,

    /// The certificates of the authorities that clients' certificates are checked against.
    #[arg(long, value_name = "FILE", requires = "grpc_server_with_client_auth")]
    grpc_server_cacert: Option<PathBuf>,

    /// Clients need a certificate of one of the authorities of --grpc-server-cacert (mutual TLS).
    #[arg(long, requires_all = ["grpc_server_cert", "grpc_server_cacert"])]
    grpc_server_with_client_auth: bool,

    /// Connections of P4Runtime clients at a time.
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().connections)]
    grpc_max_connections: usize,

    /// Bytes of the longest message that P4Runtime clients may send.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().message)]
    grpc_max_message: usize,
}

impl GrpcArguments {
    /// The files for TLS, if it is to be used.
    pub(crate) fn tls(&self) -> Option<TlsFiles> {
        Some(TlsFiles {
            certificate: self.grpc_server_cert.clone()?,
            key: self.grpc_server_key.clone()?,
            client_authorities: self.grpc_server_cacert.clone(),
        })
    }

    /// The limits.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            connections: self.grpc_max_connections,
            message: self.grpc_max_message,
            ..Limits::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        grpc: GrpcArguments,
    }

    fn parse(line: &str) -> Result<GrpcArguments, clap::Error> {
        let words = std::iter::once("p4-switch").chain(line.split_whitespace());
        Line::try_parse_from(words).map(|line| line.grpc)
    }

    #[test]
    fn the_options_of_simple_switch_grpc_are_understood() {
        let arguments = parse(
            "--grpc-server-ssl --grpc-server-cert s.pem --grpc-server-key s.key \
             --grpc-server-cacert ca.pem --grpc-server-with-client-auth",
        );
        let files = arguments.unwrap().tls().unwrap();
        assert_eq!(files.certificate, PathBuf::from("s.pem"));
        assert_eq!(files.client_authorities, Some("ca.pem".into()));
        assert_eq!(parse("").unwrap().tls(), None);
    }

    #[test]
    fn what_would_silently_be_less_than_was_asked_for_is_refused() {
        for line in [
            "--grpc-server-ssl",
            "--grpc-server-cert s.pem",
            "--grpc-server-key s.key",
            "--grpc-server-cert s.pem --grpc-server-key s.key --grpc-server-with-client-auth",
            "--grpc-server-cert s.pem --grpc-server-key s.key --grpc-server-cacert ca.pem",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
