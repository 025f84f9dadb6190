//! The forwarding pipeline config.

use std::path::{Path, PathBuf};

use p4runtime_proto::convert::{self, ConvertError};
use p4runtime_proto::p4::config::v1::P4Info;
use p4runtime_proto::p4::v1;
use prost::Message as _;

use crate::{Schema, SchemaError};

/// A forwarding pipeline config: the P4Info, the target's program, and a cookie by which the
/// switch can be asked whether it runs them (section 6).
#[derive(Debug, Clone)]
pub struct Pipeline {
    p4info: P4Info,
    device_config: Vec<u8>,
    cookie: u64,
    schema: Schema,
}

/// A pipeline config that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// A file cannot be read.
    #[error("{path}: {source}: compile p4/mpls.p4 with p4-compiler first")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The P4Info file does not hold a P4Info in text format.
    #[error("{path}: {source}")]
    P4Info {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        source: ConvertError,
    },
    /// The P4Info cannot be used.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

impl Pipeline {
    /// The config of a P4Info and the program that the target takes (BMv2 JSON for p4-switch and
    /// simple_switch_grpc).
    ///
    /// # Errors
    /// The P4Info contradicts itself.
    pub fn new(p4info: P4Info, device_config: Vec<u8>) -> Result<Self, SchemaError> {
        let schema = Schema::new(&p4info)?;
        let mut hash = Fnv::default();
        hash.write(&p4info.encode_to_vec());
        hash.write(&device_config);
        Ok(Self {
            p4info,
            device_config,
            cookie: hash.finish(),
            schema,
        })
    }

    /// Reads the P4Info, in text format, and the program from files.
    ///
    /// # Errors
    /// A file cannot be read, or does not hold what it should.
    pub fn load(p4info: &Path, device_config: &Path) -> Result<Self, PipelineError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| PipelineError::Read {
                path: path.to_owned(),
                source,
            })
        };
        let text = String::from_utf8_lossy(&read(p4info)?).into_owned();
        let info = convert::p4info_from_text(&text).map_err(|source| PipelineError::P4Info {
            path: p4info.to_owned(),
            source,
        })?;
        Ok(Self::new(info, read(device_config)?)?)
    }

    /// The P4Info, checked and indexed.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The P4Info.
    pub fn p4info(&self) -> &P4Info {
        &self.p4info
    }

    /// The cookie: the same for the same config.
    pub fn cookie(&self) -> u64 {
        self.cookie
    }

    pub(crate) fn message(&self) -> v1::ForwardingPipelineConfig {
        v1::ForwardingPipelineConfig {
            p4info: Some(self.p4info.clone()),
            p4_device_config: self.device_config.clone(),
            cookie: Some(v1::forwarding_pipeline_config::Cookie {
                cookie: self.cookie,
            }),
        }
    }
}

/// What the switch ran before the config was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PipelineState {
    /// This config: nothing was written, and its entries are still there.
    Running,
    /// None, or another one: this config was written, and no entry is there.
    Written,
}

/// The 64-bit FNV-1a hash: unlike the hash of std it is the same in every release, and the cookie
/// outlives this process in the switch.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Never 0, which stands for no cookie in places.
    fn finish(&self) -> u64 {
        self.0.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_tells_configs_apart() {
        let pipeline = |config: &[u8]| Pipeline::new(P4Info::default(), config.to_vec()).unwrap();
        assert_eq!(pipeline(b"a").cookie(), pipeline(b"a").cookie());
        assert_ne!(pipeline(b"a").cookie(), pipeline(b"b").cookie());
    }

    /// Test vectors of the FNV reference code.
    #[test]
    fn fnv_1a_has_its_published_values() {
        let hash = |text: &[u8]| {
            let mut hash = Fnv::default();
            hash.write(text);
            hash.finish()
        };
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_missing_file_says_what_to_do() {
        let path = Path::new("/nonexistent/mpls.p4info.txtpb");
        let error = Pipeline::load(path, path).unwrap_err().to_string();
        assert!(
            error.starts_with("/nonexistent/mpls.p4info.txtpb: No such file"),
            "{error}"
        );
        assert!(error.contains("p4-compiler"), "{error}");
    }
}
