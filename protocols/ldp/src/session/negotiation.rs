//! Negotiation of session parameters (RFC 5036 section 3.5.3).

use std::time::Duration;

use crate::packet::{AdvertisementDiscipline, Initialization, StatusCode};

/// Values of 255 and less mean this Max PDU Length.
const DEFAULT_MAX_PDU_LENGTH: u16 = 4096;
/// A Label Mapping with a path vector of 255 LSRs, whose PDU has to fit (RFC 5036 section 2.8).
const PDU_LENGTH_FOR_PATH_VECTORS: u16 = 1152;
/// The version of the protocol.
const PROTOCOL_VERSION: u16 = 1;
/// The L flag of the FT Session TLV: graceful restart (RFC 3478 section 2).
pub const LEARN_FROM_NETWORK: u16 = 0x0001;

/// What a session is operated with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// The KeepAlive Time in seconds: the smaller of both.
    pub keepalive_time: u16,
    /// The maximum PDU length: the smaller of both.
    pub max_pdu_length: u16,
    /// The discipline.
    pub advertisement: AdvertisementDiscipline,
}

impl Parameters {
    /// The time of the KeepAlive Timer.
    pub fn hold(&self) -> Duration {
        Duration::from_secs(u64::from(self.keepalive_time))
    }

    /// The time after which a KeepAlive message is sent, if nothing else was: a third of the KeepAlive
    /// Time, so that one or two of them may be late.
    pub fn keepalive_interval(&self) -> Duration {
        self.hold() / 3
    }
}

/// Why an Initialization message is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unacceptable {
    /// The status of the NAK.
    pub status: StatusCode,
    /// Why, in words.
    pub reason: String,
}

/// Checks the peer's proposal against this LSR's. `insist` is on this LSR's discipline.
pub fn negotiate(
    local: &Initialization,
    peer: &Initialization,
    insist: bool,
) -> Result<Parameters, Unacceptable> {
    if peer.protocol_version != PROTOCOL_VERSION {
        return Err(Unacceptable {
            status: StatusCode::BAD_PROTOCOL_VERSION,
            reason: format!(
                "the peer proposes protocol version {}, where {PROTOCOL_VERSION} is supported",
                peer.protocol_version
            ),
        });
    }
    if peer.keepalive_time == 0 {
        return Err(Unacceptable {
            status: StatusCode::SESSION_REJECTED_BAD_KEEPALIVE_TIME,
            reason: "the peer proposes a KeepAlive Time of zero".to_owned(),
        });
    }
    let advertisement = discipline(local.advertisement, peer.advertisement);
    if insist && advertisement != local.advertisement {
        return Err(Unacceptable {
            status: StatusCode::SESSION_REJECTED_ADVERTISEMENT_MODE,
            reason: "this LSR insists on downstream on demand, and the peer proposes downstream \
                     unsolicited"
                .to_owned(),
        });
    }
    let max_pdu_length = meaning(local.max_pdu_length).min(meaning(peer.max_pdu_length));
    if local.loop_detection && max_pdu_length < PDU_LENGTH_FOR_PATH_VECTORS {
        return Err(Unacceptable {
            status: StatusCode::SESSION_REJECTED_MAX_PDU_LENGTH,
            reason: format!(
                "a maximum PDU length of {max_pdu_length} is too small for path vectors: \
                 {PDU_LENGTH_FOR_PATH_VECTORS} is the least"
            ),
        });
    }
    Ok(Parameters {
        keepalive_time: local.keepalive_time.min(peer.keepalive_time),
        max_pdu_length,
        advertisement,
    })
}

/// The discipline of a session on a link that is not label-controlled ATM or Frame Relay.
fn discipline(
    local: AdvertisementDiscipline,
    peer: AdvertisementDiscipline,
) -> AdvertisementDiscipline {
    if local == peer {
        local
    } else {
        AdvertisementDiscipline::DownstreamUnsolicited
    }
}

