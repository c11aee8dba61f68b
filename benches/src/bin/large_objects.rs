//! Windows of 64 MiB of large objects beside boxes: `large_objects [BYTES…]`, 8192, 12288, 16384 and 61440 by default.
//!
//! A window is pushed full three times, and then 20 times more, in five turns with boxes. Printed for each size: nanoseconds and page
//! faults of a push, the longest push, and the ratio of the times. All are those of the median turn by time.

use std::time::Instant;

use gc_benches::clock::page_faults;
use gc_core::{Heap, Slot};

const WINDOW: usize = 64 << 20;
const ROUNDS: usize = 20;
const TURNS: usize = 5;

/// Nanoseconds and page faults of a push, and the milliseconds of the longest one.
type Figures = [f64; 3];

/// Pushes by `push` (index, source), which returns a byte of what was there.
fn pushes(size: usize, mut push: impl FnMut(usize, &[u8]) -> u64) -> Figures {
    let (len, source) = (WINDOW / size, vec![1_u8; size]);
    let mut sum = 0;
    for n in 0..3 * len {
        sum += push(n % len, &source);
    }
    let (count, faults, start) = (ROUNDS * len, page_faults(), Instant::now());
    let (mut last, mut worst) = (start, 0.0_f64);
    for n in 0..count {
        sum += push(n % len, &source);
        let now = Instant::now();
        worst = worst.max((now - last).as_secs_f64());
        last = now;
    }
    let (time, faults) = (start.elapsed(), page_faults() - faults);
    assert_eq!(sum, ((ROUNDS + 2) * len) as u64, "the bytes that were pushed");
    [time.as_nanos() as f64 / count as f64, faults as f64 / count as f64, worst * 1e3]
}

fn ours(size: usize) -> Figures {
    let heap = Heap::builder().build().expect("a heap");
    let mut m = heap.attach().expect("the only mutator");
    let window = m.root(m.alloc_slice_with(WINDOW / size, |_| Slot::<[u8]>::null()));
    pushes(size, |n, source| {
        let slot = &window.get(&m)[n];
        let old = slot.get().map_or(0, |old| u64::from(old[17]));
        slot.set(&m, Some(m.alloc_slice_copy(source)));
        m.safepoint();
        old
    })
}

fn boxes(size: usize) -> Figures {
    let mut window: Vec<Option<Box<[u8]>>> = (0..WINDOW / size).map(|_| None).collect();
    pushes(size, |n, source| window[n].replace(Box::from(source)).map_or(0, |old| u64::from(old[17])))
}

fn median(mut turns: Vec<Figures>) -> Figures {
    turns.sort_by(|a, b| a[0].total_cmp(&b[0]));
    turns[turns.len() / 2]
}

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).map(|bytes| bytes.parse().expect("a number of bytes")).collect();
    let sizes = if sizes.is_empty() { vec![8192, 12288, 16384, 61440] } else { sizes };
    println!("{:>8} {:>22} {:>22} {:>7}", "bytes", "box: ns, faults, ms", "gc: ns, faults, ms", "ratio");
    for size in sizes {
        let (boxes, ours): (Vec<_>, Vec<_>) = (0..TURNS).map(|_| (boxes(size), ours(size))).unzip();
        let (boxes, ours) = (median(boxes), median(ours));
        let cells = |[ns, faults, ms]: Figures| format!("{ns:7.0} {faults:6.3} {ms:7.2}");
        println!("{size:8} {} {} {:7.2}", cells(boxes), cells(ours), ours[0] / boxes[0]);
    }
}
