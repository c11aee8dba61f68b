//! Growth between censuses, and types that grow with each of them, by chance against a plain history.

use std::collections::BTreeMap;

use gc_core::{
    Mutator, Root,
    observe::{Census, Leaks},
};
use gc_tests::{heaps::calm, random::Random, sizes::part};

/// Roots to objects of several types, and how many there are of each.
#[derive(Default)]
struct Kept {
    bytes: Vec<Root<gc_core::Gc<'static, u8>>>,
    words: Vec<Root<gc_core::Gc<'static, u64>>>,
    slices: Vec<Root<gc_core::Gc<'static, [u64]>>>,
}

impl Kept {
    fn change(&mut self, m: &Mutator, random: &mut Random) {
        fn to<T>(kept: &mut Vec<T>, len: usize, new: impl FnMut() -> T) {
            kept.resize_with(len, new);
        }
        let mut below = |n| random.below(n) as usize;
        to(&mut self.bytes, below(5), || m.root(m.alloc(1_u8)));
        if below(2) == 0 {
            to(&mut self.words, below(9), || m.root(m.alloc(1_u64)));
        }
        // Grows nearly always.
        let more = usize::from(below(8) > 0);
        let len = (self.slices.len() + more) % 7;
        to(&mut self.slices, len, || m.root(m.alloc_slice_copy(&[1_u64; 10])));
    }

    fn bytes(&self) -> BTreeMap<&'static str, usize> {
        [("u8", 16 * self.bytes.len()), ("u64", 16 * self.words.len()), ("[u64]", 96 * self.slices.len())].into()
    }
}

#[test]
fn growth_is_the_difference_of_what_is_alive() {
    for seed in part(0..30) {
        let heap = calm().build().unwrap();
        let mut m = heap.attach().unwrap();
        let (mut kept, mut random) = (Kept::default(), Random::new(seed));
        let mut before = (Census::take(&mut m), kept.bytes());
        for _ in 0..10 {
            kept.change(&m, &mut random);
            let after = (Census::take(&mut m), kept.bytes());
            let changes = after.0.changes(&before.0);
            assert!(changes.is_sorted_by_key(|change| -change.bytes()), "{changes:?}");
            let found: BTreeMap<_, _> = changes.iter().map(|change| (change.name, change.bytes())).collect();
            let difference = |name| after.1[name] as isize - before.1[name] as isize;
            let expected = after.1.keys().map(|&name| (name, difference(name))).filter(|change| change.1 != 0);
            assert_eq!(found, expected.collect(), "seed {seed}");
            let grown: Vec<_> = after.0.growth(&before.0).iter().map(|growth| growth.name).collect();
            let expected: Vec<_> = changes.iter().filter(|change| change.bytes() > 0).map(|c| c.name).collect();
            assert_eq!(grown, expected, "seed {seed}");
            before = after;
        }
    }
}

#[test]
fn suspects_are_what_has_grown_each_time() {
    let mut suspected = 0;
    for seed in part(0..30) {
        let heap = calm().build().unwrap();
        let mut m = heap.attach().unwrap();
        let (mut kept, mut random) = (Kept::default(), Random::new(seed));
        let times = 1 + random.below(4) as usize;
        let mut leaks = Leaks::over(times);
        let mut history: Vec<BTreeMap<&str, usize>> = Vec::new();
        for _ in 0..20 {
            kept.change(&m, &mut random);
            history.push(kept.bytes());
            leaks.observe(&mut m);
            let last = &history[history.len().saturating_sub(times + 1)..];
            let grows = |name: &&str| last.windows(2).all(|two| two[1][name] > two[0][name]);
            let mut expected: Vec<&str> =
                last[0].keys().copied().filter(|name| last.len() > times && grows(name)).collect();
            let report = leaks.report();
            let mut found: Vec<&str> = report.suspects().iter().map(|suspect| suspect.name).collect();
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected, "seed {seed}: {report}");
            for suspect in report.suspects() {
                let amounts: Vec<usize> = suspect.amounts.iter().map(|amount| amount.bytes).collect();
                assert_eq!(amounts, last.iter().map(|bytes| bytes[suspect.name]).collect::<Vec<_>>());
                let each = (amounts[times] - amounts[0]) as f64 / times as f64;
                assert!((suspect.bytes_each_time() - each).abs() < 1e-9);
                suspected += 1;
            }
        }
    }
    assert!(suspected > 10, "{suspected}");
}