fn meaning(max_pdu_length: u16) -> u16 {
    if max_pdu_length <= 255 {
        DEFAULT_MAX_PDU_LENGTH
    } else {
        max_pdu_length
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::LdpIdentifier;
    use crate::packet::Capabilities;

    fn proposal() -> Initialization {
        Initialization {
            protocol_version: 1,
            keepalive_time: 180,
            advertisement: AdvertisementDiscipline::DownstreamUnsolicited,
            loop_detection: false,
            path_vector_limit: 0,
            max_pdu_length: 4096,
            receiver: LdpIdentifier::platform(Ipv4Addr::new(192, 0, 2, 1)),
            fault_tolerance: None,
            capabilities: Capabilities::default(),
        }
    }

    fn negotiated(change: impl FnOnce(&mut Initialization)) -> Result<Parameters, StatusCode> {
        let mut peer = proposal();
        change(&mut peer);
        negotiate(&proposal(), &peer, false).map_err(|error| error.status)
    }

    /// RFC 5036 section 3.5.3: the smaller KeepAlive Time; zero is no KeepAlive Time.
    #[test]
    fn the_keepalive_time_is_the_smaller_of_both() {
        let time = |time| {
            negotiated(|peer| peer.keepalive_time = time)
                .map(|parameters| parameters.keepalive_time)
        };
        assert_eq!(time(15), Ok(15));
        assert_eq!(time(65_535), Ok(180));
        assert_eq!(
            time(0),
            Err(StatusCode::SESSION_REJECTED_BAD_KEEPALIVE_TIME)
        );
    }

    /// RFC 5036 section 3.5.3: a value of 255 or less specifies the default maximum length of 4096
    /// octets; the smaller proposal is used.
    #[test]
    fn the_maximum_pdu_length_is_the_smaller_of_both_and_255_means_4096() {
        let length = |length| {
            negotiated(|peer| peer.max_pdu_length = length)
                .map(|parameters| parameters.max_pdu_length)
        };
        assert_eq!(length(255), Ok(4096));
        assert_eq!(length(0), Ok(4096));
        assert_eq!(length(256), Ok(256));
        assert_eq!(length(9000), Ok(4096));
    }

    /// RFC 5036 section 3.5.3: if one proposes Downstream Unsolicited and the other Downstream on Demand,
    /// Downstream Unsolicited is used; an LSR that cannot accept it rejects the session.
    #[test]
    fn disciplines_that_differ_make_downstream_unsolicited() {
        let on_demand = Initialization {
            advertisement: AdvertisementDiscipline::DownstreamOnDemand,
            ..proposal()
        };
        let unsolicited = proposal();
        let discipline = |local, peer, insist| {
            negotiate(local, peer, insist)
                .map(|parameters| parameters.advertisement)
                .map_err(|error| error.status)
        };
        assert_eq!(
            discipline(&unsolicited, &on_demand, false),
            Ok(AdvertisementDiscipline::DownstreamUnsolicited)
        );
        assert_eq!(
            discipline(&on_demand, &on_demand, true),
            Ok(AdvertisementDiscipline::DownstreamOnDemand)
        );
        assert_eq!(
            discipline(&on_demand, &unsolicited, true),
            Err(StatusCode::SESSION_REJECTED_ADVERTISEMENT_MODE)
        );
    }

    /// RFC 5036 section 3.5.3: an unacceptable maximum PDU length rejects the session.
    #[test]
    fn a_pdu_length_in_which_path_vectors_do_not_fit_is_rejected() {
        let local = Initialization {
            loop_detection: true,
            path_vector_limit: 254,
            ..proposal()
        };
        let peer = Initialization {
            max_pdu_length: 256,
            ..proposal()
        };
        assert_eq!(
            negotiate(&local, &peer, false).map_err(|error| error.status),
            Err(StatusCode::SESSION_REJECTED_MAX_PDU_LENGTH)
        );
    }

    #[test]
    fn a_protocol_version_other_than_1_is_rejected() {
        assert_eq!(
            negotiated(|peer| peer.protocol_version = 2),
            Err(StatusCode::BAD_PROTOCOL_VERSION)
        );
    }
}
