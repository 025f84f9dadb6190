//! The configuration's errors, word by word: each `config/NAME.toml` has what is said of it in
//! `config/NAME.txt`. `UPDATE_EXPECTED=1` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lsrd::config::{Config, ConfigError};

mod common;

/// The directory with profile and program, which the paths in the configurations are relative to.
fn enter_program_directory() -> PathBuf {
    let directory = common::program_directory();
    std::env::set_current_dir(&directory).unwrap();
    directory
}

fn cases() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config");
    let mut cases: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    cases.sort();
    assert!(cases.len() > 10);
    cases
}

#[test]
fn every_mistake_is_told_with_its_line_and_remedy() {
    enter_program_directory();
    let mut different = Vec::new();
    for case in cases() {
        let text = fs::read_to_string(&case).unwrap();
        let name = Path::new(case.file_name().unwrap());
        let said = match Config::from_text(name, &text) {
            Ok(_) => "no problem\n".to_owned(),
            Err(error) => error.report(false),
        };
        let expected = case.with_extension("txt");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected, &said).unwrap();
        }
        if fs::read_to_string(&expected).ok().as_ref() != Some(&said) {
            different.push(format!("{}:\n{said}", name.display()));
        }
    }
    assert!(
        different.is_empty(),
        "not as recorded:\n{}",
        different.join("\n")
    );
}

#[test]
fn defaults_are_those_of_the_manual() {
    enter_program_directory();
    let text = include_str!("config/valid.toml");
    let config = Config::from_text(Path::new("valid.toml"), text).unwrap();
    assert_eq!(config.restart_hold.as_secs(), 30);
    assert_eq!((config.switch.device_id, config.switch.election_id), (1, 1));
    let core0 = config.interface("core0").unwrap();
    // 02, the router identifier, and the port.
    assert_eq!(core0.mac, [0x02, 10, 255, 0, 1, 1]);
    assert_eq!((core0.mtu, core0.vrf, core0.label_space), (1500, 0, 0));
    assert!(core0.duplicate_address_detection);
    assert!(!config.interface("host0").unwrap().mpls);
    // Explicit null is label 0 or 2 by what is below; implicit null is no label at all.
    let labels = |name: &str| -> Vec<u32> {
        let mut lsps = config.static_lsps.iter();
        let lsp = lsps.find(|lsp| lsp.name == name).unwrap();
        let of_ftn = lsp.ftn.iter().flat_map(|(_, action)| action.nhlfes());
        let of_ilm = lsp.ilm.iter().flat_map(|(_, action)| action.nhlfes());
        let nhlfe = of_ftn.chain(of_ilm).next().unwrap();
        nhlfe.labels().iter().map(|label| label.value()).collect()
    };
    assert_eq!(labels("to-pe2-v6"), [101, 2]);
    assert_eq!(labels("php"), [0; 0]);
    assert_eq!(labels("uhp"), [2]);
    // The labels come out of the MTU of IP packets, unless the link has room for both.
    assert_eq!(core0.mpls_mtu, 1500);
    assert_eq!(core0.vlan, 0);
    assert!(config.mpls.fragment);
    assert!(config.punt.is_empty());
}

#[test]
fn everything_that_can_be_configured_is_taken() {
    enter_program_directory();
    let text = include_str!("config/complete.toml");
    let config = match Config::from_text(Path::new("complete.toml"), text) {
        Ok(config) => config,
        Err(error) => panic!("{}", error.report(false)),
    };
    let lsp = |name: &str| {
        let mut lsps = config.static_lsps.iter();
        lsps.find(|lsp| lsp.name == name).unwrap()
    };
    let group = |name: &str| {
        let (_, action) = lsp(name).ftn.as_ref().unwrap();
        action.path_group().unwrap().clone()
    };
    let customer = config.interface("customer0").unwrap();
    assert_eq!((customer.port, customer.vlan), (2, 100));
    let rate = config.punt[&dataplane::PuntReason::Ldp];
    assert_eq!((rate.rate, rate.burst), (50, 10));
    assert_eq!(config.links[&1], "eth1");
    assert!(!config.mpls.fragment);

    // RFC 6378: two sets of paths, and their backups beside (RFC 4090).
    let protected = group("protected");
    assert_eq!(protected.protection(), Some(config.protections[0].id));
    assert_eq!(protected.protecting_paths().len(), 1);
    assert!(protected.paths()[0].backup.is_some());
    // RFC 6378, 1.1: 1+1 sends by both.
    let (_, both) = lsp("both").ftn.as_ref().unwrap();
    assert_eq!(both.replication().unwrap().branches().len(), 2);
    let (_, tail) = lsp("both-end").ilm.as_ref().unwrap();
    assert_eq!(
        tail.tail_end().unwrap().protection,
        config.protections[1].id
    );
    // RFC 6790.
    let entropy = group("entropy");
    assert_eq!(entropy.paths()[0].nhlfe.entropy_label(), Some(1));
    // RFC 4448.
    let pseudowire = group("a-b");
    assert!(pseudowire.paths()[0].nhlfe.has_control_word());
    // RFC 7510.
    let tunnelled = group("over-ip");
    let tunnel = tunnelled.paths()[0].nhlfe.tunnel().unwrap();
    assert_eq!(tunnel.destination().to_string(), "192.0.2.2");
    assert_eq!(config.tunnel_ends[0].ends.len(), 2);
    // RFC 4875: a bud node.
    let (_, bud) = lsp("tv").ilm.as_ref().unwrap();
    assert_eq!(bud.next_label_space().unwrap().0, 32769);
    // RFC 5331: the context is that of the neighbour.
    assert_eq!(config.upstream_spaces[0].label_space.0, 32770);
    // RFC 7307.
    let dscps: Vec<u8> = config.topologies[1]
        .dscps
        .iter()
        .map(|dscp| dscp.value())
        .collect();
    assert_eq!(
        (config.topologies[1].routing_table, dscps),
        (103, vec![44, 46])
    );
    let of_topology = "10.9.0.0/24 topology 3996".parse().unwrap();
    assert!(config.static_routes.contains_key(&of_topology));
    // RFC 3270: map 1 is the first one.
    assert_eq!(customer.qos_map.0, 1);
    assert_eq!(config.qos_maps[0].1.from_traffic_class.len(), 2);
}

