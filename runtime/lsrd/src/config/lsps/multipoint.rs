//! The checks of `[[static-lsp.point-to-multipoint]]` (RFC 4875, RFC 5332).

use std::net::IpAddr;
use std::sync::Arc;

use forwarding::{Fec, FtnAction, IlmAction, LabelSpaceKind, Payload, Replication, VrfId};
use ipnet::IpNet;

use super::super::problem::Problems;
use super::super::section::{At, Section};
use super::super::{StaticLsp, StaticLspKind, qos};
use super::next_hops::Alike;
use super::{StaticLsps, label_space, ttl_model, vrf};

impl StaticLsps<'_> {
    /// Reads one `[[static-lsp.point-to-multipoint]]`: of the ingress with `group`, of any other
    /// LSR with `label`.
    pub(super) fn read_point_to_multipoint(
        &mut self,
        mut section: Section<'_, '_>,
        problems: &mut Problems,
    ) {
        let name = self.name("point-to-multipoint", &mut section, problems);
        let vrf = vrf(&mut section, problems);
        let ingress = section.get("group").is_some();
        let group = self.group(&mut section, vrf.as_ref(), problems);
        let key = match ingress {
            false => self.incoming_label(&mut section, problems),
            true => None,
        };
        let local = label_space("local-label-space", &mut section, problems);
        let tunnel_model = ttl_model(&mut section, problems);
        let qos_map = qos::reference(self.referred.maps, &mut section, problems);
        let alike = Alike {
            payload: group.map(|group| match group {
                IpAddr::V4(_) => Payload::Ipv4,
                IpAddr::V6(_) => Payload::Ipv6,
            }),
            tunnel_model,
            qos_map,
            control_word: false,
            group,
        };
        let branches = match (section.get("branches"), &local) {
            // A leaf and nothing else.
            (None, Some(_)) => Some(Vec::new()),
            _ => self
                .next_hops("branches", &mut section, alike, problems)
                .map(|branches| branches.value),
        };
        let span = section.span.clone();
        section.finish(problems);
        if let Some(space) = &local {
            self.led_to.insert(space.value);
            let mistake = match (ingress, space.value.kind()) {
                (true, _) => Some("the ingress delivers to itself by its own routes"),
                (false, LabelSpaceKind::Context) => None,
                (false, _) => Some("the copy for this router needs a context label space"),
            };
            if let Some(mistake) = mistake {
                problems.add(
                    &space.span,
                    mistake,
                    "not possible here",
                    "a bud node names a space of 32768 to 65534 here, in which a \
                     [[static-lsp.ilm]] has the same label",
                );
                return;
            }
        }
        let (Some(name), Some(branches)) = (name, branches) else {
            return;
        };
        let nhlfes = branches.into_iter().map(|branch| branch.nhlfe);
        let replication = match Replication::new(nhlfes, local.map(|space| space.value)) {
            Ok(replication) => Arc::new(replication),
            Err(error) => {
                let remedy = "each branch is there once";
                problems.add(&span, error.to_string(), "this LSP", remedy);
                return;
            }
        };
        let unlabelled = replication
            .branches()
            .iter()
            .any(|branch| branch.labels().is_empty());
        if !ingress && unlabelled {
            problems.add(
                &span,
                "a branch without labels would uncover what nobody here knows",
                "this LSP",
                "a leaf takes its copy by `local-label-space`",
            );
            return;
        }
        let vrf = VrfId(vrf.map_or(0, |vrf| vrf.value));
        let ftn = group.map(|group| (Fec::host(vrf, group), replication.clone()));
        let ilm = key.map(|key| {
            let action = IlmAction::Replicate {
                replication,
                qos_map,
            };
            (key, action)
        });
        if ftn.is_some() || ilm.is_some() {
            self.read.push(StaticLsp {
                name,
                kind: StaticLspKind::PointToMultipoint,
                ftn: ftn.map(|(fec, replication)| (fec, FtnAction::Replicate(replication))),
                ilm,
            });
        }
    }

    /// The key `group`: the FEC at the ingress.
    fn group(
        &mut self,
        section: &mut Section<'_, '_>,
        vrf: Option<&At<u16>>,
        problems: &mut Problems,
    ) -> Option<IpAddr> {
        let given = section.text("group", problems)?;
        let group: Option<IpAddr> = given.value.parse().ok();
        let Some(group) = group.filter(IpAddr::is_multicast) else {
            problems.add(
                &given.span,
                format!("`{}` is not a multicast group", given.value),
                "not an address of 224.0.0.0/4 or ff00::/8",
                "write a group, for example \"239.1.1.1\"",
            );
            return None;
        };
        let vrf = vrf.map_or(0, |vrf| vrf.value);
        self.vrfs.insert(vrf);
        if let Some(earlier) = self.fecs.get(&(vrf, IpNet::from(group))) {
            problems.add_conflict(
                &given.span,
                earlier,
                format!("two point-to-multipoint LSPs for {group} in VRF {vrf}"),
                ("again here", "first here"),
                "one LSP with several `branches` reaches all",
            );
            return None;
        }
        self.fecs.insert((vrf, group.into()), given.span);
        Some(group)
    }
}
