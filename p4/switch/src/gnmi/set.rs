//! Set (section 3.4): `config/enabled` of an interface.

use std::io;

use gnmi_proto::gnmi::{
    Path, SetRequest, SetResponse, Update, UpdateResult, typed_value::Value,
    update_result::Operation,
};
use gnmi_proto::path::{of_interface, to_text};
use tonic::Status;

use super::leaves::{absolute, now};
use super::service::{not_found, target_of};
use crate::Switch;
use crate::control::PortNumber;

/// A change that was found to make sense.
struct Change {
    port: PortNumber,
    name: String,
    enabled: bool,
    result: UpdateResult,
}

/// Carries a request out: all of it is checked before anything changes.
pub(super) fn set(switch: &Switch, request: &SetRequest) -> Result<SetResponse, Status> {
    if let Some(path) = request.delete.first() {
        return Err(Status::unimplemented(format!(
            "delete {}: what a port has stays",
            to_text(path)
        )));
    }
    if !request.union_replace.is_empty() {
        return Err(Status::unimplemented("union_replace"));
    }
    let prefix = request.prefix.as_ref();
    let replaced = request.replace.iter().map(|u| (Operation::Replace, u));
    let updated = request.update.iter().map(|u| (Operation::Update, u));
    let changes = replaced
        .chain(updated)
        .map(|(operation, update)| change(switch, prefix, operation, update))
        .collect::<Result<Vec<_>, _>>()?;
    let mut response = Vec::new();
    for change in changes {
        let (port, name) = (change.port, &change.name);
        switch
            .set_port_enabled(port, change.enabled)
            .map_err(|error| refused(name, &error))?;
        tracing::info!(port, name, enabled = change.enabled, "set by gNMI");
        response.push(change.result);
    }
    Ok(SetResponse {
        prefix: target_of(prefix),
        response,
        timestamp: now(),
        ..SetResponse::default()
    })
}

fn change(
    switch: &Switch,
    prefix: Option<&Path>,
    operation: Operation,
    update: &Update,
) -> Result<Change, Status> {
    let relative = update.path.clone().unwrap_or_default();
    let path = absolute(prefix, &relative)?;
    let Some((name, rest)) = of_interface(&path) else {
        return Err(only_enabled(&path));
    };
    let ports = switch.ports();
    let port = ports.iter().find(|port| port.name == name);
    let port = port.ok_or_else(|| not_found(&path))?;
    let value = update.val.as_ref().and_then(|value| value.value.as_ref());
    let value = value.ok_or_else(|| {
        Status::invalid_argument(format!("{}: the value is not set", to_text(&path)))
    })?;
    let enabled = match rest[..] {
        ["config", "enabled"] => boolean(value),
        ["config"] => in_container(value, name),
        _ => return Err(only_enabled(&path)),
    };
    let enabled = enabled.ok_or_else(|| {
        Status::invalid_argument(format!(
            "{}: config/enabled is true or false, and nothing else can be set",
            to_text(&path)
        ))
    })?;
    Ok(Change {
        port: port.number,
        name: name.to_owned(),
        enabled,
        result: UpdateResult {
            path: Some(relative),
            op: operation.into(),
            ..UpdateResult::default()
        },
    })
}

fn only_enabled(path: &Path) -> Status {
    Status::unimplemented(format!(
        "{} cannot be set: interfaces/interface[name=NAME]/config/enabled can",
        to_text(path)
    ))
}

fn json(value: &Value) -> Option<serde_json::Value> {
    match value {
        Value::JsonVal(bytes) | Value::JsonIetfVal(bytes) => serde_json::from_slice(bytes).ok(),
        _ => None,
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::BoolVal(value) => Some(*value),
        other => json(other)?.as_bool(),
    }
}

/// `{"enabled": false}`, perhaps with the name that the interface has.
fn in_container(value: &Value, name: &str) -> Option<bool> {
    let value = json(value)?;
    let object = value.as_object()?;
    let local = |key: &str| key.rsplit(':').next().map(str::to_owned);
    let mut enabled = None;
    for (key, value) in object {
        match local(key)?.as_str() {
            "enabled" => enabled = Some(value.as_bool()?),
            "name" if value.as_str() == Some(name) => {}
            _ => return None,
        }
    }
    enabled
}

fn refused(name: &str, error: &io::Error) -> Status {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Status::permission_denied(format!(
            "`{name}` cannot be set: p4-switch needs root or the capability CAP_NET_ADMIN"
        )),
        io::ErrorKind::NotFound => Status::not_found(format!("`{name}` is gone")),
        _ if error.raw_os_error() == Some(libc::ENODEV) => {
            Status::unavailable(format!("`{name}` is not there now"))
        }
        _ => Status::internal(format!("`{name}` cannot be set: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enabled_reads_in_all_encodings() {
        let json = |text: &str| Value::JsonIetfVal(text.as_bytes().to_vec());
        assert_eq!(boolean(&Value::BoolVal(true)), Some(true));
        assert_eq!(boolean(&json("false")), Some(false));
        assert_eq!(boolean(&Value::UintVal(1)), None);
        let container = |text: &str| in_container(&json(text), "eth1");
        assert_eq!(container(r#"{"enabled": true}"#), Some(true));
        let qualified = r#"{"openconfig-interfaces:enabled": false, "name": "eth1"}"#;
        assert_eq!(container(qualified), Some(false));
        assert_eq!(container(r#"{"enabled": true, "mtu": 1500}"#), None);
        assert_eq!(container(r#"{"enabled": true, "name": "eth2"}"#), None);
        assert_eq!(container("{}"), None);
    }
}
