//! Single operations.

use super::{
    contestants::{NAMES, make, shuffled},
    keys::{Zipf, operations},
    median, print_head, print_row,
};

/// One of so many operations is timed.
const EVERY: usize = 16;

pub fn measure(quick: bool) {
    let (entries, count, rounds) = if quick { (10_000, 20_000, 1) } else { (1_000_000, 2_000_000, 3) };
    let law = Zipf::new(entries);
    let mut maps: Vec<_> = NAMES.iter().map(|name| make(name)).collect();
    for zipf in [None, Some(&law)] {
        let work: Vec<_> = (1..=2).map(|thread| operations(entries, 80, zipf, thread, count)).collect();
        maps.iter_mut().for_each(|map| map.fill(&mut shuffled(entries)));
        let mut figures = vec![vec![Vec::new(); 4]; maps.len()];
        for _ in 0..rounds {
            for (map, figures) in maps.iter_mut().zip(&mut figures) {
                let mut times = map.sample(&work, EVERY);
                times.sort_unstable();
                let at = |part: f64| f64::from(times[((times.len() - 1) as f64 * part) as usize]);
                let found = [at(0.5), at(0.99), at(0.999), at(1.0)];
                figures.iter_mut().zip(found).for_each(|(all, one)| all.push(one));
            }
        }
        let keys = if zipf.is_some() { "Zipf" } else { "uniform" };
        let head = ["p50 ns", "p99 ns", "p99.9 ns", "worst µs"].map(str::to_owned);
        print_head(&format!("{entries}, 2 thr., {keys}, 80 %"), head);
        for (name, figures) in NAMES.iter().zip(&mut figures) {
            let figure = |at: usize, all: &mut Vec<f64>| median(all) / if at == 3 { 1000.0 } else { 1.0 };
            print_row(name, figures.iter_mut().enumerate().map(|(at, all)| format!("{:.0}", figure(at, all))));
        }
    }
}