/// LDP tells its peers of all topologies in one message, an Initialization.
#[test]
fn more_than_256_topologies_are_refused() {
    enter_program_directory();
    let read = |number: u16| {
        let topology = |id| format!("[[topology]]\nid = {id}\nrouting-table = {id}\n");
        let topologies: String = (1000..1000 + number).map(topology).collect();
        let text = include_str!("config/valid.toml").to_owned() + &topologies;
        Config::from_text(Path::new("valid.toml"), &text)
    };
    assert_eq!(read(256).unwrap().topologies.len(), 256);
    let told = read(258).unwrap_err().report(false);
    let lines = include_str!("config/valid.toml").lines().count() + 256 * 3 + 1;
    for part in [
        "there are 258 topologies",
        "at most 256, which fit a message of LDP: take out those from here on",
        &format!("valid.toml:{lines}:"),
    ] {
        assert!(told.contains(part), "{told}");
    }
}

/// The order of `[[topology]]` tables is nothing that LDP's peers would have to be told.
#[test]
fn the_order_of_topologies_is_none_to_ldp() {
    enter_program_directory();
    let engine = |ids: [u16; 2]| {
        let topology = |id| format!("[[topology]]\nid = {id}\nrouting-table = {id}\n");
        let text = include_str!("config/complete.toml").to_owned() + &ids.map(topology).concat();
        let config = Config::from_text(Path::new("complete.toml"), &text).unwrap();
        config.ldp.unwrap().engine
    };
    let one = engine([3997, 3998]);
    assert_eq!(one.capabilities.topologies.len(), 4);
    assert_eq!(one, engine([3998, 3997]));
}

#[test]
fn what_is_configured_of_ldp_reaches_it() {
    enter_program_directory();
    let text = include_str!("config/complete.toml");
    let config = Config::from_text(Path::new("complete.toml"), text).unwrap();
    let ldp = config.ldp.unwrap();
    assert_eq!(ldp.state_directory, Path::new("state"));
    let engine = ldp.engine;
    let session = &engine.session;
    assert!(session.insist_on_advertisement);
    assert_eq!(
        session.advertisement,
        ldp::packet::AdvertisementDiscipline::DownstreamOnDemand
    );
    assert_eq!(engine.limits.establishment_time, Duration::from_secs(10));
    let labels = &engine.labels;
    assert_eq!(labels.abort_timeout, Duration::from_secs(120));
    assert_eq!(labels.allocation_retry, Duration::from_secs(5));
    assert_eq!(labels.end_of_lib_timeout, Duration::from_secs(20));
    let announced = &engine.capabilities;
    let topologies = [2, 3996].map(ldp::MultiTopologyId);
    assert_eq!(announced.topologies, topologies.into());
    assert!(!announced.dynamic_announcement);
    assert!(!announced.typed_wildcard);
    assert!(!announced.unrecognized_notification);
    // Targeted Hellos that are answered, and those of configured peers without a key of their own.
    let ldp::engine::AcceptTargeted::From { answer, .. } = &engine.accept_targeted else {
        panic!("nothing is answered")
    };
    let key = answer.hello_authentication.as_ref().unwrap();
    assert_eq!(key.send.security_association, 7);
    for peer in engine.targeted_peers.values() {
        assert_eq!(peer.hello_authentication.as_ref(), Some(key));
    }
    let link = engine.interfaces["core0"].hello_authentication.as_ref();
    let accepted = link.unwrap().accept.iter();
    let accepted: Vec<u32> = accepted.map(|key| key.security_association).collect();
    assert_eq!(accepted, [2, 3]);
}

#[test]
fn defaults_of_ldp_are_those_of_the_state_machine() {
    enter_program_directory();
    let text = format!("{}\n[ldp]\n", include_str!("config/valid.toml"));
    let config = Config::from_text(Path::new("valid.toml"), &text).unwrap();
    let ldp = config.ldp.unwrap();
    assert_eq!(ldp.state_directory, Path::new("/var/lib/p4lsr"));
    let defaults = ldp::engine::LdpConfig::new(ldp.engine.lsr_id);
    assert_eq!(ldp.engine.session, defaults.session);
    assert_eq!(ldp.engine.capabilities, defaults.capabilities);
    assert_eq!(ldp.engine.limits, defaults.limits);
    assert_eq!(ldp.engine.accept_targeted, defaults.accept_targeted);
    let labels = ldp::label::Policy {
        // RFC 3031, 3.18: a router that forwards IP goes on without a label.
        forward_unlabelled: true,
        ..defaults.labels
    };
    assert_eq!(ldp.engine.labels, labels);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nonexistent/lsrd.toml")).unwrap_err();
    assert!(matches!(error, ConfigError::Read { .. }));
    assert!(
        error.to_string().contains("/nonexistent/lsrd.toml"),
        "{error}"
    );
}
