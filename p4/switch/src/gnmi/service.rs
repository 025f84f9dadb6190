//! The RPCs but for what a subscription does.

use gnmi_proto::gnmi::g_nmi_server::GNmi;
use gnmi_proto::gnmi::get_request::DataType;
use gnmi_proto::gnmi::{
    CapabilityRequest, CapabilityResponse, Encoding, GetRequest, GetResponse, ModelData,
    Notification, Path, SetRequest, SetResponse, SubscribeRequest, Update,
};
use gnmi_proto::{GNMI_VERSION, path};
use prost::Message;
use tonic::{Request, Response, Status, Streaming};

use super::leaves::{Class, absolute, encode, now, under};
use super::subscribe::{SubscribeStream, subscribe};
use super::{Gnmi, MOST_PATHS};
use crate::p4runtime::Client;

/// Bytes of the answer to a Get: what clients of gRPC take by default.
const LONGEST_ANSWER: usize = 4 << 20;

#[tonic::async_trait]
impl GNmi for Gnmi {
    /// Section 3.2.
    async fn capabilities(
        &self,
        _: Request<CapabilityRequest>,
    ) -> Result<Response<CapabilityResponse>, Status> {
        Ok(Response::new(CapabilityResponse {
            supported_models: vec![ModelData {
                name: "openconfig-interfaces".to_owned(),
                organization: "OpenConfig working group".to_owned(),
                version: "2.4.1".to_owned(),
            }],
            supported_encodings: vec![Encoding::Proto.into(), Encoding::JsonIetf.into()],
            g_nmi_version: GNMI_VERSION.to_owned(),
            extension: Vec::new(),
        }))
    }

    /// Section 3.3: a notification for each path, with an update for each leaf.
    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let request = request.into_inner();
        check_models(&request.use_models)?;
        let encoding = Encoding::try_from(request.encoding)
            .map_err(|_| Status::invalid_argument("there is no such encoding"))?;
        let wanted = DataType::try_from(request.r#type)
            .map_err(|_| Status::invalid_argument("there is no such type of data"))?;
        if request.path.len() > MOST_PATHS {
            return Err(Status::resource_exhausted(format!(
                "a Get has at most {MOST_PATHS} paths"
            )));
        }
        let ports = self.switch.ports();
        let timestamp = now();
        // No path is the root.
        let root = [Path::default()];
        let paths = if request.path.is_empty() {
            &root[..]
        } else {
            &request.path
        };
        let mut notification = Vec::new();
        let mut bytes = 0;
        for relative in paths {
            let wanted_path = absolute(request.prefix.as_ref(), relative)?;
            let leaves = under(&ports, &wanted_path);
            if leaves.is_empty() && !path::has_wildcard(&wanted_path) {
                return Err(not_found(&wanted_path));
            }
            let leaves = leaves.iter().filter(|leaf| has(wanted, leaf.class));
            let update = leaves
                .map(|leaf| {
                    Ok(Update {
                        path: Some(leaf.path.clone()),
                        val: Some(encode(&leaf.value, encoding)?),
                        ..Update::default()
                    })
                })
                .collect::<Result<_, Status>>()?;
            let news = Notification {
                timestamp,
                prefix: target_of(request.prefix.as_ref()),
                update,
                ..Notification::default()
            };
            // A list has its length and its field in front of each element.
            bytes += news.encoded_len() + 6;
            if bytes > LONGEST_ANSWER {
                return Err(Status::resource_exhausted(format!(
                    "the answer has more than {LONGEST_ANSWER} bytes: ask for less, or Subscribe \
                     with ONCE"
                )));
            }
            notification.push(news);
        }
        Ok(Response::new(GetResponse {
            notification,
            ..GetResponse::default()
        }))
    }

    async fn set(&self, request: Request<SetRequest>) -> Result<Response<SetResponse>, Status> {
        let switch = self.switch.clone();
        let request = request.into_inner();
        // The system may take its time to change an interface.
        tokio::task::spawn_blocking(move || super::set::set(&switch, &request))
            .await
            .map_err(|error| Status::internal(error.to_string()))?
            .map(Response::new)
    }

    type SubscribeStream = SubscribeStream;

    async fn subscribe(
        &self,
        request: Request<Streaming<SubscribeRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let open = Client::of(&request)?.open_subscription()?;
        Ok(Response::new(subscribe(self, open, request.into_inner())))
    }
}

fn has(wanted: DataType, class: Class) -> bool {
    match wanted {
        DataType::All => true,
        DataType::Config => class == Class::Config,
        DataType::State => class != Class::Config,
        // What nothing is configured for.
        DataType::Operational => class == Class::Counter,
    }
}

/// Section 3.3.1: a target that lacks a model returns an error.
pub(super) fn check_models(models: &[ModelData]) -> Result<(), Status> {
    match models
        .iter()
        .find(|model| model.name != "openconfig-interfaces")
    {
        None => Ok(()),
        Some(model) => Err(Status::unimplemented(format!(
            "model `{}`: there is openconfig-interfaces only",
            model.name
        ))),
    }
}

/// The target that a prefix names, which the answer repeats (section 2.2.2.1).
pub(super) fn target_of(prefix: Option<&Path>) -> Option<Path> {
    let target = prefix.map(|prefix| prefix.target.clone())?;
    (!target.is_empty()).then(|| Path {
        target,
        ..Path::default()
    })
}

pub(super) fn not_found(path: &Path) -> Status {
    Status::not_found(format!(
        "there is no {}; interfaces/interface[name=NAME] has config and state, and NAME is that \
         of a network interface of a port",
        path::to_text(path)
    ))
}
