//! What several tests need: a directory with hardware profile, P4Info and program.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use p4_compiler::{Options, Source};
use p4runtime_proto::convert;

/// A directory with `p4-switch.toml`, `broken-profile.toml`, `mpls.p4info.txtpb` and `mpls.json`, made once per process.
pub(crate) fn program_directory() -> PathBuf {
    static DIRECTORY: OnceLock<tempfile::TempDir> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let directory = tempfile::tempdir().unwrap();
        let to = |name: &str| directory.path().join(name);
        fs::copy(
            root.join("hw-profiles/p4-switch.toml"),
            to("p4-switch.toml"),
        )
        .unwrap();
        fs::write(to("broken-profile.toml"), "name = \"broken\"\n").unwrap();
        let source = Source::File(root.join("p4/mpls.p4"));
        let compiled = p4_compiler::compile(&source, &Options::default()).unwrap();
        let p4info = convert::p4info_to_text(&compiled.p4info).unwrap();
        fs::write(to("mpls.p4info.txtpb"), p4info).unwrap();
        fs::write(to("mpls.json"), serde_json::to_vec(&compiled.bmv2).unwrap()).unwrap();
        directory
    });
    directory.path().to_owned()
}
