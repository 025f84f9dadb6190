//! The calls of P4Runtime.

use std::time::Duration;

use p4runtime_proto::batch_error;
use p4runtime_proto::p4::v1::p4_runtime_client::P4RuntimeClient;
use p4runtime_proto::p4::v1::{self, stream_message_request};
use tokio::sync::{mpsc, watch};
use tokio_stream::StreamExt as _;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::arbitration::to_uint128;
use crate::schema::counter_value;
use crate::{
    Address, CounterValue, Operation, Pipeline, PipelineState, RpcError, Schema, TableEntry,
    UpdateError, WriteOutcome,
};

/// Updates that go in one Write: large enough to spare round trips, small enough that packets of
/// the stream channel get through between two of them.
const BATCH: usize = 500;

/// How long a call may take. The largest one is a pipeline config that the switch compiles.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Calls on a switch over one connection. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) address: Address,
    pub(crate) device_id: u64,
    pub(crate) rpc: P4RuntimeClient<Channel>,
    pub(crate) stream: mpsc::Sender<v1::StreamMessageRequest>,
    pub(crate) election_id: watch::Receiver<u128>,
}

impl Client {
    /// The address of the switch.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The election id with which this client writes.
    pub fn election_id(&self) -> u128 {
        *self.election_id.borrow()
    }

    /// Makes the switch run a pipeline config; nothing is written if it already does.
    ///
    /// # Errors
    /// The switch refuses, or does not answer.
    pub async fn ensure_pipeline(&self, pipeline: &Pipeline) -> Result<PipelineState, RpcError> {
        if self.running_cookie().await? == Some(pipeline.cookie()) {
            return Ok(PipelineState::Running);
        }
        use v1::set_forwarding_pipeline_config_request::Action;
        let request = v1::SetForwardingPipelineConfigRequest {
            device_id: self.device_id,
            election_id: Some(to_uint128(self.election_id())),
            action: Action::VerifyAndCommit as i32,
            config: Some(pipeline.message()),
            ..Default::default()
        };
        let call = "SetForwardingPipelineConfig";
        let reply = self
            .rpc
            .clone()
            .set_forwarding_pipeline_config(timed(request))
            .await;
        reply.map_err(|status| self.error(call, status))?;
        Ok(PipelineState::Written)
    }

    /// The cookie of the pipeline config that the switch runs; `None` if it runs none.
    ///
    /// # Errors
    /// The switch does not answer.
    pub async fn running_cookie(&self) -> Result<Option<u64>, RpcError> {
        use v1::get_forwarding_pipeline_config_request::ResponseType;
        let request = v1::GetForwardingPipelineConfigRequest {
            device_id: self.device_id,
            response_type: ResponseType::CookieOnly as i32,
        };
        match self
            .rpc
            .clone()
            .get_forwarding_pipeline_config(timed(request))
            .await
        {
            Ok(reply) => {
                let config = reply.into_inner().config;
                Ok(config
                    .and_then(|config| config.cookie)
                    .map(|cookie| cookie.cookie))
            }
            // Section 14: a switch without a config says so by FAILED_PRECONDITION; BMv2 gives an
            // empty config or NOT_FOUND for a device that nobody has used yet.
            Err(status) if matches!(status.code(), Code::FailedPrecondition | Code::NotFound) => {
                Ok(None)
            }
            Err(status) => Err(self.error("GetForwardingPipelineConfig", status)),
        }
    }

    /// The P4Runtime version that the switch reports; `None` if it does not know the call.
    ///
    /// # Errors
    /// The switch does not answer.
    pub async fn api_version(&self) -> Result<Option<String>, RpcError> {
        match self
            .rpc
            .clone()
            .capabilities(timed(v1::CapabilitiesRequest::default()))
            .await
        {
            Ok(reply) => Ok(Some(reply.into_inner().p4runtime_api_version)),
            Err(status) if status.code() == Code::Unimplemented => Ok(None),
            Err(status) => Err(self.error("Capabilities", status)),
        }
    }

    /// Writes table entries, in batches in this order. A batch is not atomic, and a switch may
    /// reorder the updates within one call: what must be there first goes in an earlier call.
    ///
    /// Gives the outcome of each update.
    ///
    /// # Errors
    /// The switch refused a batch as a whole, or did not answer; earlier batches may have been
    /// executed.
    pub async fn write(
        &self,
        updates: &[(Operation, &TableEntry)],
    ) -> Result<WriteOutcome, RpcError> {
        let mut outcomes = Vec::with_capacity(updates.len());
        for batch in updates.chunks(BATCH) {
            let update = |(operation, entry): &(Operation, &TableEntry)| {
                let mut entry = v1::TableEntry::from(*entry);
                if *operation == Operation::Delete {
                    // Section 9.1: only the match and the priority name the entry.
                    entry.action = None;
                    entry.meter_config = None;
                }
                operation.update(v1::entity::Entity::TableEntry(entry))
            };
            let updates = batch.iter().map(update).collect();
            outcomes.extend(self.write_updates(updates).await?);
        }
        Ok(outcomes)
    }

