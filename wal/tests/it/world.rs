//! A log, its disk, and a plain list of what was put, acknowledged and promised: the oracle.

use std::{collections::BTreeMap, io::IoSlice, ops::Range};
use wal::{
    AckSet, AppendError, Config, Damage, Limits, Log, Notice, OpenError, Report, State, Tick,
    disk::{
        AlignedBuf, Disk, Done, Op, OpId, SlotFile,
        sim::{Image, Random, SimConfig, SimDisk, StingyDisk},
    },
    format::LogId,
};

/// A disk with a simulated one inside.
pub(crate) trait Sim: Disk<Buf = AlignedBuf> {
    fn sim(&mut self) -> &mut SimDisk;
}

impl Sim for SimDisk {
    fn sim(&mut self) -> &mut SimDisk {
        self
    }
}

impl Sim for StingyDisk<SimDisk> {
    fn sim(&mut self) -> &mut SimDisk {
        self.inner()
    }
}

/// One put, as the oracle knows it.
#[derive(Debug, Clone)]
pub(crate) struct Put {
    pub(crate) id: u64,
    pub(crate) events: Range<u64>,
    pub(crate) durable: bool,
}

/// What a drain found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Drained {
    pub(crate) puts: Vec<(Range<u64>, u64)>,
    pub(crate) damage: Vec<Damage>,
}

pub(crate) struct World<D> {
    pub(crate) log: Log<AlignedBuf>,
    pub(crate) disk: D,
    pub(crate) now: Tick,
    pub(crate) random: Random,
    pub(crate) config: Config,
    /// By first event. Puts that did not become durable before a crash and were not delivered after it are gone.
    pub(crate) puts: BTreeMap<u64, Put>,
    pub(crate) next_id: u64,
    /// Acknowledged by the consumer.
    pub(crate) acked: AckSet,
    /// Tickets of acknowledgements, and which of them are durable.
    pub(crate) tickets: Vec<(u64, Range<u64>)>,
    pub(crate) acked_durably: AckSet,
    pub(crate) durable_before: u64,
    pub(crate) read_next: u64,
    pub(crate) reading: bool,
    pub(crate) leased: Vec<Range<u64>>,
    pub(crate) report: Option<Report>,
    pub(crate) cannot_open: Option<OpenError>,
    pub(crate) damage: Vec<Damage>,
    pub(crate) refused: bool,
    pub(crate) closed: bool,
    pub(crate) notices: u64,
    /// A put that arrives in pieces: its id, its bytes, how many were taken.
    pub(crate) large: Option<(u64, Vec<u8>, usize, Range<u64>)>,
    done: Vec<Done<AlignedBuf>>,
}

pub(crate) fn tiny_sim(shuffle: Option<u64>) -> SimConfig {
    SimConfig { sector_bytes: 64, checkpoint_bytes: 1 << 10, capacity_bytes: 36 << 10, shuffle }
}

pub(crate) fn config(salt: u64) -> Config {
    Config::new(Limits::tiny(), LogId([7; 16]), salt, 1_790_000_000_000)
}

/// The payload of put `id`: its number, its size, and bytes that follow from both.
pub(crate) fn payload(id: u64, bytes: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(bytes.max(16));
    body.extend_from_slice(&id.to_le_bytes());
    body.extend_from_slice(&(bytes.max(16) as u64).to_le_bytes());
    while body.len() < bytes {
        body.push((id as usize).wrapping_mul(31).wrapping_add(body.len() * 7) as u8);
    }
    body
}

/// The number of a payload that is as it was put.
pub(crate) fn id_of(body: &[u8]) -> u64 {
    let id = u64::from_le_bytes(body[..8].try_into().expect("a payload has 16 bytes"));
    assert!(body == payload(id, body.len()), "put {id} was delivered with wrong bytes");
    id
}

