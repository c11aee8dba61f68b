//! Each insertion into a map that grows.

use super::{
    contestants::{NAMES, make},
    print_head, print_row,
};

/// Beside another thread the longest insertion is often the scheduler's: so a time is the least of some rounds, and the longest one of a round is shown as well.
pub fn measure(quick: bool) {
    let (keys, rounds) = if quick { (20_000, 1) } else { (10_000_000, 3) };
    let head = ["p50 ns", "p99.9 ns", "longest µs", "of one round µs"].map(str::to_owned);
    print_head(&format!("{keys} insertions"), head);
    for name in NAMES.iter().filter(|name| **name != "papaya, reused") {
        let mut least = vec![u32::MAX; keys];
        let mut longest = Vec::new();
        for _ in 0..rounds {
            let mut worst = 0;
            let mut map = make(name);
            map.time_each(keys as u64, &mut |key, time| {
                least[key] = least[key].min(time);
                worst = worst.max(time);
            });
            longest.push(worst);
        }
        least.sort_unstable();
        let at = |part: f64| f64::from(least[((least.len() - 1) as f64 * part) as usize]);
        longest.sort_unstable();
        let of_one = f64::from(longest[rounds / 2]) / 1000.0;
        let figures = [format!("{:.0}", at(0.5)), format!("{:.0}", at(0.999)), format!("{:.1}", at(1.0) / 1000.0)];
        print_row(name, figures.into_iter().chain([format!("{of_one:.1}")]));
    }
}
