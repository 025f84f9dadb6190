//! What runs the program: a p4-switch in this process, or the real BMv2.

mod bmv2;
mod in_process;

use p4runtime_client::{Address, Pipeline};

pub(crate) use bmv2::Bmv2;
pub(crate) use in_process::InProcess;

/// The ports that the tests use: 1 to this.
pub(crate) const PORTS: u16 = 6;

/// Runs the program, and carries frames to and from its ports.
pub(crate) trait Device {
    /// Where it serves P4Runtime; the device id is 1.
    fn address(&self) -> Address;

    /// Whether the kernel carries the frames, and lets through only what it takes for frames.
    fn has_kernel_links(&self) -> bool {
        false
    }

    /// Sends a frame into a port.
    fn send(&self, port: u16, frame: &[u8]);

    /// The frames that came out of ports since the last call.
    fn frames(&self) -> Vec<(u16, Vec<u8>)>;
}

/// The device that the environment asks for: BMv2 if `P4LSR_TEST_BMV2` is set and
/// simple_switch_grpc is on PATH, else a p4-switch in this process.
pub(crate) fn device() -> Box<dyn Device> {
    if std::env::var_os("P4LSR_TEST_BMV2").is_some() {
        Box::new(Bmv2::start())
    } else {
        Box::new(InProcess::start())
    }
}

/// The program, as the compiler of the environment makes it: p4c if `P4LSR_TEST_P4C` is set and
/// p4c-bm2-ss is on PATH, else p4-compiler.
pub(crate) fn compile() -> Pipeline {
    let program = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../p4/mpls.p4");
    if std::env::var_os("P4LSR_TEST_P4C").is_none() {
        let options = p4_compiler::Options::default();
        let compiled = p4_compiler::compile(&p4_compiler::Source::File(program), &options)
            .unwrap_or_else(|reports| panic!("mpls.p4 does not compile: {reports:?}"));
        let json = compiled.bmv2.to_json().into_bytes();
        return Pipeline::new(compiled.p4info, json).expect("a P4Info of the compiler");
    }
    let directory = tempfile::tempdir().expect("a directory for p4c's output");
    let (json, info) = (
        directory.path().join("mpls.json"),
        directory.path().join("mpls.txtpb"),
    );
    let status = std::process::Command::new("p4c-bm2-ss")
        .args(["--std", "p4-16", "-o"])
        .arg(&json)
        .arg("--p4runtime-files")
        .arg(&info)
        .arg(program)
        .status()
        .expect("p4c-bm2-ss on PATH");
    assert!(status.success(), "p4c-bm2-ss does not compile mpls.p4");
    Pipeline::load(&info, &json).expect("p4c's output")
}