impl<D: Disk<Buf = AlignedBuf>> World<D> {
    pub(crate) fn new(config: Config, disk: D, files: Vec<SlotFile>, seed: u64) -> World<D> {
        World {
            log: Log::open(config.clone(), files, 0),
            disk,
            now: 0,
            random: Random::new(seed),
            config,
            puts: BTreeMap::new(),
            next_id: 1,
            acked: AckSet::default(),
            tickets: Vec::new(),
            acked_durably: AckSet::default(),
            durable_before: 0,
            read_next: 0,
            reading: false,
            leased: Vec::new(),
            report: None,
            cannot_open: None,
            damage: Vec::new(),
            refused: false,
            closed: false,
            notices: 0,
            large: None,
            done: Vec::new(),
        }
    }

    /// Everything until nothing moves.
    pub(crate) fn pump(&mut self) {
        let mut ticks = 0;
        loop {
            let moved = self.step(usize::MAX) | self.poll();
            if !moved && self.log.deadline().is_some_and(|at| at <= self.now) && ticks < 10 {
                self.log.tick(self.now);
                ticks += 1;
            } else if !moved {
                // An owner that sleeps until the deadline must not wake up for nothing, again and again.
                let deadline = self.log.deadline();
                assert!(deadline.is_none_or(|at| at > self.now), "{deadline:?} is not after {}", self.now);
                return;
            }
        }
    }

    /// Submits at most `count` operations.
    pub(crate) fn step(&mut self, count: usize) -> bool {
        let mut moved = false;
        for _ in 0..count {
            let Some((id, op)) = self.next_op() else { break };
            self.disk.submit(id, op);
            moved = true;
        }
        self.hear();
        moved
    }

    fn next_op(&mut self) -> Option<(OpId, Op<AlignedBuf>)> {
        loop {
            if let Some(op) = self.log.next_op(self.now) {
                return Some(op);
            }
            let (pool, bytes) = self.log.want()?;
            self.log.give(pool, self.disk.buffer(bytes)?);
        }
    }

    pub(crate) fn poll(&mut self) -> bool {
        let mut done = std::mem::take(&mut self.done);
        self.disk.poll(&mut done);
        let moved = !done.is_empty();
        for done in done.drain(..) {
            self.log.complete(done, self.now);
            self.hear();
        }
        self.done = done;
        moved
    }

    /// Time goes on past a few deadlines.
    pub(crate) fn rest(&mut self) {
        for _ in 0..6 {
            self.wait(1 << 40);
            self.pump();
        }
    }

    /// Time goes on to the log's deadline, or by `most`.
    pub(crate) fn wait(&mut self, most: Tick) {
        let at = self.log.deadline().unwrap_or(self.now + most).min(self.now + most);
        self.now = at.max(self.now + 1);
        self.log.tick(self.now);
    }

    fn hear(&mut self) {
        while let Some(notice) = self.log.notice() {
            self.notices += 1;
            match notice {
                Notice::Opened(report) => self.report = Some(*report),
                Notice::CannotOpen(error) => self.cannot_open = Some(error),
                Notice::Durable { before, .. } => {
                    assert!(before > self.durable_before, "durability goes on");
                    let known = self.puts.values().next_back().map_or(0, |put| put.events.end);
                    assert!(before <= known, "only what was put becomes durable");
                    let from = self.durable_before;
                    for put in self.puts.range_mut(from..before).map(|(_, put)| put) {
                        assert!(put.events.end <= before, "a put is durable as a whole");
                        put.durable = true;
                    }
                    self.durable_before = before;
                }
                Notice::AcksDurable { ticket } => {
                    let acked = &mut self.acked_durably;
                    self.tickets.retain(|(of, range)| {
                        if *of <= ticket {
                            acked.insert(range.clone());
                        }
                        *of > ticket
                    });
                }
                Notice::Readable => self.take(),
                Notice::Damage(damage) => self.damage.push(damage),
                Notice::Refused { .. } => self.refused = true,
                Notice::Closed => self.closed = true,
                Notice::Writable | Notice::Poisoned { .. } => {}
            }
        }
    }

