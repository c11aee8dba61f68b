//! Whatever a file holds, it is read or refused, without a panic and in memory that its length bounds.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gc_inspect::{ReadError, Snapshot, pprof::Samples};

use crate::support::{
    planted::planted,
    writer::{OTHER, V8},
};

/// Mutations of each kind of file.
const ROUNDS: usize = 20_000;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// What replaces a number, or is put in anywhere.
const PIECES: [&str; 16] = [
    "0",
    "1",
    "7",
    "14",
    "-1",
    "2.5",
    "1e9",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "\"\"",
    "null",
    "[",
    "{}",
    "\u{0}",
];

/// Ranges of what is digits throughout.
fn numbers(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut numbers = Vec::new();
    let mut begin = None;
    for (at, byte) in bytes.iter().enumerate() {
        match (byte.is_ascii_digit(), begin) {
            (true, None) => begin = Some(at),
            (false, Some(from)) => {
                numbers.push((from, at));
                begin = None;
            }
            _ => {}
        }
    }
    numbers
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    match random.below(7) {
        0 => bytes.truncate(random.below(bytes.len())),
        1 => {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        // A number becomes another.
        2 | 3 => {
            let numbers = numbers(bytes);
            if !numbers.is_empty() {
                let (begin, end) = numbers[random.below(numbers.len())];
                bytes.splice(begin..end, PIECES[random.below(PIECES.len())].bytes());
            }
        }
        // Two pieces of the same length change places.
        4 => {
            let length = 1 + random.below(12);
            if bytes.len() > 2 * length {
                let (one, two) = (random.below(bytes.len() - length), random.below(bytes.len() - length));
                for at in 0..length {
                    bytes.swap(one + at, two + at);
                }
            }
        }
        5 => {
            let at = random.below(bytes.len());
            bytes.splice(at..at, PIECES[random.below(PIECES.len())].bytes());
        }
        // A piece is gone.
        _ => {
            let begin = random.below(bytes.len());
            let end = (begin + 1 + random.below(40)).min(bytes.len());
            bytes.drain(begin..end);
        }
    }
    if bytes.is_empty() {
        bytes.push(b'{');
    }
}

/// How many mutants were refused. One that was read has to be of use to its end.
fn refused(valid: &[Vec<u8>], seed: u64, mut read: impl FnMut(&[u8]) -> Result<(), ReadError>) -> usize {
    let mut random = Random(seed);
    let mut refused = 0;
    for round in 0..ROUNDS {
        let mut bytes = valid[round % valid.len()].clone();
        for _ in 0..=random.below(3) {
            mutate(&mut bytes, &mut random);
        }
        match catch_unwind(AssertUnwindSafe(|| read(&bytes))) {
            Ok(Ok(())) => {}
            Ok(Err(ReadError::Damaged(damage))) => {
                assert!(!damage.expected.is_empty() && !damage.found.is_empty() && !damage.advice.is_empty());
                assert!(damage.offset <= 100_000, "{damage}");
                refused += 1;
            }
            Ok(Err(error)) => panic!("round {round}: {error}"),
            Err(_) => panic!("round {round} panics with {:?}", String::from_utf8_lossy(&bytes)),
        }
    }
    refused
}

#[test]
fn no_snapshot_makes_the_reader_panic() {
    let files = [(2, 5), (5, 20), (0, 0)].map(|(sessions, others)| planted(sessions, others).file);
    let mut valid: Vec<Vec<u8>> = files.iter().map(|file| file.text_with(&OTHER, &V8_EDGES).into_bytes()).collect();
    valid.extend(files.iter().map(|file| file.text_with(&V8, &V8_EDGES).into_bytes()));
    let refused = refused(&valid, 0x5eed, |bytes| {
        let snapshot = Snapshot::from_reader(bytes)?;
        let total = snapshot.total_size();
        let nodes: u64 = (0..snapshot.node_count()).map(|index| snapshot.node(index).size).sum();
        assert_eq!(nodes, total);
        let edges: usize = (0..snapshot.node_count()).map(|index| snapshot.edges(index).len()).sum();
        assert_eq!(edges, snapshot.edge_count());
        let of_root = snapshot.node(0).size;
        let graph = snapshot.into_graph()?;
        let dominators = graph.dominators();
        assert!(graph.nodes().all(|node| dominators.retained(node) <= total));
        assert_eq!(graph.by_type().iter().map(|of| of.total()).sum::<u64>() + of_root, total);
        let _ = dominators.retained_by_type();
        Ok(())
    });
    // If nearly all were refused, what is read after damage would not be tested; if few were, not much was damaged.
    assert!((ROUNDS / 4..ROUNDS * 99 / 100).contains(&refused), "{refused} of {ROUNDS} were refused");
}

const V8_EDGES: [&str; 3] = ["type", "name_or_index", "to_node"];

#[test]
fn no_profile_makes_the_reader_panic() {
    use std::io::Read;
    let compressed = crate::profile::written(&crate::profile::profile());
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&compressed[..]).read_to_end(&mut plain).unwrap();
    let refused = refused(&[compressed, plain.clone(), plain], 0xfeed, |bytes| {
        let samples = Samples::from_reader(bytes)?;
        for sample in &samples.samples {
            assert_eq!(sample.values.len(), samples.types.len());
            assert!(sample.stack.iter().all(|&frame| (frame as usize) < samples.frames.len()));
        }
        assert!(samples.shown_first < samples.types.len());
        Ok(())
    });
    assert!((ROUNDS / 4..ROUNDS * 99 / 100).contains(&refused), "{refused} of {ROUNDS} were refused");
}

/// Counts in the header reserve no memory that the file is too short to fill.
#[test]
fn counts_are_not_believed() {
    let text = planted(2, 5).file.text();
    let (before, rest) = text.split_once("\"node_count\":").unwrap();
    let (_, after) = rest.split_once("},").unwrap();
    let lie = format!("{before}\"node_count\":4294967294,\"edge_count\":4294967294}},{after}");
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("lie.heapsnapshot");
    std::fs::write(&path, lie).unwrap();
    let began = peak();
    assert!(Snapshot::open(&path).unwrap_err().damage().unwrap().expected.contains("4294967294 nodes"));
    assert!(Snapshot::from_reader(std::fs::File::open(&path).unwrap()).is_err());
    // 100 GiB would be reserved. What other tests use meanwhile is less.
    assert!(peak() - began < 1 << 20, "{} KiB more", peak() - began);
}

/// The most address space that the process has had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
