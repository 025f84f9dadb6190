//! The state machine of session initialization (RFC 5036 section 2.5.4), as a table.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

/// The states of a session (RFC 5036 section 2.5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionState {
    /// NON EXISTENT: no TCP connection.
    NonExistent,
    /// INITIALIZED: there is a TCP connection.
    Initialized,
    /// OPENREC: an acceptable Initialization came and was answered.
    OpenRec,
    /// OPENSENT: this LSR, in the active role, sent its Initialization.
    OpenSent,
    /// OPERATIONAL: labels are distributed.
    Operational,
}

impl fmt::Display for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NonExistent => "non existent",
            Self::Initialized => "initialized",
            Self::OpenRec => "openrec",
            Self::OpenSent => "opensent",
            Self::Operational => "operational",
        })
    }
}

/// Who opens the TCP connection (RFC 5036 section 2.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// This LSR.
    Active,
    /// The peer.
    Passive,
}

impl Role {
    /// The role of the LSR whose transport address is `local` (RFC 5036 section 2.5.2): the higher
    /// address, as an unsigned integer, is active. `None`: the addresses are of two families, or the
    /// same, and no session can be established.
    pub fn of(local: IpAddr, remote: IpAddr) -> Option<Self> {
        let ordering = match (local, remote) {
            (IpAddr::V4(local), IpAddr::V4(remote)) => local.octets().cmp(&remote.octets()),
            (IpAddr::V6(local), IpAddr::V6(remote)) => local.octets().cmp(&remote.octets()),
            _ => return None,
        };
        match ordering {
            std::cmp::Ordering::Greater => Some(Self::Active),
            std::cmp::Ordering::Less => Some(Self::Passive),
            std::cmp::Ordering::Equal => None,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Passive => "passive",
        })
    }
}

/// What happens to a session, as the table of RFC 5036 section 2.5.4 names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEvent {
    /// Session TCP connection established.
    ConnectionEstablished,
    /// Transmit Initialization msg (Active Role).
    TransmitInitialization,
    /// Receive acceptable Initialization msg.
    ReceiveAcceptableInitialization,
    /// Receive KeepAlive msg.
    ReceiveKeepAlive,
    /// Receive Shutdown msg: a Notification of a fatal error.
    ReceiveShutdown,
    /// Receive any other LDP msg.
    ReceiveOther,
    /// Timeout.
    Timeout,
}

/// What is done in a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionAction {
    /// Nothing.
    None,
    /// Transmit Initialization msg and KeepAlive msg.
    TransmitInitializationAndKeepAlive,
    /// Transmit KeepAlive msg.
    TransmitKeepAlive,
    /// Transmit Error Notification msg (NAK) and close transport connection.
    TransmitNakAndClose,
    /// Transmit Shutdown msg and close transport connection.
    TransmitShutdownAndClose,
}