    /// Puts `bytes` bytes with `events` events.
    pub(crate) fn put(&mut self, bytes: usize, events: u32) -> Result<(), AppendError> {
        let body = payload(self.next_id, bytes);
        let (head, tail) = body.split_at(body.len() / 3);
        let slices = [IoSlice::new(head), IoSlice::new(tail)];
        let range = self.log.append(&slices, events, self.now)?;
        self.remember(range);
        Ok(())
    }

    fn remember(&mut self, events: Range<u64>) {
        let id = self.next_id;
        self.next_id += 1;
        self.puts.retain(|first, _| *first < events.start);
        self.puts.insert(events.start, Put { id, events, durable: false });
    }

    /// Goes on with a put that arrives in pieces, or begins one.
    pub(crate) fn put_large(&mut self, bytes: usize, events: u32, piece: usize) {
        if self.large.is_none() {
            let body = payload(self.next_id, bytes);
            let Ok(range) = self.log.begin_large(body.len(), events, self.now) else { return };
            let id = self.next_id;
            self.next_id += 1;
            self.large = Some((id, body, 0, range));
        }
        let Some((id, body, at, range)) = &mut self.large else { return };
        let end = (*at + piece).min(body.len());
        *at += self.log.push_large(&body[*at..end], self.now);
        if *at == body.len() {
            let (id, events) = (*id, range.clone());
            self.large = None;
            self.puts.retain(|first, _| *first < events.start);
            self.puts.insert(events.start, Put { id, events, durable: false });
        }
    }

    pub(crate) fn abandon_large(&mut self) {
        self.large = None;
        self.log.abandon_large();
    }

    /// Asks for the next puts.
    pub(crate) fn read(&mut self, max_bytes: u64) {
        if !self.reading && self.log.state() != State::Opening && !self.closed {
            self.reading = true;
            self.log.read(self.read_next, max_bytes);
        }
    }

    fn take(&mut self) {
        let (puts, leased, acked) = (&self.puts, &mut self.leased, &self.acked);
        let next = self.log.take_read(|frame| {
            let id = id_of(frame.payload);
            if acked.covers(&frame.events) {
                return;
            }
            let put = puts.get(&frame.events.start).unwrap_or_else(|| panic!("put {id} was never put"));
            assert_eq!((put.id, &put.events), (id, &frame.events), "another put was delivered");
            leased.push(frame.events);
        });
        if let Some(next) = next {
            self.read_next = next;
            self.reading = false;
        }
    }

    pub(crate) fn ack(&mut self, events: Range<u64>) {
        self.acked.insert(events.clone());
        let ticket = self.log.ack(events.clone(), self.now);
        self.tickets.push((ticket, events));
    }

    /// Reads all that is not acknowledged, from the log's own low watermark on.
    pub(crate) fn drain(&mut self) -> Drained {
        self.try_drain().unwrap_or_else(|| panic!("a read was never answered, state {:?}", self.log.state()))
    }

    /// Reads on until damage is met or everything came.
    pub(crate) fn drain_until_damage(&mut self) -> Drained {
        self.try_drain()
            .unwrap_or_else(|| Drained { damage: std::mem::take(&mut self.damage), ..Drained::default() })
    }

    pub(crate) fn try_drain(&mut self) -> Option<Drained> {
        let mut drained = Drained {
            damage: self.report.iter().flat_map(|r| r.damage.clone()).collect(),
            ..Drained::default()
        };
        let mut next = self.log.acks()?.low();
        while next < self.log.durable_before() {
            self.log.read(next, 4096);
            let mut answered = None;
            for _ in 0..1000 {
                while let Some((id, op)) = self.next_op() {
                    self.disk.submit(id, op);
                }
                let mut done = Vec::new();
                self.disk.poll(&mut done);
                done.into_iter().for_each(|done| self.log.complete(done, self.now));
                let mut readable = false;
                while let Some(notice) = self.log.notice() {
                    match notice {
                        Notice::Readable => readable = true,
                        Notice::Damage(damage) => self.damage.push(damage),
                        Notice::AcksDurable { .. } | Notice::Durable { .. } => {}
                        _ => {}
                    }
                }
                if readable {
                    let puts = &mut drained.puts;
                    answered = self.log.take_read(|frame| puts.push((frame.events, id_of(frame.payload))));
                }
                if answered.is_some() {
                    break;
                }
            }
            let answer = answered?;
            assert!(answer > next, "a read goes on: asked for {next}, told to ask for {answer}");
            next = answer;
        }
        while let Some(notice) = self.log.notice() {
            if let Notice::Damage(damage) = notice {
                self.damage.push(damage);
            }
        }
        drained.damage.append(&mut self.damage);
        let acks = self.log.acks()?;
        let damaged: Vec<_> = drained.damage.iter().map(|damage| damage.events.clone()).collect();
        drained.puts.retain(|(events, _)| {
            acks.missing(events.clone()).next().is_some() || damaged.iter().any(|d| overlap(d, events))
        });
        Some(drained)
    }

