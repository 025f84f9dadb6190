use super::*;

const CHAIN: &str = include_str!("../../../../../labs/chain-static.toml");

fn chain() -> Topology {
    Topology::parse("chain.toml", CHAIN).unwrap()
}

/// The message of the error that a changed chain gives.
fn refused(from: &str, to: &str) -> String {
    assert!(CHAIN.contains(from), "{from:?} is not in the chain");
    match Topology::parse("chain.toml", &CHAIN.replacen(from, to, 1)) {
        Err(LabError::Topology(error)) => {
            assert!(error.span.is_some(), "{error} has no place");
            error.to_string()
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("{to:?} in place of {from:?} was taken"),
    }
}

#[test]
fn the_chain_is_read_as_it_stands() {
    let chain = chain();
    let nodes: Vec<_> = chain.nodes().collect();
    assert_eq!(nodes, ["h1", "h2", "pe1", "p1", "p2", "pe2"]);
    assert_eq!(
        chain.address_of("h2", true),
        Some("2001:db8:2::2".parse().unwrap())
    );
    let labels: Vec<_> = chain
        .links
        .iter()
        .map(|link| chain.carries_labels(link))
        .collect();
    assert_eq!(labels, [false, true, true, true, false]);
    let mtus: Vec<_> = chain
        .links
        .iter()
        .map(|link| chain.ethernet_mtu(link))
        .collect();
    assert_eq!(mtus, [1500, 9000, 9000, 9000, 1500]);
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (from, to, message) in [
        (
            "node = \"h2\"",
            "node = \"h3\"",
            "there is no host or router \"h3\"",
        ),
        (
            "name = \"h2\"",
            "name = \"h1\"",
            "node \"h1\" is defined twice",
        ),
        (
            "name = \"p1\"",
            "name = \"P 1\"",
            "\"P 1\" is no name for a node",
        ),
        (
            "10.255.0.2",
            "10.255.0.1",
            "router id 10.255.0.1 is used twice",
        ),
        (
            "10.0.12.2/24",
            "10.0.12.1/24",
            "address 10.0.12.1 is used twice",
        ),
        (
            "\"pe1\", interface = \"eth2\"",
            "\"pe1\", interface = \"eth1\"",
            "pe1:eth1 is an end of two links",
        ),
        (
            "\"pe1\", interface = \"eth2\"",
            "\"pe1\", interface = \"core\"",
            "\"core\" names no switch port",
        ),
        (
            "\"pe1\", interface = \"eth2\"",
            "\"pe1\", interface = \"eth510\"",
            "\"eth510\" names no switch port",
        ),
        (
            "node = \"p1\", interface = \"eth1\"",
            "node = \"pe1\", interface = \"eth3\"",
            "a link from pe1 to itself",
        ),
        (
            "\"p1\", \"p2\", \"pe2\"]",
            "\"p2\", \"p1\", \"pe2\"]",
            "no link joins pe1 and p2",
        ),
        (
            "\"p1\", \"p2\", \"pe2\"]",
            "\"p1\", \"p2\", \"h2\"]",
            "\"h2\" is no router",
        ),
        (
            "\"p1\", \"p2\", \"pe2\"]",
            "\"p1\", \"pe1\", \"pe2\"]",
            "pe1 is in the path twice",
        ),
        (
            "[100, 200, \"implicit-null\"]",
            "[100, 200]",
            "h1-h2-ipv4 has 2 labels for a path of 4 routers",
        ),
        (
            "[100, 200, \"implicit-null\"]",
            "[100, \"implicit-null\", 200]",
            "p2 is not the last router of the path",
        ),
        (
            "[102, 202,",
            "[100, 202,",
            "label 100 of p1 is bound to h1-h2-ipv4 already",
        ),
        (
            "\"h2-h1-ipv6\"",
            "\"h1-h2-ipv6\"",
            "LSP \"h1-h2-ipv6\" is defined twice",
        ),
    ] {
        assert_eq!(refused(from, to), message);
    }
    // RFC 3032, section 2.1: labels 0 to 15 are special purposes, and a label has 20 bits.
    for label in ["15", "1048576", "\"null\"", "-1", "true"] {
        let message = refused("[100, 200,", &format!("[{label}, 200,"));
        assert!(message.contains("16 to 1048575"), "{message}");
    }
    let message = refused("name = \"chain-static\"", "nmae = \"chain-static\"");
    assert!(message.contains("nmae"), "{message}");
}

#[test]
fn each_router_gets_its_part_of_each_lsp() {
    let chain = chain();
    let text = |name: &str| {
        let router = chain
            .routers
            .iter()
            .find(|router| router.name.get_ref() == name)
            .unwrap();
        let files = RouterFiles {
            switch_address: "http://127.0.0.1:9559",
            profile: Path::new("profile.toml"),
            p4info: Path::new("p4info.txtpb"),
            device_config: Path::new("mpls.json"),
            management_socket: Path::new("lsrd.sock"),
            state_directory: Path::new("pe1"),
        };
        chain
            .router_configuration(router, files, TtlModel::Pipe)
            .parse::<toml::Table>()
            .unwrap()
    };
    let count = |table: &toml::Table, kind: &str| {
        table["static-lsp"]
            .get(kind)
            .map_or(0, |entries| entries.as_array().unwrap().len())
    };
    let pe1 = text("pe1");
    assert_eq!(
        (
            count(&pe1, "ftn"),
            count(&pe1, "cross-connect"),
            count(&pe1, "ilm")
        ),
        (2, 0, 0)
    );
    let ftn = &pe1["static-lsp"]["ftn"][0];
    assert_eq!(ftn["fec"].as_str(), Some("10.2.0.0/24"));
    assert_eq!(ftn["ttl-model"].as_str(), Some("pipe"));
    let hop = &ftn["next-hops"][0];
    assert_eq!(hop["interface"].as_str(), Some("to-p1"));
    assert_eq!(hop["address"].as_str(), Some("10.0.12.2"));
    assert_eq!(hop["labels"][0].as_integer(), Some(100));

    let p2 = text("p2");
    assert_eq!(
        (
            count(&p2, "ftn"),
            count(&p2, "cross-connect"),
            count(&p2, "ilm")
        ),
        (0, 4, 0)
    );
    let php = &p2["static-lsp"]["cross-connect"][0];
    assert_eq!(php["label"].as_integer(), Some(200));
    assert_eq!(php["payload"].as_str(), Some("ipv4"));
    assert_eq!(
        php["next-hops"][0]["labels"][0].as_str(),
        Some("implicit-null")
    );
    let interfaces = p2["interface"].as_array().unwrap();
    assert_eq!(interfaces[1]["name"].as_str(), Some("to-pe2"));
    assert_eq!(interfaces[1]["port"].as_integer(), Some(2));
    assert_eq!(interfaces[1]["mpls"].as_bool(), Some(true));
}

const VLAN: &str = include_str!("../../../../../labs/vlan.toml");
const PSEUDOWIRE: &str = include_str!("../../../../../labs/pseudowire.toml");

fn configuration(topology: &Topology, name: &str) -> toml::Table {
    let mut routers = topology.routers.iter();
    let router = routers
        .find(|router| router.name.get_ref() == name)
        .unwrap();
    let files = RouterFiles {
        switch_address: "http://127.0.0.1:9559",
        profile: Path::new("profile.toml"),
        p4info: Path::new("p4info.txtpb"),
        device_config: Path::new("mpls.json"),
        management_socket: Path::new("lsrd.sock"),
        state_directory: Path::new("pe1"),
    };
    let text = topology.router_configuration(router, files, TtlModel::Uniform);
    text.parse().unwrap()
}

#[test]
fn a_vlan_is_an_interface_of_its_own() {
    let topology = Topology::parse("vlan.toml", VLAN).unwrap();
    let pe1 = configuration(&topology, "pe1");
    let interfaces = pe1["interface"].as_array().unwrap();
    let of = |name: &str| {
        let mut interfaces = interfaces.iter();
        interfaces
            .find(|interface| interface["name"].as_str() == Some(name))
            .unwrap()
    };
    assert_eq!(of("to-h1").get("vlan"), None);
    assert_eq!(of("pe2.30")["vlan"].as_integer(), Some(30));
    assert_eq!(of("pe2.30")["port"].as_integer(), Some(2));
    assert_eq!(of("pe2.40")["label-space"].as_integer(), Some(1));
    assert_eq!(of("pe2.30")["mpls"].as_bool(), Some(true));
    assert_eq!(of("pe2.30")["mpls-mtu"].as_integer(), Some(9000));
    // The LSP leaves by the VLAN on which the next router has its address.
    let hop = &pe1["static-lsp"]["ftn"][0]["next-hops"][0];
    assert_eq!(hop["interface"].as_str(), Some("pe2.30"));
    assert_eq!(pe1["port"][0]["link"].as_str(), Some("eth1"));
    // What arrives by VLAN 40 is looked up in its label space (RFC 3031, section 3.14).
    let ilm = pe1["static-lsp"]["ilm"].as_array().unwrap();
    let spaces: Vec<_> = ilm
        .iter()
        .map(|entry| entry["label-space"].as_integer().unwrap())
        .collect();
    assert_eq!(spaces, [0, 1]);
}

#[test]
fn an_attachment_circuit_is_a_port_or_a_vlan_of_a_router() {
    let topology = Topology::parse("pseudowire.toml", PSEUDOWIRE).unwrap();
    let pe1 = configuration(&topology, "pe1");
    let circuits = pe1["attachment-circuit"].as_array().unwrap();
    assert_eq!(circuits[0].get("vlan"), None);
    assert_eq!(circuits[1]["vlan"].as_integer(), Some(200));
    let refused = |from: &str, to: &str| {
        assert!(PSEUDOWIRE.contains(from), "{from:?} is not in the lab");
        let text = PSEUDOWIRE.replacen(from, to, 1);
        Topology::parse("x", &text).unwrap_err().to_string()
    };
    let message = refused("id = 200", "id = 4095");
    assert!(message.contains("VLAN 4095"), "{message}");
    let message = refused(
        "a = { node = \"h1\", interface = \"eth1\"",
        "a = { node = \"h1\", interface = \"eth1\", attachment-circuit = \"x\"",
    );
    assert!(
        message.contains("cannot be an attachment circuit"),
        "{message}"
    );
}

const LDP_CHAIN: &str = include_str!("../../../../../labs/chain.toml");
const DIAMOND: &str = include_str!("../../../../../labs/diamond-ospf.toml");

#[test]
fn routers_with_ldp_get_routes_to_all_that_others_lead_to() {
    let chain = Topology::parse("chain.toml", LDP_CHAIN).unwrap();
    let hop =
        |tap: &str, address: &str| (tap.to_owned(), address.parse::<std::net::IpAddr>().unwrap());
    let routes = chain.static_routes("p1");
    // Six links and loopbacks of the others in each family, without p1's own.
    assert_eq!(routes.len(), 12, "{routes:?}");
    let to = |prefix: &str| routes[&prefix.parse::<ipnet::IpNet>().unwrap()].clone();
    assert_eq!(to("10.1.0.0/24"), [hop("to-pe1", "10.0.12.1")]);
    assert_eq!(to("10.255.0.4/32"), [hop("to-p2", "10.0.23.3")]);
    assert_eq!(to("2001:db8:2::/64"), [hop("to-p2", "2001:db8:23::3")]);
    assert_eq!(chain.remote_prefixes("p1").len(), routes.len());
    assert_eq!(chain.labelled_neighbours("p1"), ["p2", "pe1"].into());
    let router = &chain.routers[1];
    let files = RouterFiles {
        switch_address: "http://127.0.0.1:9559",
        profile: Path::new("profile.toml"),
        p4info: Path::new("p4info.txtpb"),
        device_config: Path::new("mpls.json"),
        management_socket: Path::new("lsrd.sock"),
        state_directory: Path::new("pe1"),
    };
    let text = chain.router_configuration(router, files, TtlModel::Uniform);
    assert!(
        text.contains("loopback-addresses = [\"10.255.0.2\", \"2001:db8:ffff::2\"]"),
        "{text}"
    );
    assert!(text.contains("\n[ldp]\n"), "{text}");
    assert_eq!(text.matches("[[static-route]]").count(), 12);
}

#[test]
fn of_two_ways_the_cheaper_one_is_taken_and_both_if_they_cost_the_same() {
    let diamond = DIAMOND.replace("igp = \"ospf\"\n", "");
    let hops = |text: &str| {
        let topology = Topology::parse("diamond.toml", text).unwrap();
        let routes = topology.static_routes("pe1");
        let hops = routes[&"10.2.0.0/24".parse::<ipnet::IpNet>().unwrap()].clone();
        hops.into_iter().map(|(tap, _)| tap).collect::<Vec<_>>()
    };
    assert_eq!(hops(&diamond), ["to-p1"]);
    assert_eq!(
        hops(&diamond.replace("cost = 10\n", "")),
        ["to-p1", "to-p2"]
    );
}

#[test]
fn a_cut_is_at_the_end_of_a_link() {
    let wrong = DIAMOND.replace("at = \"p1:eth1\"", "at = \"p1:eth9\"");
    let error = Topology::parse("diamond.toml", &wrong).unwrap_err();
    assert!(error.to_string().contains("is no end of a link"), "{error}");
}
