//! The system refuses memory in the middle of what several threads do, pauses with several workers included: an allocation may be
//! refused, nothing else is different.

use std::thread;

use gc_core::{Collect, Gc, Root, Slot};
use gc_tests::{heaps::under, sizes::is_full};

type Slots = Root<Gc<'static, [Slot<'static, u64>]>>;

#[test]
fn memory_is_refused_at_each_time_in_turn() {
    let times = (1..90).step_by(if cfg!(debug_assertions) { 9 } else { 1 });
    for fails in times.step_by(if is_full() { 1 } else { 3 }) {
        let stress = format!("map-fails={fails},workers=4,promote-random,verify");
        let heap = under(&stress).chunk_bytes(16 << 10).nursery_bytes(32 << 10).build().unwrap();
        thread::scope(|scope| {
            let run = |id: u64| {
                let heap = &heap;
                scope.spawn(move || {
                    let mut m = heap.attach().unwrap();
                    let mut kept: Vec<(u64, Slots)> = Vec::new();
                    for n in 0..40 {
                        let len = if n % 13 == 0 { 2000 } else { 20 };
                        let slots = m.try_alloc_slice_with(len, |_| Slot::new(m.try_alloc(n << 8 | id).ok()));
                        if let Ok(slots) = slots {
                            kept.push((n, m.root(slots)));
                        }
                        m.safepoint();
                        if n % 20 == id {
                            m.collect(Collect::Young);
                        }
                        if n % 7 == 0 && kept.len() > 4 {
                            kept.swap_remove(n as usize % 4);
                        }
                    }
                    for (n, root) in &kept {
                        assert!(root.get(&m).iter().filter_map(Slot::get).all(|value| *value == n << 8 | id));
                    }
                })
            };
            let threads: Vec<_> = (0..2).map(run).collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }
}