    /// After opening: everything promised is there, nothing else is. Then the oracle goes on from what was found.
    pub(crate) fn check_reopened(&mut self, damage_allowed: bool) -> Drained {
        assert_eq!(self.cannot_open, None);
        let report = self.report.clone().expect("the log is open");
        let drained = self.drain();
        let mut found: BTreeMap<u64, u64> = BTreeMap::new();
        let mut last = 0;
        for (events, id) in &drained.puts {
            assert!(events.start >= last, "puts come in order, each once: {events:?} after {last}");
            last = events.end;
            let put =
                self.puts.get(&events.start).unwrap_or_else(|| panic!("phantom put {id} at {events:?}"));
            assert_eq!((put.id, &put.events), (*id, events), "another put is where this one was");
            found.insert(events.start, *id);
        }
        for damage in &drained.damage {
            let hit = self.puts.range(..damage.events.end).filter(|(_, put)| {
                put.durable && overlap(&damage.events, &put.events) && !self.acked.covers(&put.events)
            });
            if !damage_allowed {
                assert!(hit.count() == 0, "durable events are reported as damaged: {damage:?}");
            }
        }
        for put in self.puts.values().filter(|put| put.durable) {
            assert!(report.next_event >= put.events.end, "event numbers are not given twice");
            let named = drained.damage.iter().any(|damage| overlap(&damage.events, &put.events));
            let owed = self.acked.missing(put.events.clone()).next().is_some() && !(damage_allowed && named);
            if owed {
                assert!(
                    found.contains_key(&put.events.start),
                    "durable put {} {:?} is lost",
                    put.id,
                    put.events
                );
            }
            if !damage_allowed && self.acked_durably.covers(&put.events) {
                assert!(
                    !found.contains_key(&put.events.start),
                    "put {} came again after a durable ack",
                    put.id
                );
            }
        }
        self.puts
            .retain(|first, put| found.contains_key(first) || put.durable && self.acked.covers(&put.events));
        self.puts.values_mut().for_each(|put| put.durable = true);
        self.durable_before = self.log.durable_before();
        self.acked = self.log.acks().expect("open").clone();
        let acked = self.acked.clone();
        self.puts.retain(|_, put| acked.missing(put.events.clone()).next().is_some());
        self.tickets.clear();
        self.acked_durably = AckSet::default();
        self.read_next = self.acked.low();
        self.reading = false;
        self.leased.clear();
        self.large = None;
        drained
    }
}

pub(crate) fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

impl<D: Sim> World<D> {
    /// Opens a log on what a crash left. The oracle stays.
    pub(crate) fn reopen(&mut self, disk: D) {
        self.disk = disk;
        let salt = self.random.number();
        let config = Config { salt, ..self.config.clone() };
        let files = self.disk.sim().slots();
        self.log = Log::open(config, files, self.now);
        self.report = None;
        self.closed = false;
        self.refused = false;
        self.damage.clear();
    }
}

/// Opens a log in an image and reads everything: what recovery makes of it.
pub(crate) fn recover(image: &Image, config: &Config, salt: u64) -> World<SimDisk> {
    let disk = SimDisk::from_image(tiny_sim(None), image);
    let files = disk.slots();
    let config = Config { salt, ..config.clone() };
    let mut world = World::new(config, disk, files, salt);
    world.pump();
    world
}
