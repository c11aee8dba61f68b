//! Random programs for minutes, with other ones every time: heaps and models agree, and memory does not grow.
//! Alone in its process: its resident memory is measured.
//!
//! ```console
//! GC_SOAK_SECONDS=600 cargo test --release -p gc-tests --test soak -- --nocapture
//! ```
//!
//! Without the variable it runs for two seconds, and a dozen programs. A failure prints the seed and the profile; `GC_SOAK_SEED=…` begins with
//! that one.

#![forbid(unsafe_code)]

use std::{
    panic,
    time::{Duration, Instant, SystemTime},
};

use gc_tests::{
    model::{run_or_report, run_threads},
    process::resident_bytes,
};

fn profile(seed: u64) -> String {
    match seed % 6 {
        0 => "verify".to_owned(),
        1 => format!("random={seed}"),
        2 => format!("tiny-nursery,promote-random,seed={seed},every-safepoint=3,verify"),
        3 => format!("every-safepoint=2,promote-never,to-space-full={},seed={seed}", seed % 9 + 1),
        4 => format!("slow-marker=64,full-every=2,every-safepoint=2,promote-random,seed={seed},verify"),
        _ => format!("slow-marker=128,workers=3,full-every=3,every-safepoint=5,seed={seed}"),
    }
}

#[test]
fn random_programs_agree_and_memory_does_not_grow() {
    let number = |name| std::env::var(name).ok().and_then(|text: String| text.parse().ok());
    let time = Duration::from_secs(number("GC_SOAK_SECONDS").unwrap_or(2));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_micros() as u64);
    let first = number("GC_SOAK_SEED").unwrap_or(now);
    println!("GC_SOAK_SEED={first}");
    // A weak pointer that the limit forbids is a panic, which the program catches. With its backtrace, 80 MiB of debug information are read.
    panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    let start = Instant::now();
    // After each program. On a busy machine one may take long, and each quarter of them needs some.
    let mut resident = Vec::new();
    while start.elapsed() < time || resident.len() < 12 {
        let seed = first + resident.len() as u64;
        let profile = profile(seed);
        if seed.is_multiple_of(4) {
            run_threads(&profile, seed, 100);
        } else {
            run_or_report(&profile, seed, 50 + (seed % 400) as usize);
        }
        resident.push(resident_bytes());
    }
    let programs = resident.len();
    let most = |quarter: usize| resident[programs * quarter / 4..programs * (quarter + 1) / 4].iter().max();
    let peaks = [0, 1, 2, 3].map(|quarter| *most(quarter).expect("three programs"));
    println!("{programs} programs in {time:?}; resident bytes at most, by quarters: {peaks:?}");
    let [early, second, _, last] = peaks;
    // Half as much again, and 16 MiB: the largest program is as likely late as early.
    assert!(last <= early.max(second) / 2 * 3 + (16 << 20), "memory grows: {peaks:?} bytes (GC_SOAK_SEED={first})");
}
