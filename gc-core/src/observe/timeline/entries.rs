//! The entries of a timeline's file: slices, counters, instant events and the names of tracks, by
//! time.

use std::{
    collections::HashMap,
    fmt::Write as _,
    io,
    thread::{Thread, ThreadId},
    time::{Duration, Instant},
};

use crate::{Collect, Event, Step};

use super::{
    Record,
    json::{Micros, Text},
};

/// Nanoseconds since the timeline was made.
type Nanos = i64;

/// One entry of the file, without its time.
struct Entry {
    at: Nanos,
    kind: Kind,
    /// `args`, complete, or empty.
    args: String,
}

enum Kind {
    /// A slice of a track, of some length.
    Slice { name: String, track: u64, length: Nanos },
    /// A counter of bytes.
    Counter { name: String },
    /// Something at a moment.
    Instant { name: &'static str, track: u64 },
}

impl Entry {
    /// What lies at the same time and is longer comes first: it holds the rest.
    fn order(&self) -> (Nanos, core::cmp::Reverse<Nanos>) {
        let length = match self.kind {
            Kind::Slice { length, .. } => length,
            Kind::Counter { .. } | Kind::Instant { .. } => 0,
        };
        (self.at, core::cmp::Reverse(length))
    }
}

/// The tracks of a file: numbers of threads for the viewer. None is the number of the process,
/// which would be its main thread.
#[derive(Default)]
struct Tracks {
    threads: HashMap<ThreadId, u64>,
    heaps: HashMap<u64, u64>,
    /// In the order of their numbers.
    names: Vec<String>,
}

impl Tracks {
    fn add(&mut self, name: String) -> u64 {
        self.names.push(name);
        self.names.len() as u64 - 1
    }

    fn thread(&mut self, thread: &Thread) -> u64 {
        if let Some(&track) = self.threads.get(&thread.id()) {
            return track;
        }
        let track = self.add(match thread.name() {
            Some(name) => name.to_owned(),
            None => format!("{:?}", thread.id()),
        });
        self.threads.insert(thread.id(), track);
        track
    }

    fn heap(&mut self, record: &Record) -> u64 {
        let number = record.heap.number;
        if let Some(&track) = self.heaps.get(&number) {
            return track;
        }
        let track = self.add(format!("gc {}", record.heap.name));
        self.heaps.insert(number, track);
        track
    }
}

/// A complete major cycle, and the pauses of it between which weak references are cleared.
struct Cycle<'a> {
    record: &'a Record,
    number: u64,
    start: Nanos,
    marking: Nanos,
    sweeping: Nanos,
}

/// Returns the entries of a file, by time.
fn entries(records: &[Record], origin: Instant) -> (Tracks, Vec<Entry>) {
    let mut tracks = Tracks::default();
    let mut entries = Vec::new();
    let mut cycles = Vec::new();
    // By heap and cycle: when the pause ended after which clearing began, and when the pause began that ended marking.
    let (mut clears, mut finishes) = (HashMap::new(), HashMap::new());
    for record in records {
        match &record.event {
            Event::FullCollection { cycle, start, marking, sweeping, .. } => cycles.push(Cycle {
                record,
                number: *cycle,
                start: since(*start, origin),
                marking: nanos(*marking),
                sweeping: nanos(*sweeping),
            }),
            Event::Pause { step, cycle, start, pause, .. } => {
                let (at, end) = (since(*start, origin), since(*start, origin) + nanos(*pause));
                match (step, cycle) {
                    (Step::Clear, Some(cycle)) => drop(clears.insert((record.heap.number, *cycle), end)),
                    (Step::Finish, Some(cycle)) => drop(finishes.insert((record.heap.number, *cycle), at)),
                    _ => {}
                }
                add_pause(record, origin, &mut tracks, &mut entries);
            }
            event => entries.push(Entry {
                at: since(record.at, origin),
                kind: Kind::Instant { name: name_of(event), track: tracks.heap(record) },
                args: format!("{{\"text\":{}}}", Text(&event.to_string())),
            }),
        }
    }
    cycles.sort_by_key(|cycle| (cycle.record.heap.number, cycle.number));
    let mut last: Option<(u64, Nanos)> = None;
    for cycle in &cycles {
        let heap = cycle.record.heap.number;
        let after = last.filter(|(of, _)| *of == heap).map_or(Nanos::MIN, |(_, end)| end);
        let clearing = clears.get(&(heap, cycle.number)).zip(finishes.get(&(heap, cycle.number)));
        let end = add_cycle(cycle, after, clearing.map(|(&from, &to)| (from, to)), &mut tracks, &mut entries);
        last = Some((heap, end));
    }
    entries.sort_by_key(Entry::order);
    (tracks, entries)
}

