//! TLS and mutual TLS (section 3.1.1).

use std::path::PathBuf;

use p4_switch::p4runtime::{TlsError, TlsFiles};
use p4runtime_proto::p4::v1::{CapabilitiesRequest, p4_runtime_client::P4RuntimeClient};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

use super::support::TestSwitch;

/// An authority, and files of certificates that it signed.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).unwrap(),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// Certificate and key, in PEM format.
    fn pair(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The files of a server; with `mutual` it asks clients for certificates of this authority.
    fn server(&self, mutual: bool) -> TlsFiles {
        let (certificate, key) = self.pair();
        TlsFiles {
            certificate: self.file("server.pem", &certificate),
            key: self.file("server.key", &key),
            client_authorities: mutual.then(|| self.file("ca.pem", &self.issuer.pem())),
        }
    }

    fn client(&self) -> ClientTlsConfig {
        ClientTlsConfig::new()
            .domain_name("localhost")
            .ca_certificate(Certificate::from_pem(self.issuer.pem()))
    }
}

/// Whether a client with a configuration gets an answer.
async fn served(test: &TestSwitch, tls: ClientTlsConfig) -> bool {
    let address = test.address.replace("http:", "https:");
    let channel = Channel::from_shared(address).unwrap().tls_config(tls);
    let Ok(channel) = channel.unwrap().connect().await else {
        return false;
    };
    let request = CapabilitiesRequest::default();
    let answer = P4RuntimeClient::new(channel).capabilities(request).await;
    answer.is_ok()
}

#[tokio::test]
async fn a_client_that_knows_the_authority_is_served_by_tls() {
    let authority = Authority::new();
    let test = TestSwitch::start_with(|listener| listener.with_tls(&authority.server(false))).await;
    assert!(served(&test, authority.client()).await);
    assert!(
        !served(&test, Authority::new().client()).await,
        "a client that trusts another authority must not take the server for the right one"
    );
}

#[tokio::test]
async fn a_client_without_tls_is_not_served_by_a_server_with_tls() {
    let authority = Authority::new();
    let test = TestSwitch::start_with(|listener| listener.with_tls(&authority.server(false))).await;
    let channel = Channel::from_shared(test.address.clone()).unwrap();
    let served = match channel.connect().await {
        Ok(channel) => {
            let request = CapabilitiesRequest::default();
            let answer = P4RuntimeClient::new(channel).capabilities(request).await;
            answer.is_ok()
        }
        Err(_) => false,
    };
    assert!(!served);
}

/// A TLS client says "wrong version" when it sees HTTP/2 in the clear, as from any gRPC server.
#[tokio::test]
async fn a_tls_client_sees_that_a_server_has_no_tls() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let test = TestSwitch::start().await;
    let address = test.address.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    // The start of a ClientHello, longer than HTTP/2's preface.
    stream
        .write_all(&[[22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3]; 30].concat())
        .await
        .unwrap();
    let mut settings = [0; 9];
    stream.read_exact(&mut settings).await.unwrap();
    assert_eq!(settings, [0, 0, 0, 4, 0, 0, 0, 0, 0]);
    assert_eq!(stream.read(&mut settings).await.unwrap(), 0);
}

#[tokio::test]
async fn with_mutual_tls_only_clients_with_a_certificate_of_the_authority_are_served() {
    let authority = Authority::new();
    let test = TestSwitch::start_with(|listener| listener.with_tls(&authority.server(true))).await;
    let (certificate, key) = authority.pair();
    let known = authority
        .client()
        .identity(Identity::from_pem(certificate, key));
    assert!(served(&test, known).await);
    assert!(!served(&test, authority.client()).await, "no certificate");
    let (certificate, key) = Authority::new().pair();
    let foreign = authority
        .client()
        .identity(Identity::from_pem(certificate, key));
    assert!(!served(&test, foreign).await, "a certificate of another");
}

#[tokio::test]
async fn files_that_do_not_fit_are_refused_with_their_names() {
    let authority = Authority::new();
    let good = authority.server(true);
    let refused = async |files: TlsFiles| TestSwitch::listener().await.with_tls(&files).err();
    let missing = TlsFiles {
        key: "/nonexistent".into(),
        ..good.clone()
    };
    let error = refused(missing).await.unwrap().to_string();
    assert!(error.contains("/nonexistent"), "{error}");
    let empty = TlsFiles {
        certificate: authority.file("empty.pem", ""),
        ..good.clone()
    };
    let error = refused(empty).await.unwrap();
    assert!(
        matches!(&error, p4_switch::p4runtime::ListenError::Tls(TlsError::NoCertificate { path }) if path.ends_with("empty.pem")),
        "{error}"
    );
    let other_key = TlsFiles {
        key: authority.file("other.key", &authority.pair().1),
        ..good
    };
    let error = refused(other_key).await.unwrap().to_string();
    assert!(error.contains("other.key"), "{error}");
}
