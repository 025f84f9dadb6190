//! Compiles `proto/` with protox, so that a build needs no `protoc`.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = protox::compile(["p4lsr/management/v1/management.proto"], ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("management.fds"), files.encode_to_vec())?;
    let mut config = tonic_prost_build::Config::new();
    // Gives each message its full name, by which the JSON form finds its descriptor.
    config.enable_type_names();
    tonic_prost_build::configure().compile_fds_with_config(files, config)?;
    Ok(())
}
