//! Warnings of late threads race with those threads' detaching, and with stops that are called off.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use gc_core::{Collect, Event, Level};
use gc_tests::heaps::calm;

#[test]
fn who_is_late_may_be_gone_when_the_hook_hears_of_it() {
    let told = Arc::new(AtomicUsize::new(0));
    let counts = told.clone();
    let heap = calm()
        .late_after(Duration::from_millis(1))
        .on_event(Level::Warning, move |event| {
            if let Event::Late { thread, last_safepoint, .. } = event {
                assert!(
                    thread.contains("comes and goes") || thread.contains("main") || thread.contains("who_is"),
                    "{thread}"
                );
                if let Some(place) = last_safepoint {
                    assert!(place.file().ends_with("late.rs"), "{place}");
                }
                assert!(!event.to_string().is_empty());
                counts.fetch_add(1, Ordering::Relaxed);
            }
        })
        .build()
        .unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (0..3_u64)
        .map(|id| {
            let (heap, stop) = (heap.clone(), stop.clone());
            let work = move || {
                let mut round = id;
                while !stop.load(Ordering::Relaxed) {
                    round += 1;
                    let attached = if round % 3 == 0 {
                        heap.attach_timeout(Duration::from_micros(round % 50))
                    } else {
                        heap.attach()
                    };
                    let Ok(mut m) = attached else { continue };
                    for _ in 0..round % 4 * 4000 {
                        m.alloc(round);
                        std::hint::spin_loop();
                    }
                    match round % 5 {
                        0 => m.safepoint(),
                        1 => m.blocked(thread::yield_now),
                        2 => thread::yield_now(),
                        _ => {}
                    }
                }
            };
            thread::Builder::new().name("comes and goes".into()).spawn(work).unwrap()
        })
        .collect();
    let mut m = heap.attach().unwrap();
    let rounds = if cfg!(debug_assertions) { 1000 } else { 2500 };
    for round in 0..rounds {
        m.collect(if round % 50 == 0 { Collect::Full } else { Collect::Young });
    }
    stop.store(true, Ordering::Relaxed);
    eprintln!("told {}", told.load(Ordering::Relaxed));
    m.blocked(|| threads.into_iter().for_each(|thread| thread.join().unwrap()));
}