impl SessionState {
    /// The row of the table for a state and an event: the new state, and what is done.
    pub const fn transition(self, role: Role, event: SessionEvent) -> (Self, SessionAction) {
        use SessionEvent as Event;
        match (self, event) {
            (Self::NonExistent, Event::ConnectionEstablished) => {
                (Self::Initialized, SessionAction::None)
            }
            (Self::NonExistent, _) => (Self::NonExistent, SessionAction::None),
            (Self::Initialized, Event::TransmitInitialization) if matches!(role, Role::Active) => {
                (Self::OpenSent, SessionAction::None)
            }
            (Self::Initialized, Event::ReceiveAcceptableInitialization)
                if matches!(role, Role::Passive) =>
            {
                (
                    Self::OpenRec,
                    SessionAction::TransmitInitializationAndKeepAlive,
                )
            }
            (Self::OpenRec, Event::ReceiveKeepAlive) => (Self::Operational, SessionAction::None),
            (Self::OpenSent, Event::ReceiveAcceptableInitialization) => {
                (Self::OpenRec, SessionAction::TransmitKeepAlive)
            }
            (Self::Operational, Event::ReceiveShutdown | Event::Timeout) => {
                (Self::NonExistent, SessionAction::TransmitShutdownAndClose)
            }
            (Self::Operational, _) => (Self::Operational, SessionAction::None),
            // A Shutdown during initialization is answered by a Shutdown (section 3.5.1.1), and so are
            // messages that have no place there (section 2.5.3).
            (_, Event::ReceiveShutdown) => {
                (Self::NonExistent, SessionAction::TransmitShutdownAndClose)
            }
            (_, _) => (Self::NonExistent, SessionAction::TransmitNakAndClose),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5036 section 2.5.4: the rows of the Session Initialization State Transition Table.
    #[test]
    fn each_row_of_the_state_transition_table() {
        use SessionAction as Do;
        use SessionEvent as On;
        use SessionState as S;
        let either = [Role::Active, Role::Passive];
        let rows: &[(S, &[Role], On, S, Do)] = &[
            (
                S::NonExistent,
                &either,
                On::ConnectionEstablished,
                S::Initialized,
                Do::None,
            ),
            (
                S::Initialized,
                &[Role::Active],
                On::TransmitInitialization,
                S::OpenSent,
                Do::None,
            ),
            (
                S::Initialized,
                &[Role::Passive],
                On::ReceiveAcceptableInitialization,
                S::OpenRec,
                Do::TransmitInitializationAndKeepAlive,
            ),
            (
                S::Initialized,
                &either,
                On::ReceiveOther,
                S::NonExistent,
                Do::TransmitNakAndClose,
            ),
            (
                S::Initialized,
                &either,
                On::ReceiveKeepAlive,
                S::NonExistent,
                Do::TransmitNakAndClose,
            ),
            (
                S::Initialized,
                &either,
                On::Timeout,
                S::NonExistent,
                Do::TransmitNakAndClose,
            ),
            (
                S::OpenRec,
                &either,
                On::ReceiveKeepAlive,
                S::Operational,
                Do::None,
            ),
            (
                S::OpenRec,
                &either,
                On::ReceiveOther,
                S::NonExistent,
                Do::TransmitNakAndClose,
            ),
            (
                S::OpenRec,
                &either,
                On::ReceiveAcceptableInitialization,
                S::NonExistent,
                Do::TransmitNakAndClose,
            ),
            (
                S::OpenRec,
                &either,
                On::Timeout,
                S::NonExistent,
                Do::TransmitNakAndClose,
            ),
            (
                S::OpenSent,
                &either,
                On::ReceiveAcceptableInitialization,
                S::OpenRec,
                Do::TransmitKeepAlive,
            ),
            (
                S::OpenSent,
                &either,
                On::ReceiveOther,
                S::NonExistent,
                Do::TransmitNakAndClose,
            ),
            (
                S::OpenSent,
                &either,
                On::ReceiveKeepAlive,
                S::NonExistent,
                Do::TransmitNakAndClose,
            ),
            (
                S::OpenSent,
                &either,
                On::Timeout,
                S::NonExistent,
                Do::TransmitNakAndClose,
            ),
            (
                S::Operational,
                &either,
                On::ReceiveShutdown,
                S::NonExistent,
                Do::TransmitShutdownAndClose,
            ),
            (
                S::Operational,
                &either,
                On::Timeout,
                S::NonExistent,
                Do::TransmitShutdownAndClose,
            ),
            (
                S::Operational,
                &either,
                On::ReceiveOther,
                S::Operational,
                Do::None,
            ),
            (
                S::Operational,
                &either,
                On::ReceiveKeepAlive,
                S::Operational,
                Do::None,
            ),
            (
                S::Operational,
                &either,
                On::ReceiveAcceptableInitialization,
                S::Operational,
                Do::None,
            ),
        ];
        for (state, roles, event, new, action) in rows {
            for role in *roles {
                assert_eq!(
                    state.transition(*role, *event),
                    (*new, *action),
                    "{state}, {role}, {event:?}"
                );
            }
        }
    }

    /// RFC 5036 section 3.5.1.1: a Shutdown during session initialization is answered by a Shutdown.
    #[test]
    fn a_shutdown_during_initialization_is_answered_by_a_shutdown() {
        for state in [
            SessionState::Initialized,
            SessionState::OpenSent,
            SessionState::OpenRec,
        ] {
            assert_eq!(
                state.transition(Role::Active, SessionEvent::ReceiveShutdown),
                (
                    SessionState::NonExistent,
                    SessionAction::TransmitShutdownAndClose
                )
            );
        }
    }

    /// RFC 5036 section 2.5.2: addresses are compared as unsigned integers, the first octet the most
    /// significant one; those of two families are incomparable.
    #[test]
    fn the_higher_transport_address_is_active() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        for (local, remote, role) in [
            ("10.0.0.2", "10.0.0.1", Some(Role::Active)),
            ("10.0.0.1", "10.0.0.2", Some(Role::Passive)),
            ("9.255.255.255", "200.0.0.1", Some(Role::Passive)),
            ("2001:db8::2", "2001:db8::1", Some(Role::Active)),
            ("10.0.0.1", "2001:db8::1", None),
            ("10.0.0.1", "10.0.0.1", None),
        ] {
            assert_eq!(
                Role::of(address(local), address(remote)),
                role,
                "{local} {remote}"
            );
        }
    }
}
