//! What is measured. docs/benchmarks-links.md says why so.

use std::time::{Duration, Instant};

use crate::links::{End, Packets, arrived};
use crate::program::{ROUTER, labels};
use crate::switch::Running;

/// Trials of the search for the highest rate without loss.
const TRIALS: u32 = 8;
/// Packets a second for the latency.
const LATENCY_RATE: u32 = 10_000;
/// How long after the last packet of a trial others may still come (RFC 2544 section 23).
const SETTLE: Duration = Duration::from_millis(500);
/// Packets that wait for the switch at each port before it may go on: what its buffers hold.
const WAITING: usize = 3072;
/// How often it is done.
const ROUNDS: usize = 21;

/// A labelled frame of RFC 5695 section 4.1.4: Ethernet, one label, IPv4, UDP. The size is that of
/// RFC 2544 section 9, with 4 octets of check sequence that a veth pair does not have.
fn frame(label: u32, size: usize) -> Vec<u8> {
    let mut frame = bmv2_tests::frames::labelled(ROUTER, &[], &[]);
    frame.extend(bmv2_tests::frames::entry(label, true, 64));
    let builder = etherparse::PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(1024, 9);
    let payload = vec![0; size - 4 - frame.len() - builder.size(0)];
    builder
        .write(&mut frame, &payload)
        .expect("a Vec takes all");
    frame
}

/// Frames that the switch sends out of a port, each with another label.
fn frames(port: u32, size: usize) -> Vec<Vec<u8>> {
    labels(port).map(|label| frame(label, size)).collect()
}

fn open(interface: &str, receives: bool) -> End {
    End::open(interface, receives).unwrap_or_else(|error| panic!("{interface}: {error}"))
}

/// Whether a frame comes out as it must: with another label and a TTL of one less.
pub(crate) fn forwards(patience: Duration) -> bool {
    let (from, to) = (open("end1", false), open("end2", true));
    let sent = frame(labels(2).next().expect("there are labels"), 64);
    let mut buffer = [0; 2048];
    let begin = Instant::now();
    while begin.elapsed() < patience {
        from.send_one(&sent);
        std::thread::sleep(Duration::from_millis(100));
        while let Some((length, _)) = to.receive(&mut buffer) {
            let came = &buffer[..length];
            if came.len() == sent.len() && came[14..17] != sent[14..17] && came[17] == 63 {
                return came[18..] == sent[18..];
            }
        }
    }
    false
}

/// Sends at a rate for some time; how many packets were sent.
fn send(packets: &mut Packets<'_>, end: &End, rate: f64, duration: Duration) -> u64 {
    let begin = Instant::now();
    let mut count = 0;
    loop {
        let elapsed = begin.elapsed();
        if elapsed >= duration {
            return count;
        }
        if count as f64 > elapsed.as_secs_f64() * rate {
            std::hint::spin_loop();
            continue;
        }
        count += end.send(packets) as u64;
    }
}

/// How many packets a second can be sent at most, with no switch to take them.
pub(crate) fn sender(size: usize, duration: Duration) -> f64 {
    let frames = frames(2, size);
    let mut packets = Packets::new(&frames);
    let end = open("end1", false);
    send(&mut packets, &end, f64::INFINITY, duration) as f64 / duration.as_secs_f64()
}

/// What came of more packets than a switch can forward.
pub(crate) struct Throughput {
    pub(crate) offered: f64,
    pub(crate) forwarded: f64,
    /// Processor time of the switch for a packet that was forwarded.
    pub(crate) processor: Duration,
}

/// Offers as many packets as can be sent.
pub(crate) fn throughput(switch: &Running, size: usize, duration: Duration) -> Throughput {
    let frames = frames(2, size);
    let mut packets = Packets::new(&frames);
    let end = open("end1", false);
    send(&mut packets, &end, f64::INFINITY, SETTLE);
    let before = (arrived("end2"), switch.processor_time());
    let begin = Instant::now();
    let offered = send(&mut packets, &end, f64::INFINITY, duration);
    let elapsed = begin.elapsed().as_secs_f64();
    let forwarded = arrived("end2") - before.0;
    let processor = switch.processor_time().saturating_sub(before.1);
    // What waits in queues belongs to no other trial.
    std::thread::sleep(SETTLE);
    Throughput {
        offered: offered as f64 / elapsed,
        forwarded: forwarded as f64 / elapsed,
        processor: processor.div_f64((forwarded as f64).max(1.0)),
    }
}

