//! Texts of scenarios with mistakes in them: each is refused, or is a scenario that runs.

use std::time::Duration;

use simulator::clock::Time;
use simulator::rng::Rng;
use simulator::{Options, Scenario};

/// What stands in a text in place of an integer, of another number, and of anything.
const INTEGERS: [&str; 8] = [
    "0",
    "1",
    "2",
    "3",
    "200",
    "65535",
    "4294967295",
    "9223372036854775807",
];
const FLOATS: [&str; 6] = ["0.0", "0.5", "1.0", "3.0", "1e308", "inf"];
const VALUES: [&str; 8] = [
    "-1", "nan", "true", "false", "\"cut\"", "\"real\"", "[]", "[0, 1]",
];

/// Texts of small networks in which things go wrong at once.
fn texts() -> Vec<String> {
    let of_seed = |seed| {
        let options = Options {
            least_routers: 3,
            most_routers: 5,
            faults: 12,
            seconds: 3,
            ..Options::default()
        };
        let mut scenario = Scenario::generate(seed, &options);
        for fault in &mut scenario.faults {
            fault.at = fault.at - Duration::from_secs(40);
            fault.until = fault.until - Duration::from_secs(40);
        }
        scenario.text()
    };
    (0..6).map(of_seed).collect()
}

/// A line of a text or two are another way.
fn mutated(text: &str, rng: &mut Rng) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..rng.between(1, 2) {
        let at = rng.below(lines.len());
        let other = rng.below(lines.len());
        match rng.below(12) {
            0 => {
                lines.remove(at);
            }
            1 => lines.insert(at, lines[other].clone()),
            2 => lines.swap(at, other),
            3 => {
                let length = rng.below(lines[at].len() + 1);
                lines[at].truncate(length);
            }
            _ => {
                if let Some((name, value)) = lines[at].split_once('=') {
                    let values = match value.trim() {
                        _ if rng.chance(0.2) => &VALUES[..],
                        value if value.parse::<u64>().is_ok() => &INTEGERS[..],
                        value if value.parse::<f64>().is_ok() => &FLOATS[..],
                        _ => &VALUES[..],
                    };
                    let value = rng.pick(values).copied().unwrap_or_default();
                    lines[at] = format!("{name}= {value}");
                }
            }
        }
    }
    lines.join("\n")
}

#[test]
fn a_text_with_mistakes_is_refused_or_is_a_scenario_that_runs() {
    let texts = texts();
    let mut rng = Rng::new(1, 1);
    let (mut refused, mut ran, mut packets) = (0, 0, 0);
    for number in 0..500 {
        let text = mutated(&texts[number % texts.len()], &mut rng);
        let Ok(scenario) = Scenario::parse(&text) else {
            refused += 1;
            continue;
        };
        // A network of 60,000 routers is possible, and takes long.
        let fecs = 1 + scenario.prefixes;
        if scenario.topology.routers * fecs > 600 {
            continue;
        }
        assert_eq!(Scenario::parse(&scenario.text()).unwrap(), scenario);
        let mut network = scenario.network();
        network.run_until(Time::seconds(4));
        ran += 1;
        packets += network.packets.sent;
    }
    assert!(refused > 100 && ran > 100, "{refused} refused, {ran} ran");
    assert!(packets > 1000, "{packets} packets");
}