/// Writes the file.
pub(super) fn write(
    records: &[Record],
    dropped: u64,
    origin: Instant,
    process: u32,
    out: &mut impl io::Write,
) -> io::Result<()> {
    let (tracks, entries) = entries(records, origin);
    write!(out, "{{\"displayTimeUnit\":\"ms\",\"otherData\":{{\"dropped_events\":{dropped}}},\"traceEvents\":[")?;
    let first = u64::from(process) + 1;
    let mut separator = "\n";
    for (track, name) in tracks.names.iter().enumerate() {
        let (track, name) = (first + track as u64, Text(name));
        write!(
            out,
            "{separator}{{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":{process},\"tid\":{track},\"args\":{{\"name\":{name}}}}}"
        )?;
        separator = ",\n";
    }
    for Entry { at, kind, args } in &entries {
        write!(out, "{separator}{{\"cat\":\"gc\",\"ts\":{},\"pid\":{process},", Micros(*at))?;
        separator = ",\n";
        match kind {
            Kind::Slice { name, track, length } => {
                let (name, tid, length) = (Text(name), first + track, Micros(*length));
                write!(out, "\"ph\":\"X\",\"name\":{name},\"tid\":{tid},\"dur\":{length}")?;
            }
            Kind::Counter { name } => write!(out, "\"ph\":\"C\",\"name\":{}", Text(name))?,
            Kind::Instant { name, track } => {
                write!(out, "\"ph\":\"i\",\"s\":\"t\",\"name\":{},\"tid\":{}", Text(name), first + track)?;
            }
        }
        write!(out, ",\"args\":{args}}}")?;
    }
    out.write_all(b"\n]}\n")
}

/// Adds a pause with the stop of the world in it, and the sizes before and after.
fn add_pause(record: &Record, origin: Instant, tracks: &mut Tracks, entries: &mut Vec<Entry>) {
    let Event::Pause {
        collected,
        cause,
        step,
        cycle,
        start,
        led_by,
        pause,
        before,
        after,
        old_before,
        old_after,
        time_to_safepoint,
        last,
        copied,
        promoted,
        remembered,
        registered,
        queued,
        ..
    } = &record.event
    else {
        return;
    };
    let (at, length, track) = (since(*start, origin), nanos(*pause), tracks.thread(led_by));
    let name = match (step, collected) {
        (Step::Whole, Collect::Young) => "minor",
        (Step::Whole, _) => "minor, promoting all",
        (Step::Begin, _) => "begin marking",
        (Step::Clear, _) => "begin clearing",
        (Step::Finish, _) => "end marking",
    };
    let mut args = format!(
        "{{\"heap\":{},\"collected\":\"{collected}\",\"cause\":\"{cause}\",\"step\":\"{step}\",\"before\":{before},\
         \"after\":{after},\"copied\":{copied},\"promoted\":{promoted},\"remembered\":{remembered},\
         \"registered\":{registered},\"queued\":{queued}",
        Text(&record.heap.name)
    );
    if let Some(cycle) = cycle {
        let _ = write!(args, ",\"cycle\":{cycle}");
    }
    args.push('}');
    entries.push(Entry { at, kind: Kind::Slice { name: name.to_owned(), track, length }, args });
    let waited = nanos(*time_to_safepoint).min(length);
    let args = match last {
        Some(last) => format!("{{\"waited_for\":{}}}", Text(last)),
        None => "{}".to_owned(),
    };
    let stop = Kind::Slice { name: "time to safepoint".to_owned(), track, length: waited };
    entries.push(Entry { at, kind: stop, args });
    add_sizes(record, at, Some(before.saturating_sub(*old_before)), *old_before, entries);
    add_sizes(record, at + length, Some(after.saturating_sub(*old_after)), *old_after, entries);
}

