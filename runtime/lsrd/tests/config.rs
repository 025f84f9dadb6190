//! The configuration's errors, word by word: each `config/NAME.toml` has what is said of it in
//! `config/NAME.txt`. `UPDATE_EXPECTED=1` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

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
    let labels = |hop: &lsrd::config::NextHop| -> Vec<u32> {
        hop.labels.iter().map(|label| label.value()).collect()
    };
    assert_eq!(labels(&config.ftn[1].next_hops[0]), [101, 2]);
    assert_eq!(labels(&config.cross_connects[1].next_hops[0]), [0; 0]);
    assert_eq!(labels(&config.cross_connects[2].next_hops[0]), [2]);
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