    /// Writes one batch.
    pub(crate) async fn write_updates(
        &self,
        updates: Vec<v1::Update>,
    ) -> Result<WriteOutcome, RpcError> {
        let count = updates.len();
        let request = v1::WriteRequest {
            device_id: self.device_id,
            election_id: Some(to_uint128(self.election_id())),
            updates,
            atomicity: v1::write_request::Atomicity::ContinueOnError as i32,
            ..Default::default()
        };
        let Err(status) = self.rpc.clone().write(timed(request)).await else {
            return Ok(vec![Ok(()); count]);
        };
        let errors = batch_error::decode(&status)
            .map_err(|_| self.error("Write", Status::internal("malformed error details")))?;
        if errors.len() == count {
            Ok(errors.iter().map(UpdateError::from_message).collect())
        } else {
            Err(self.error("Write", status))
        }
    }

    /// Reads all entries of tables, with their direct meters' rates, and with the values of their
    /// direct counters if `counters` is set. Default entries are left out.
    ///
    /// # Errors
    /// The switch does not answer, or sends what does not fit the P4Info.
    pub async fn read_tables(
        &self,
        schema: &Schema,
        tables: &[&str],
        counters: bool,
    ) -> Result<Vec<TableEntry>, RpcError> {
        let call = "Read";
        let invalid = |reason: String| self.error(call, Status::data_loss(reason));
        let mut entities = Vec::new();
        for name in tables {
            let table = schema
                .table(name)
                .map_err(|error| invalid(error.to_string()))?;
            entities.push(v1::entity::Entity::TableEntry(v1::TableEntry {
                table_id: table.id,
                meter_config: table.has_meter.then(Default::default),
                counter_data: (counters && table.has_counter).then(Default::default),
                ..Default::default()
            }));
        }
        let mut entries = Vec::new();
        for entity in self.read(entities).await? {
            if let v1::entity::Entity::TableEntry(message) = entity {
                let entry = schema.decode_entry(&message);
                let entry = entry.map_err(|error| invalid(error.to_string()))?;
                if !entry.is_default() {
                    entries.push(entry);
                }
            }
        }
        Ok(entries)
    }

    /// Reads the cells of an indirect counter, by index.
    ///
    /// # Errors
    /// The switch does not answer.
    pub async fn read_counter(&self, id: u32) -> Result<Vec<(u64, CounterValue)>, RpcError> {
        let request = v1::CounterEntry {
            counter_id: id,
            ..Default::default()
        };
        let entities = self
            .read(vec![v1::entity::Entity::CounterEntry(request)])
            .await?;
        let cell = |entity| match entity {
            v1::entity::Entity::CounterEntry(entry) => {
                let index = u64::try_from(entry.index.unwrap_or_default().index).ok()?;
                Some((index, counter_value(&entry.data?)))
            }
            _ => None,
        };
        Ok(entities.into_iter().filter_map(cell).collect())
    }

    /// Reads entities. The reply may come in one piece or in many.
    ///
    /// # Errors
    /// The switch refuses, or does not answer.
    pub async fn read(
        &self,
        entities: Vec<v1::entity::Entity>,
    ) -> Result<Vec<v1::entity::Entity>, RpcError> {
        let call = "Read";
        let request = v1::ReadRequest {
            device_id: self.device_id,
            entities: entities
                .into_iter()
                .map(|entity| v1::Entity {
                    entity: Some(entity),
                })
                .collect(),
            ..Default::default()
        };
        let reply = self.rpc.clone().read(timed(request)).await;
        let mut stream = reply
            .map_err(|status| self.error(call, status))?
            .into_inner();
        let mut read = Vec::new();
        while let Some(reply) = stream.next().await {
            let reply = reply.map_err(|status| self.error(call, status))?;
            read.extend(
                reply
                    .entities
                    .into_iter()
                    .filter_map(|entity| entity.entity),
            );
        }
        Ok(read)
    }

    /// Sends a packet to the switch (see [`Schema::packet_out`]).
    ///
    /// # Errors
    /// The stream channel has ended.
    pub async fn packet_out(&self, packet: v1::PacketOut) -> Result<(), RpcError> {
        let update = stream_message_request::Update::Packet(packet);
        let sent = self
            .stream
            .send(v1::StreamMessageRequest {
                update: Some(update),
            })
            .await;
        let ended = |_| self.error("StreamChannel", Status::unavailable("the stream has ended"));
        sent.map_err(ended)
    }

    fn error(&self, call: &'static str, status: Status) -> RpcError {
        RpcError {
            call,
            address: self.address.clone(),
            status: Box::new(status),
        }
    }
}

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(TIMEOUT);
    request
}
