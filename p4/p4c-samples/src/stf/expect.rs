//! The packets that must come out.

use std::collections::BTreeMap;

use super::Error;

/// What a packet must look like: hexadecimal digits, `*` for any digit, and `$` at the end if
/// nothing may follow. Without `$` the packet may be longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    /// Upper case.
    digits: String,
    exact: bool,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let text = text.to_ascii_uppercase();
        let (digits, exact) = match text.strip_suffix('$') {
            Some(digits) => (digits.to_owned(), true),
            None => (text, false),
        };
        match digits.chars().find(|c| *c != '*' && !c.is_ascii_hexdigit()) {
            Some(bad) => Err(format!("`{bad}` does not belong into a packet")),
            None => Ok(Self { digits, exact }),
        }
    }

    fn matches(&self, packet: &str) -> bool {
        let fits = if self.exact {
            packet.len() == self.digits.len()
        } else {
            packet.len() >= self.digits.len()
        };
        let same = |(wanted, is): (char, char)| wanted == '*' || wanted == is;
        fits && self.digits.chars().zip(packet.chars()).all(same)
    }
}

/// What a port is to send.
#[derive(Debug)]
enum PortExpectation {
    /// Whatever it is.
    Any,
    /// These packets, in this order.
    Packets(Vec<Pattern>),
}

/// What all ports are to send, and what they sent.
#[derive(Debug, Default)]
pub(super) struct Expectations {
    expected: BTreeMap<u32, PortExpectation>,
    sent: BTreeMap<u32, Vec<String>>,
}

impl Expectations {
    /// Takes in an `expect` statement.
    pub(super) fn expect(&mut self, port: u32, pattern: Option<Pattern>) {
        let expected = self
            .expected
            .entry(port)
            .or_insert_with(|| PortExpectation::Packets(Vec::new()));
        match (pattern, expected) {
            (Some(pattern), PortExpectation::Packets(list)) => list.push(pattern),
            (Some(_), PortExpectation::Any) => {}
            (None, expected) => *expected = PortExpectation::Any,
        }
    }

    /// Takes in a packet that came out.
    pub(super) fn sent(&mut self, port: u32, packet: &[u8]) {
        let digits = packet.iter().map(|byte| format!("{byte:02X}")).collect();
        self.sent.entry(port).or_default().push(digits);
    }

    /// Compares what came out with what was expected, port by port. A port that nothing is
    /// expected of must not send.
    pub(super) fn check(mut self) -> Result<(), Error> {
        let failed = |port, reason| Err(Error::Packets { port, reason });
        for (port, sent) in self.sent {
            let expected = match self.expected.remove(&port) {
                Some(PortExpectation::Any) => continue,
                Some(PortExpectation::Packets(patterns)) => patterns,
                None => Vec::new(),
            };
            if expected.len() != sent.len() {
                let (wanted, came) = (expected.len(), sent.len());
                return failed(port, format!("{came} packets came out, {wanted} should"));
            }
            for (number, (pattern, packet)) in expected.iter().zip(&sent).enumerate() {
                if !pattern.matches(packet) {
                    let end = if pattern.exact { "$" } else { "" };
                    let reason = format!(
                        "packet {} is {packet}, and should be {}{end}",
                        number + 1,
                        pattern.digits
                    );
                    return failed(port, reason);
                }
            }
        }
        for (port, expected) in self.expected {
            if let PortExpectation::Packets(patterns) = expected {
                let reason = format!("no packet came out, {} should", patterns.len());
                return failed(port, reason);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Option<Pattern> {
        Some(Pattern::new(text).unwrap())
    }

    fn check(expected: &[(u32, Option<Pattern>)], sent: &[(u32, &[u8])]) -> bool {
        let mut expectations = Expectations::default();
        for (port, pattern) in expected {
            expectations.expect(*port, pattern.clone());
        }
        for (port, packet) in sent {
            expectations.sent(*port, packet);
        }
        expectations.check().is_ok()
    }

    #[test]
    fn a_packet_is_compared_up_to_the_end_of_the_pattern() {
        assert!(check(&[(1, pattern("0a*b"))], &[(1, &[0x0a, 0x3b, 7])]));
        assert!(!check(&[(1, pattern("0a*b$"))], &[(1, &[0x0a, 0x3b, 7])]));
        assert!(check(&[(1, pattern("0a*b$"))], &[(1, &[0x0a, 0x3b])]));
        assert!(!check(&[(1, pattern("0a*b"))], &[(1, &[0x0a])]));
        assert!(!check(&[(1, pattern("0a"))], &[(1, &[0x0b])]));
    }

    #[test]
    fn the_packets_of_a_port_are_counted() {
        let a = || pattern("0a");
        assert!(check(&[(1, a()), (1, a())], &[(1, &[10]), (1, &[10])]));
        assert!(!check(&[(1, a()), (1, a())], &[(1, &[10])]));
        assert!(!check(&[(1, a())], &[(1, &[10]), (2, &[10])]));
        assert!(!check(&[(1, a())], &[]));
        assert!(check(&[(1, None)], &[]));
        assert!(check(&[(1, None)], &[(1, &[1]), (1, &[2])]));
    }

    #[test]
    fn a_pattern_of_other_characters_is_refused() {
        assert!(Pattern::new("0g").is_err());
    }
}