/// The throughput of RFC 2544 section 26.1: the highest rate at which nothing is lost, found by
/// halving the interval below a rate that is too high.
pub(crate) fn lossless(size: usize, duration: Duration, most: f64) -> f64 {
    let frames = frames(2, size);
    let mut packets = Packets::new(&frames);
    let end = open("end1", false);
    let (mut low, mut high) = (0.0, most * 1.1);
    for _ in 0..TRIALS {
        let rate = f64::midpoint(low, high);
        let before = arrived("end2");
        let offered = send(&mut packets, &end, rate, duration);
        std::thread::sleep(SETTLE);
        let reached = offered as f64 / duration.as_secs_f64();
        if arrived("end2") - before >= offered {
            low = reached;
            if reached < rate * 0.99 {
                // The sender cannot do more.
                break;
            }
        } else {
            high = rate;
        }
    }
    low
}

/// How long packets took, shortest first.
pub(crate) struct Latency {
    times: Vec<Duration>,
    pub(crate) lost: usize,
}

impl Latency {
    pub(crate) fn percentile(&self, percent: f64) -> Duration {
        let place = (self.times.len() as f64 * percent / 100.0) as usize;
        let last = self.times.len().saturating_sub(1);
        self.times.get(place.min(last)).copied().unwrap_or_default()
    }
}

/// From the time at which a packet was to be sent to the time at which it was received, through the
/// switch and both veth pairs. A packet is sent when its time has come, whether the one before has
/// come back or not.
pub(crate) fn latency(size: usize, duration: Duration) -> Latency {
    let mut frames = frames(2, size);
    let (from, to) = (open("end1", false), open("end2", true));
    let mut buffer = [0; 2048];
    while to.receive(&mut buffer).is_some() {}
    let count = (duration.as_secs_f64() * f64::from(LATENCY_RATE)) as u32;
    let begin = Instant::now() + Duration::from_millis(10);
    let time_of = |number: u32| begin + Duration::from_secs(1) * number / LATENCY_RATE;
    let mut times = Vec::new();
    let mut next = 0;
    while Instant::now() < time_of(count) + SETTLE {
        if next < count && Instant::now() >= time_of(next) {
            let kinds = frames.len();
            let frame = &mut frames[next as usize % kinds];
            let place = frame.len() - 4;
            frame[place..].copy_from_slice(&next.to_be_bytes());
            from.send_one(frame);
            next += 1;
        }
        if let Some((length, _)) = to.receive(&mut buffer) {
            let number = buffer[..length]
                .last_chunk()
                .copied()
                .map(u32::from_be_bytes);
            let number = number.expect("longer than 4 octets");
            times.push(Instant::now().saturating_duration_since(time_of(number)));
        }
        if times.len() == count as usize {
            break;
        }
    }
    times.sort();
    Latency {
        lost: count as usize - times.len(),
        times,
    }
}

/// How fast a switch forwards what has come in at two ports while it was stopped, in packets a
/// second: it has both processors then, for there is no sender. The median of several rounds.
pub(crate) fn drain(switch: &Running, size: usize) -> f64 {
    let ports = [("end1", "end2", 2), ("end3", "end4", 4)];
    let frames = ports.map(|(_, _, port)| frames(port, size));
    let mut packets = frames.each_ref().map(|frames| Packets::new(frames));
    let ends = ports.map(|(from, to, _)| (open(from, false), open(to, true)));
    let mut buffer = [0; 2048];
    let mut round = || {
        switch.stop();
        for ((from, _), packets) in ends.iter().zip(&mut packets) {
            let mut count = 0;
            while count < WAITING {
                count += from.send(packets);
            }
        }
        switch.go_on();
        std::thread::sleep(SETTLE);
        let mut times = Vec::new();
        for (_, to) in &ends {
            while let Some((_, time)) = to.receive(&mut buffer) {
                times.push(time);
            }
        }
        let first = times.iter().min().copied().unwrap_or_default();
        let last = times.iter().max().copied().unwrap_or_default();
        times.len() as f64 / (last - first).as_secs_f64()
    };
    let mut rates: Vec<f64> = (0..ROUNDS).map(|_| round()).collect();
    rates.sort_by(f64::total_cmp);
    rates[ROUNDS / 2]
}
