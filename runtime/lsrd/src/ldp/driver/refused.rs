//! The kernel's counters of TCP segments that it refuses for their keys: it tells nobody else of them.

use ldp::engine::RefusedSegments;

/// Where the kernel counts them, for the network namespace.
const COUNTERS: &str = "/proc/self/net/netstat";

/// Reads the counters, and says how many more there are.
#[derive(Debug, Default)]
pub(super) struct RefusedCounters {
    former: Option<RefusedSegments>,
}

impl RefusedCounters {
    /// How many more segments were refused than when this was asked last; none the first time, nor where the
    /// kernel counts none.
    pub(super) fn more(&mut self) -> RefusedSegments {
        match std::fs::read_to_string(COUNTERS) {
            Ok(text) => self.more_than_before(&text),
            Err(_) => RefusedSegments::default(),
        }
    }

    fn more_than_before(&mut self, text: &str) -> RefusedSegments {
        let now = read(text);
        let former = self.former.replace(now).unwrap_or(now);
        RefusedSegments {
            unsigned: now.unsigned.saturating_sub(former.unsigned),
            unexpected: now.unexpected.saturating_sub(former.unexpected),
            wrong: now.wrong.saturating_sub(former.wrong),
        }
    }
}

/// The counters of TCP MD5 (RFC 2385) and TCP-AO (RFC 5925): a line of names, and one of values.
fn read(text: &str) -> RefusedSegments {
    let mut refused = RefusedSegments::default();
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else {
        return refused;
    };
    for (name, value) in names.split_whitespace().zip(values.split_whitespace()) {
        let count = match name {
            "TCPMD5NotFound" | "TCPAORequired" => &mut refused.unsigned,
            "TCPMD5Unexpected" | "TCPAOKeyNotFound" => &mut refused.unexpected,
            "TCPMD5Failure" | "TCPAOBad" => &mut refused.wrong,
            _ => continue,
        };
        *count += value.parse::<u64>().unwrap_or(0);
    }
    refused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(counters: [u64; 4]) -> String {
        let [unsigned, unexpected, failure, bad] = counters;
        format!(
            "TcpExt: SyncookiesSent TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure TCPAOBad\n\
             TcpExt: 9 {unsigned} {unexpected} {failure} {bad}\n\
             IpExt: InNoRoutes TCPMD5Failure\nIpExt: 4 77\n"
        )
    }

    #[test]
    fn what_is_counted_since_is_told() {
        let mut counters = RefusedCounters::default();
        let none = RefusedSegments::default();
        assert_eq!(counters.more_than_before(&text([5, 6, 7, 8])), none);
        assert_eq!(counters.more_than_before(&text([5, 6, 7, 8])), none);
        let more = RefusedSegments {
            unsigned: 1,
            unexpected: 0,
            wrong: 5,
        };
        assert_eq!(counters.more_than_before(&text([6, 6, 9, 11])), more);
        assert_eq!(counters.more_than_before(""), none);
    }
}
