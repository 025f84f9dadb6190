//! Scenarios with damaged packets that broke an invariant once, made small: a Hello with a wrong bit named another
//! neighbour's LSR Id, and packets for its source got labels of that (RFC 5036 section 2.5.2).

use simulator::Scenario;

fn check(text: &str) {
    let scenario = Scenario::parse(text).unwrap();
    let report = scenario.run(&mut ());
    assert!(report.violation.is_none(), "{report}");
}

/// Seed 71397: the session goes over IPv6, as the Hello.
#[test]
fn a_hello_of_the_family_of_the_session() {
    check(include_str!("scenarios/71397.toml"));
}

/// Seed 70808: the session goes over IPv4, and the Hello is one of IPv6.
#[test]
fn a_hello_of_the_other_family() {
    check(include_str!("scenarios/70808.toml"));
}
