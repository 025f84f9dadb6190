//! `p4c-samples` on a folder of the shape of p4c's `testdata`.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;

/// A program that adds `ADDEND` to the first byte of a packet and sends it to port 1.
fn program(addend: &str) -> String {
    format!(
        "#include <core.p4>
#include <v1model.p4>
header h_t {{ bit<8> a; }}
struct headers_t {{ h_t h; }}
struct metadata_t {{ }}
parser P(packet_in packet, out headers_t hdr, inout metadata_t meta,
         inout standard_metadata_t std) {{
    state start {{ packet.extract(hdr.h); transition accept; }}
}}
control V(inout headers_t hdr, inout metadata_t meta) {{ apply {{ }} }}
control I(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {{
    apply {{ hdr.h.a = hdr.h.a + {addend}; std.egress_spec = 1; }}
}}
control E(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t std) {{
    apply {{ }}
}}
control C(inout headers_t hdr, inout metadata_t meta) {{ apply {{ }} }}
control D(packet_out packet, in headers_t hdr) {{ apply {{ packet.emit(hdr.h); }} }}
V1Switch(P(), V(), I(), E(), C(), D()) main;
"
    )
}

/// The P4Info of all such programs.
const P4INFO: &str = "pkg_info { arch: \"v1model\" }";

fn testdata() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for folder in ["p4_16_samples", "p4_16_samples_outputs", "p4_16_errors"] {
        fs::create_dir(directory.path().join(folder)).unwrap();
    }
    let write = |path: &str, text: &str| fs::write(directory.path().join(path), text).unwrap();
    write("p4_16_samples/adds.p4", &program("1"));
    write(
        "p4_16_samples/adds.stf",
        "packet 0 05 aa\nexpect 1 06 aa $\n",
    );
    write("p4_16_samples_outputs/adds.p4.p4info.txtpb", P4INFO);
    write(
        "p4_16_samples/loops.p4",
        &program("1").replace("std.egress_spec = 1;", "hdr.h.a = teleport(hdr.h.a);"),
    );
    write("p4_16_samples/loops.stf", "packet 0 05\n");
    write("p4_16_errors/bad.p4", &program("no_such_name"));
    directory
}

fn command(testdata: &Path) -> Command {
    let mut command = Command::cargo_bin("p4c-samples").unwrap();
    command.arg(testdata);
    command
}

fn json(testdata: &Path) -> serde_json::Value {
    let output = command(testdata).arg("--json").output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_is_right_and_what_is_refused_make_a_clean_score() {
    let directory = testdata();
    command(directory.path())
        .assert()
        .success()
        .stdout(contains("there is no").and(contains("teleport")));
    let json = json(directory.path());
    let counts = |kind: &str| {
        let counts = &json["summary"][kind];
        ["programs", "compiled", "right", "wrong", "refused"]
            .map(|name| counts[name].as_u64().unwrap())
    };
    assert_eq!(counts("stf"), [2, 1, 1, 0, 1]);
    assert_eq!(counts("p4info"), [1, 1, 1, 0, 0]);
    assert_eq!(counts("samples"), [2, 1, 2, 0, 1]);
    assert_eq!(counts("must_fail"), [1, 0, 1, 0, 1]);
}

#[test]
fn other_packets_than_expected_are_a_failure() {
    let directory = testdata();
    let stf = directory.path().join("p4_16_samples/adds.stf");
    fs::write(stf, "packet 0 05 aa\nexpect 1 07 aa $\n").unwrap();
    command(directory.path())
        .assert()
        .code(1)
        .stdout(contains("port 1: packet 1 is 06AA, and should be 07AA$"));
}

#[test]
fn another_p4info_than_p4c_s_is_a_failure() {
    let directory = testdata();
    let golden = directory
        .path()
        .join("p4_16_samples_outputs/adds.p4.p4info.txtpb");
    let table = "tables { preamble { id: 1 name: \"I.t\" } }";
    fs::write(golden, format!("{P4INFO} {table}")).unwrap();
    command(directory.path())
        .assert()
        .code(1)
        .stdout(contains("P4Info: line"));
}

#[test]
fn accepted_programs_with_errors_are_listed() {
    let directory = testdata();
    fs::write(directory.path().join("p4_16_errors/bad.p4"), program("2")).unwrap();
    command(directory.path())
        .assert()
        .success()
        .stdout(contains("Accepted, although p4c refuses them").and(contains("bad.p4")));
}

#[test]
fn a_folder_without_samples_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    command(directory.path())
        .assert()
        .code(2)
        .stderr(contains("p4_16_samples"));
    let directory = testdata();
    command(directory.path())
        .args(["--only", "nothing like it"])
        .assert()
        .code(2);
}
