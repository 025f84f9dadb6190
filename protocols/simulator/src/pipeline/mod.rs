//! The real pipeline: p4/mpls.p4 in p4-switch's engine, in this process, as the switch of each router.
//!
//! The model of the switch stays: it decides when an entry is written, and what is lost when. What it
//! holds is translated by runtime/dataplane, as lsrd does it, to the entries of mpls.p4's tables, and
//! written in dataplane's order; each packet goes through the program as a frame. What comes out has to be
//! one of the ways that the model knows, label by label and TTL by TTL. Both do nothing but compute:
//! there is no P4Runtime connection, no port and no clock.

mod entries;
mod frame;
mod switch;

use std::sync::Arc;

use bmv2_json::Document;
use dataplane::HardwareProfile;
use ldp::MultiTopologyId;
use p4runtime_client::Schema;

use crate::network::Network;

pub use switch::RealSwitch;

/// Why there is no pipeline.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The program is none of dataplane's.
    #[error(transparent)]
    Schema(#[from] p4runtime_client::SchemaError),
    /// The switch cannot run it.
    #[error("p4-switch cannot run the program: {0}")]
    Load(#[from] p4_switch::LoadError),
}

/// The P4 program as its switches need it.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program, in the BMv2 JSON format.
    pub document: Document,
    /// Its P4Info.
    pub schema: Schema,
    /// The hardware profile that it was compiled for.
    pub profile: HardwareProfile,
}

impl Program {
    /// Gives each router of a network a switch that runs the program.
    ///
    /// # Errors
    /// The program cannot be run, or is not mpls.p4.
    pub fn install(&self, network: &mut Network) -> Result<(), PipelineError> {
        dataplane::check_program(&self.schema)?;
        let program = Arc::new(self.clone());
        let multi_topology = network.topology.multi_topology_id.map(MultiTopologyId);
        for router in &mut network.routers {
            let switch = RealSwitch::new(Arc::clone(&program), multi_topology)?;
            router.pipeline = Some(Box::new(switch));
        }
        Ok(())
    }
}
