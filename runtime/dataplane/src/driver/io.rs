//! Reading and writing typed entries.

use futures::StreamExt as _;
use p4runtime_client::{
    Client, Code, MulticastGroup, Operation, Pipeline, RpcError, TableEntry, UpdateError,
};
use tracing::warn;

use crate::{Entries, Key, MulticastGroupId, Replica, Table, Update, Value, codec};

/// Updates that go in one Write.
const UPDATES: usize = 500;
/// Writes on their way at the same time; what they write does not depend on each other.
const WRITES: usize = 2;
/// Multicast groups that go in one Write; each may have hundreds of replicas.
const GROUPS: usize = 100;

/// Reads what the switch holds of these tables.
pub(crate) async fn read_entries(
    client: &Client,
    pipeline: &Pipeline,
    tables: &[Table],
) -> Result<Entries, RpcError> {
    let in_program = tables.iter().filter(|table| table.is_in_program());
    let names: Vec<_> = in_program.map(|table| table.name()).collect();
    let mut held = Entries::new();
    for entry in &client.read_tables(pipeline.schema(), &names, false).await? {
        match codec::decode(entry) {
            Some((key, value)) => {
                held.insert(key, value);
            }
            None => warn!("the switch holds an entry that is not of lsrd, left alone: {entry}"),
        }
    }
    if tables.contains(&Table::MulticastGroup) {
        for group in client.read_multicast_groups().await? {
            let (key, value) = typed(&group);
            match key {
                Some(key) => {
                    held.insert(key, value);
                }
                None => warn!(
                    group = group.id,
                    "the switch holds a multicast group that is not of lsrd, left alone"
                ),
            }
        }
    }
    Ok(held)
}

fn typed(group: &MulticastGroup) -> (Option<Key>, Value) {
    let id = u16::try_from(group.id).ok().filter(|id| *id != 0);
    let key = id.map(|id| Key::MulticastGroup(MulticastGroupId(id)));
    let replica = |replica: &p4runtime_client::Replica| {
        Some(Replica {
            port: replica.port.try_into().ok()?,
            replica: replica.instance.try_into().ok()?,
        })
    };
    let replicas: Option<_> = group.replicas.iter().map(replica).collect();
    (key, replicas.map_or(Value::Foreign, Value::MulticastGroup))
}

/// Writes updates that do not depend on each other, and gives the outcome of each.
pub(crate) async fn write_updates(
    client: &Client,
    pipeline: &Pipeline,
    updates: &[Update],
) -> Result<Vec<Result<(), UpdateError>>, RpcError> {
    // While the switch executes a Write, the next one is made ready.
    let parts: Vec<_> = updates
        .chunks(UPDATES)
        .map(|part| write_part(client, pipeline, part))
        .collect();
    let mut written = futures::stream::iter(parts).buffered(WRITES);
    let mut outcomes = Vec::with_capacity(updates.len());
    while let Some(part) = written.next().await {
        outcomes.extend(part?);
    }
    Ok(outcomes)
}

async fn write_part(
    client: &Client,
    pipeline: &Pipeline,
    updates: &[Update],
) -> Result<Vec<Result<(), UpdateError>>, RpcError> {
    let mut outcomes: Vec<_> = updates.iter().map(|_| Err(unanswered())).collect();
    let mut entries: Vec<(usize, Operation, TableEntry)> = Vec::new();
    let mut groups: Vec<(usize, Operation, MulticastGroup)> = Vec::new();
    for (at, update) in updates.iter().enumerate() {
        if let Key::MulticastGroup(id) = update.key {
            groups.push((at, update.operation, multicast_group(id, &update.value)));
            continue;
        }
        match codec::encode(pipeline.schema(), &update.key, &update.value) {
            Ok(entry) => entries.push((at, update.operation, entry)),
            Err(error) => {
                outcomes[at] = Err(UpdateError {
                    code: Code::InvalidArgument,
                    message: error.to_string(),
                });
            }
        }
    }
    if !entries.is_empty() {
        let requests: Vec<_> = entries.iter().map(|(_, op, entry)| (*op, entry)).collect();
        let written = client.write(&requests).await?;
        for ((at, ..), outcome) in entries.iter().zip(written) {
            outcomes[*at] = outcome;
        }
    }
    if !groups.is_empty() {
        let requests: Vec<_> = groups.iter().map(|(_, op, group)| (*op, group)).collect();
        let mut written = Vec::with_capacity(requests.len());
        for batch in requests.chunks(GROUPS) {
            written.extend(client.write_multicast_groups(batch).await?);
        }
        for ((at, ..), outcome) in groups.iter().zip(written) {
            outcomes[*at] = outcome;
        }
    }
    Ok(outcomes)
}

fn unanswered() -> UpdateError {
    UpdateError {
        code: Code::Internal,
        message: "the switch did not answer this update".to_owned(),
    }
}

fn multicast_group(id: MulticastGroupId, value: &Value) -> MulticastGroup {
    let replicas = match value {
        Value::MulticastGroup(replicas) => replicas
            .iter()
            .map(|replica| p4runtime_client::Replica {
                port: replica.port.into(),
                instance: replica.replica.into(),
            })
            .collect(),
        // Only named for deletion.
        _ => Vec::new(),
    };
    MulticastGroup {
        id: id.0.into(),
        replicas,
    }
}