/// Adds the bytes of objects by generation.
fn add_sizes(record: &Record, at: Nanos, young: Option<usize>, old: usize, entries: &mut Vec<Entry>) {
    for (generation, bytes) in [("young", young), ("old", Some(old))] {
        let Some(bytes) = bytes else { continue };
        let kind = Kind::Counter { name: format!("{} {generation} bytes", record.heap.name) };
        entries.push(Entry { at, kind, args: format!("{{\"bytes\":{bytes}}}") });
    }
}

/// Adds a major cycle that is drawn no earlier than `after` ([timeline.nests]). `clearing`: from
/// when to when weak references were cleared. Returns where it ends.
fn add_cycle(
    cycle: &Cycle<'_>,
    after: Nanos,
    clearing: Option<(Nanos, Nanos)>,
    tracks: &mut Tracks,
    entries: &mut Vec<Entry>,
) -> Nanos {
    let Event::FullCollection { cause, pause, before, after: left, promoted, snapshot, assist, .. } =
        &cycle.record.event
    else {
        return after;
    };
    let track = tracks.heap(cycle.record);
    let (marked, swept) = (cycle.start + cycle.marking, cycle.start + cycle.marking + cycle.sweeping);
    let [start, marked, swept] = [cycle.start, marked, swept].map(|at| at.max(after));
    let args = format!(
        "{{\"cycle\":{},\"cause\":\"{cause}\",\"before\":{before},\"after\":{left},\"promoted\":{promoted},\
         \"satb_entries\":{snapshot},\"pauses_us\":{},\"assist_us\":{},\"marking_us\":{},\"sweeping_us\":{}}}",
        cycle.number,
        Micros(nanos(*pause)),
        Micros(nanos(*assist)),
        Micros(cycle.marking),
        Micros(cycle.sweeping)
    );
    let mut add = |name: String, from: Nanos, to: Nanos, args: String| {
        entries.push(Entry { at: from, kind: Kind::Slice { name, track, length: to - from }, args });
    };
    add(format!("major cycle {}", cycle.number), start, swept, args);
    add("marking".to_owned(), start, marked, "{}".to_owned());
    if let Some((from, to)) = clearing {
        let (from, to) = (from.clamp(start, marked), to.clamp(start, marked));
        add("clearing".to_owned(), from, to.max(from), "{}".to_owned());
    }
    add("sweeping".to_owned(), marked, swept, "{}".to_owned());
    add_sizes(cycle.record, swept, None, *left, entries);
    swept
}

/// Returns the name of an instant event.
fn name_of(event: &Event) -> &'static str {
    match event {
        Event::Pause { .. } => "pause",
        Event::FullCollection { .. } => "full collection",
        Event::DestructorsBehind { .. } => "destructors behind",
        Event::DestructorSlow { .. } => "destructor slow",
        Event::HeldByRoots { .. } => "held by roots",
        Event::EndsAlone { .. } => "ends alone",
        Event::DestructorPanicked { .. } => "destructor panicked",
        Event::Late { .. } => "late for a safepoint",
        Event::CountedBehind { .. } => "counted behind",
        Event::QueuesBehind { .. } => "queues behind",
        Event::NoHelper { .. } => "no worker",
        Event::SoftLimit { .. } => "soft limit",
        Event::LimitReached { .. } => "limit reached",
    }
}

fn nanos(time: Duration) -> Nanos {
    Nanos::try_from(time.as_nanos()).unwrap_or(Nanos::MAX / 4)
}

