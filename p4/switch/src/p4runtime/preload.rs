//! A program and entries that are there before any client.

use p4runtime_proto::p4::config::v1::P4Info;
use p4runtime_proto::p4::v1::{
    ForwardingPipelineConfig, Update, set_forwarding_pipeline_config_request::Action,
    write_request::Atomicity,
};

use super::role::Access;
use super::service::Service;

/// Why a program or its entries are not taken.
#[derive(Debug, thiserror::Error)]
pub enum PreloadError {
    /// The program, or its P4Info.
    #[error("{0}")]
    Program(String),
    /// An update.
    #[error("update {number} of the entries: {reason}")]
    Entry {
        /// Its number, from 1.
        number: usize,
        /// Why it is refused.
        reason: String,
    },
}

impl Service {
    /// Does what VERIFY_AND_COMMIT of a client does (section 14), and then carries out updates,
    /// all of which must succeed.
    ///
    /// # Errors
    ///
    /// [`PreloadError`]. The program is loaded if only an update is refused.
    pub async fn preload(
        &self,
        p4info: P4Info,
        p4_device_config: Vec<u8>,
        updates: &[Update],
    ) -> Result<(), PreloadError> {
        let config = ForwardingPipelineConfig {
            p4info: Some(p4info),
            p4_device_config,
            cookie: None,
        };
        let mut device = self.shared.device.write().await;
        let result = device
            .set_pipeline(Action::VerifyAndCommit, Some(config))
            .and_then(|()| device.write(&Access::default(), updates, Atomicity::default()));
        self.shared.refresh(&device);
        let errors = result.map_err(|refusal| PreloadError::Program(refusal.to_string()))?;
        match errors.iter().position(|error| !error.is_ok()) {
            None => Ok(()),
            Some(index) => Err(PreloadError::Entry {
                number: index + 1,
                reason: errors[index].message.clone(),
            }),
        }
    }
}
