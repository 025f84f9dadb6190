//! Compiles `proto/` with protox, so that a build needs no `protoc`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = protox::compile(
        ["github.com/openconfig/gnmi/proto/gnmi/gnmi.proto"],
        ["proto"],
    )?;
    tonic_prost_build::configure()
        .include_file("gnmi_proto.rs")
        .compile_fds(files)?;
    Ok(())
}
