//! Packets that are looked at before it is their turn.
//!
//! A look-up in a large table waits for memory, and a packet's tables one after the other. So some packets
//! are parsed first; for each, the entry of the large table that packets ask first is found, with what is
//! known behind the parser; and only then the packets go their way one by one, with that entry in the
//! cache. It is a guess: a packet that asks something else finds that as it always does. From time to time
//! some packets go without, to see whether they still ask a large table.

use super::pipeline::{Environment, Outputs};
use super::{NoTrace, Pass, Worker};
use crate::control::PortNumber;
use crate::jit::{Functions, Guess, fetch};
use crate::program::{KeySource, Layout, Table, TableId};
use crate::state::State;

/// How many packets are parsed before the first of them goes on.
const AHEAD: usize = 8;
/// How often that is done before it is forgotten what packets asked.
const ROUNDS: u32 = 64;
/// How many tables are remembered that packets asked first.
const TABLES: usize = 4;

/// A packet behind the parser.
struct Arrived<'p> {
    packet: &'p [u8],
    /// How many octets were parsed.
    octets: usize,
    pass: Pass,
    guess: Option<(TableId, Guess)>,
}

/// What helps to look ahead.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// PHVs, one for each packet.
    words: Vec<Vec<u64>>,
    /// Large tables that packets asked first, the latest first.
    tables: Vec<TableId>,
    /// How often packets were looked at ahead since the tables were forgotten.
    rounds: u32,
    /// The first large table that the packet asked without an answer from before.
    pub(crate) missed: Option<TableId>,
}

impl Ahead {
    /// Forgets all, for another program may have been loaded.
    pub(super) fn clear(&mut self) {
        self.tables.clear();
        self.missed = None;
    }

    /// Learns from the packet that has gone its way.
    #[inline]
    fn learn(&mut self, layout: &Layout, tables: &[Table]) {
        let Some(missed) = self.missed.take() else {
            return;
        };
        let from_packet = |source: &KeySource| match source {
            KeySource::Field { field, .. } => !layout.headers[field.header as usize].is_metadata,
            KeySource::Valid(_) => false,
        };
        let key = &tables[missed as usize].key;
        if key.iter().any(|element| from_packet(&element.source)) {
            self.tables.retain(|table| *table != missed);
            self.tables.insert(0, missed);
            self.tables.truncate(TABLES);
        }
    }
}

/// The key, of one word, with which a packet may ask a table: what the parser does not tell is as it was
/// last.
fn guess_key(layout: &Layout, table: &Table, words: &[u64], last: u64) -> Option<u64> {
    let mut key = 0;
    for element in &table.key {
        let KeySource::Field { field, valid } = &element.source else {
            return None;
        };
        let bits = crate::number::low_mask(element.width);
        if layout.headers[field.header as usize].is_metadata {
            key |= last & (bits << element.shift);
            continue;
        }
        if valid.is_some_and(|valid| words[valid as usize] == 0) {
            return None;
        }
        let mask = element.mask.as_ref().map_or(bits, |mask| mask[0]);
        key |= (words[field.word as usize] & mask) << element.shift;
    }
    Some(key)
}

impl Worker {
    /// As [`Worker::receive`], for packets that came one after the other.
    pub(crate) fn receive_all<'p>(
        &mut self,
        environment: Environment<'_>,
        packets: impl IntoIterator<Item = (PortNumber, &'p [u8])>,
        outputs: &mut impl Outputs,
    ) {
        let mut packets = packets.into_iter();
        let Some(code) = environment.code.filter(|code| code.has_arrival()) else {
            for (port, packet) in packets {
                self.receive(environment, port, packet, outputs);
            }
            return;
        };
        self.look_at(environment);
        let program = &environment.state.program;
        loop {
            if self.ahead.tables.is_empty() {
                let Some((port, packet)) = packets.next() else {
                    return;
                };
                self.run(environment, code, port, packet, outputs);
                self.ahead.learn(&program.layout, &program.tables);
                continue;
            }
            let mut arrived: [Option<Arrived<'p>>; AHEAD] = [const { None }; AHEAD];
            let mut count = 0;
            for (place, (port, packet)) in arrived.iter_mut().zip(&mut packets) {
                *place = Some(self.arrive(environment, code, count, port, packet));
                count += 1;
            }
            if count == 0 {
                return;
            }
            self.guess(environment.state, code, &mut arrived);
            for (index, arrived) in arrived.into_iter().flatten().enumerate() {
                self.go_on(environment, code, index, &arrived, outputs);
                self.ahead.learn(&program.layout, &program.tables);
            }
        }
    }

    /// Parses a packet, and leaves its PHV at a place.
    fn arrive<'p>(
        &mut self,
        environment: Environment<'_>,
        code: &Functions,
        place: usize,
        port: PortNumber,
        packet: &'p [u8],
    ) -> Arrived<'p> {
        let mut quiet = NoTrace;
        let mut machine = environment.machine(self, Pass::of(packet), &mut quiet, packet);
        let octets = machine.run_arrival(code, Some(port), packet);
        let octets = octets.unwrap_or_default();
        let pass = machine.pass;
        let places = &mut self.ahead.words;
        if places.len() <= place {
            places.resize_with(place + 1, Vec::new);
        }
        std::mem::swap(&mut self.words, &mut places[place]);
        Arrived {
            packet,
            octets,
            pass,
            guess: None,
        }
    }

    /// Finds what packets will probably ask for: first where it is for all of them, so that they wait for
    /// memory together.
    fn guess(&mut self, state: &State, code: &Functions, arrived: &mut [Option<Arrived<'_>>]) {
        let program = &state.program;
        let mut keys = [None; AHEAD];
        let packets = keys.iter_mut().zip(&self.ahead.words);
        for ((key, words), _) in packets.zip(arrived.iter().flatten()) {
            *key = self.ahead.tables.iter().find_map(|id| {
                let last = self.last.get(*id as usize)?;
                let table = &program.tables[*id as usize];
                let key = guess_key(&program.layout, table, words, last.key)?;
                if let Some(address) = state.tables[*id as usize].address(key) {
                    fetch(address);
                }
                Some((*id, key))
            });
        }
        for (arrived, key) in arrived.iter_mut().flatten().zip(keys) {
            arrived.guess = key.and_then(|(id, key)| {
                let guess = code.look_up(&state.tables[id as usize], id, key)?;
                guess.fetch();
                Some((id, guess))
            });
        }
        self.ahead.rounds += 1;
        if self.ahead.rounds >= ROUNDS {
            self.ahead.rounds = 0;
            self.ahead.tables.clear();
        }
    }

    /// Lets a packet go its way.
    fn go_on(
        &mut self,
        environment: Environment<'_>,
        code: &Functions,
        place: usize,
        arrived: &Arrived<'_>,
        outputs: &mut impl Outputs,
    ) {
        std::mem::swap(&mut self.words, &mut self.ahead.words[place]);
        if let Some((table, guess)) = arrived.guess
            && let Some(last) = self.last.get_mut(table as usize)
        {
            last.take(guess);
        }
        self.jobs.count = 0;
        let mut quiet = NoTrace;
        let payload = arrived.packet.get(arrived.octets..).unwrap_or_default();
        let mut machine = environment.machine(self, arrived.pass, &mut quiet, payload);
        let way = machine.run_rest(code, arrived.octets);
        machine.go_on(way, arrived.packet, outputs);
        if !self.jobs.waiting.is_empty() {
            self.finish_jobs(environment, outputs, &mut quiet);
        }
    }
}
