//! Nanoseconds of an operation.

use super::{
    contestants::{Contestant, NAMES, Times, make, shuffled},
    java::Java,
    keys::{Zipf, operations},
    median, print_head, print_row,
};

const JAVA: &str = "Java";

/// Compiles what Java runs.
fn warm_up(java: &mut Java) {
    for threads in [1, 2, 2] {
        let work: Vec<_> = (1..=threads).map(|thread| operations(10_000, 50, None, thread, 500_000)).collect();
        java.fill(&mut shuffled(10_000));
        java.run(&work);
    }
}

pub fn measure(quick: bool) {
    let sizes: &[u64] = if quick { &[1_000, 10_000] } else { &[1_000, 10_000, 100_000, 1_000_000] };
    let (count, rounds) = if quick { (20_000, 1) } else { (200_000, 9) };
    let mut names = NAMES.to_vec();
    let mut java = Java::start().map_err(|error| eprintln!("Java takes no part: {error}")).ok();
    if let Some(java) = &mut java {
        names.push(JAVA);
        warm_up(java);
    }
    for &entries in sizes {
        let rounds = if entries > 100_000 { rounds / 2 } else { rounds };
        let law = Zipf::new(entries);
        for threads in [1, 2] {
            let what = format!("{entries} entries, {threads} thr.");
            print_head(&what, names.iter().map(|name| (*name).to_owned()));
            for zipf in [None, Some(&law)] {
                for reads in [100, 95, 80, 50] {
                    let work: Vec<_> =
                        (1..=threads).map(|thread| operations(entries, reads, zipf, thread, count)).collect();
                    let mut times: Vec<Vec<Times>> = vec![Vec::new(); names.len()];
                    for _ in 0..rounds {
                        for (name, times) in names.iter().zip(&mut times) {
                            // A new map each time: some get slower by what is removed.
                            let mut made = (*name != JAVA).then(|| make(name));
                            let map: &mut dyn Contestant = match (&mut made, &mut java) {
                                (Some(map), _) => &mut **map,
                                (None, Some(java)) => java,
                                (None, None) => unreachable!("Java takes part if it was started"),
                            };
                            map.fill(&mut shuffled(entries));
                            times.push(map.run(&work));
                        }
                    }
                    let each = |times: &mut Vec<Times>| {
                        let per = |time: fn(&Times) -> f64| {
                            let mut all: Vec<f64> = times.iter().map(time).collect();
                            median(&mut all) / count as f64
                        };
                        let (wall, processor) = (
                            per(|time| time.wall.as_nanos() as f64),
                            per(|time| time.processor.as_nanos() as f64) / f64::from(threads),
                        );
                        format!("{wall:.1} ({processor:.1})")
                    };
                    let keys = if zipf.is_some() { "Zipf" } else { "uniform" };
                    print_row(&format!("{keys}, {reads} % reads"), times.iter_mut().map(each));
                }
            }
        }
    }
}
