//! Compiles the P4 program: what the binary and the tests do, as the library reads no files.

use std::path::Path;

use miette::{IntoDiagnostic, miette};
use p4_compiler::{Options, Source};
use simulator::pipeline::Program;

/// p4/mpls.p4 of the repository for the hardware profile of p4-switch.
pub(crate) fn program() -> miette::Result<Program> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let profile = repository.join("hw-profiles/p4-switch.toml");
    let options = Options {
        defines: p4_compiler::profile::load(&profile).into_diagnostic()?,
        ..Options::default()
    };
    let source = Source::File(repository.join("p4/mpls.p4"));
    let compiled = p4_compiler::compile(&source, &options)
        .map_err(|reports| miette!("p4/mpls.p4 does not compile: {reports:?}"))?;
    Ok(Program {
        document: compiled.bmv2,
        schema: p4runtime_client::Schema::new(&compiled.p4info).into_diagnostic()?,
        profile: dataplane::HardwareProfile::load(&profile).into_diagnostic()?,
    })
}
