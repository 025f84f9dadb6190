//! The state of ports from the switch by gNMI: what is set there, the router acts on.

use std::time::Duration;

use bmv2_tests::{
    PING, TestLab, Traffic, assert_no_loss, describe, lab_file, options, ping, show, start,
};
use gnmi_proto::gnmi::g_nmi_client::GNmiClient;
use gnmi_proto::gnmi::typed_value::Value;
use gnmi_proto::gnmi::{SetRequest, TypedValue, Update};
use gnmi_proto::path::interface_path;
use tonic::transport::Endpoint;

/// Enables or disables an interface of a router's switch, as a manager of it would.
async fn set_enabled(lab: &TestLab, router: &str, interface: &str, enabled: bool) {
    let socket = lab.file(format!("{router}/switch.sock"));
    let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display()));
    let channel = endpoint.expect("a path").connect().await;
    let update = Update {
        path: Some(interface_path(interface, &["config", "enabled"])),
        val: Some(TypedValue {
            value: Some(Value::BoolVal(enabled)),
        }),
        ..Update::default()
    };
    let request = SetRequest {
        update: vec![update],
        ..SetRequest::default()
    };
    GNmiClient::new(channel.expect("the switch listens"))
        .set(request)
        .await
        .expect("the switch takes it");
}

/// A port as lsrd shows it, once it is up or down as wanted.
async fn port_once(lab: &TestLab, router: &str, number: u64, up: bool) -> serde_json::Value {
    let mut last = serde_json::Value::Null;
    for _ in 0..100 {
        let shown = show(lab, router, "protection").await;
        let mut ports = shown["ports"].as_array().expect("a list").iter();
        let port = ports.find(|port| port["port"] == number);
        last = port.expect("the port is configured").clone();
        // What is false is left out of the JSON.
        if last["up"].as_bool().unwrap_or(false) == up {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("port {number} of {router}: {last}");
}

/// RFC 4090, section 3: the backups of a port that was taken down by gNMI carry its traffic.
#[tokio::test(flavor = "multi_thread")]
async fn an_admin_down_by_gnmi_is_repaired() {
    // The links of the host are not looked at: it is the switch that tells.
    let topology = lab_file("protection");
    let Some(lab) = start(options(&topology)).await else {
        return;
    };
    assert_no_loss(&ping(&lab, "h2", "h1", false, PING).await);
    let port = port_once(&lab, "pe2", 1, true).await;
    assert_eq!(port["carrier_source"], "GNMI", "{port}");
    let interface = port["link"].as_str().expect("a lab names it").to_owned();

    let traffic = Traffic::start(&lab, "h2", "h1", false);
    tokio::time::sleep(Duration::from_secs(1)).await;
    set_enabled(&lab, "pe2", &interface, false).await;
    let port = port_once(&lab, "pe2", 1, false).await;
    assert_eq!(port["carrier_source"], "GNMI", "{port}");
    // The other end of the link sees no carrier, and has no backup: its way back is by hand.
    bmv2_tests::lsrctl(&lab, "pe1", &["protection", "switch", "east", "protecting"]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let result = traffic.stop().await;
    println!("{}", describe(&result));
    assert!(result.lost() <= 100, "{} lost: over 500 ms", result.lost());
    assert_no_loss(&ping(&lab, "h2", "h1", false, PING).await);

    set_enabled(&lab, "pe2", &interface, true).await;
    port_once(&lab, "pe2", 1, true).await;
}