/// Returns the time from `origin` to `at`, which is negative if that was earlier.
fn since(at: Instant, origin: Instant) -> Nanos {
    match at.checked_duration_since(origin) {
        Some(time) => nanos(time),
        None => -nanos(origin - at),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::HeapName, *};
    use crate::{Cause, sync::Arc};

    fn record(event: Event, origin: Instant) -> Record {
        let heap = Arc::new(HeapName { number: 0, name: "main".to_owned() });
        Record { at: origin, heap, event }
    }

    /// A record of a pause of 10 microseconds, which the stop takes, from this one on.
    fn pause(step: Step, start: u64, origin: Instant) -> Record {
        let event = Event::Pause {
            collected: Collect::Promote,
            cause: Cause::Explicit,
            step,
            cycle: Some(1),
            start: origin + Duration::from_micros(start),
            led_by: std::thread::current(),
            pause: Duration::from_micros(10),
            before: 0,
            after: 0,
            old_before: 0,
            old_after: 0,
            time_to_safepoint: Duration::from_micros(10),
            last: None,
            copied: 0,
            promoted: 0,
            remembered: 0,
            waiting: 0,
            registered: 0,
            queued: 0,
        };
        record(event, origin)
    }

    /// A record of a full collection, in microseconds.
    fn cycle(cycle: u64, start: u64, marking: u64, sweeping: u64, origin: Instant) -> Record {
        let event = Event::FullCollection {
            cause: Cause::Explicit,
            cycle,
            start: origin + Duration::from_micros(start),
            ended_by: std::thread::current(),
            pause: Duration::from_micros(10),
            concurrent: Duration::ZERO,
            assist: Duration::ZERO,
            marking: Duration::from_micros(marking),
            sweeping: Duration::from_micros(sweeping),
            before: 0,
            after: 0,
            promoted: 0,
            snapshot: 0,
            registered: 0,
            queued: 0,
        };
        record(event, origin)
    }

    /// The slices: name, start and end in microseconds.
    fn slices(records: &[Record], origin: Instant) -> Vec<(String, i64, i64)> {
        let slice = |entry: Entry| match entry.kind {
            Kind::Slice { name, length, .. } => Some((name, entry.at / 1000, (entry.at + length) / 1000)),
            Kind::Counter { .. } | Kind::Instant { .. } => None,
        };
        entries(records, origin).1.into_iter().filter_map(slice).collect()
    }

    /// The second cycle begins in a pause during which the first one was still swept, and is told
    /// first.
    #[test]
    fn cycles_that_overlap_are_drawn_one_after_the_other() {
        let origin = Instant::now();
        let records = [cycle(2, 145, 20, 30, origin), cycle(3, 100, 10, 10, origin), cycle(1, 100, 40, 10, origin)];
        let drawn = slices(&records, origin);
        let expected = [
            ("major cycle 1", 100, 150),
            ("marking", 100, 140),
            ("sweeping", 140, 150),
            ("major cycle 2", 150, 195),
            ("marking", 150, 165),
            ("sweeping", 165, 195),
            // It ended in the pause that began it, while the second one was swept.
            ("major cycle 3", 195, 195),
            ("marking", 195, 195),
            ("sweeping", 195, 195),
        ];
        assert_eq!(drawn, expected.map(|(name, from, to)| (name.to_owned(), from, to)));
    }

    /// A stop that takes all of a pause lies in it, and clearing lies between its two pauses,
    /// whatever came first.
    #[test]
    fn what_is_longer_is_around_what_is_shorter() {
        let origin = Instant::now();
        let records = [cycle(1, 0, 100, 5, origin), pause(Step::Finish, 90, origin), pause(Step::Clear, 30, origin)];
        let drawn = slices(&records, origin);
        let expected = [
            ("major cycle 1", 0, 105),
            ("marking", 0, 100),
            ("begin clearing", 30, 40),
            ("time to safepoint", 30, 40),
            ("clearing", 40, 90),
            ("end marking", 90, 100),
            ("time to safepoint", 90, 100),
            ("sweeping", 100, 105),
        ];
        assert_eq!(drawn, expected.map(|(name, from, to)| (name.to_owned(), from, to)));
    }
}
