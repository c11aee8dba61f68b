//! Markings that end otherwise than planned: far over the goal, at the hard limit, in one pause, by another thread's compaction, or never.

use std::sync::{
    Barrier,
    atomic::{AtomicBool, Ordering},
};

use gc_core::{Collect, Gc, GcCell, Heap, HeapBuilder, Mutator, Root, Slot, Trace};
use gc_tests::{
    Tested,
    heaps::under,
    random::{Random, mix},
    sizes::scaled,
};

use crate::support::{Thing, check_all, thing, threads};

#[derive(Trace)]
struct Node<'gc> {
    thing: Gc<'gc, Thing>,
    slot: Slot<'gc, Node<'gc>>,
    cell: GcCell<Vec<Gc<'gc, Node<'gc>>>>,
    padding: [u64; 6],
}

type Nodes = Root<Vec<Gc<'static, Node<'static>>>>;

fn node<'gc>(m: &'gc Mutator, random: &mut Random) -> Gc<'gc, Node<'gc>> {
    let padding = [random.draw(); 6];
    m.alloc(Node { thing: thing(m, random.draw()), slot: Slot::null(), cell: GcCell::default(), padding })
}

fn check<'gc>(nodes: &'gc Nodes, m: &'gc Mutator) {
    for node in nodes.borrow(m) {
        let held = node.cell.borrow(m).clone();
        let next = node.slot.get().into_iter().chain(held).chain([*node]);
        check_all(next.map(|next| {
            assert!(next.padding.iter().all(|&word| word == next.padding[0]));
            next.thing
        }));
    }
}

/// Keeps up to `most` nodes, links old ones with each other, and lets others die.
fn churn(m: &mut Mutator, nodes: &mut Nodes, random: &mut Random, rounds: u64, most: u64) {
    for round in 0..rounds {
        let new = m.root(node(m, random));
        {
            let all = nodes.get_mut(m);
            all.push(new.get(m));
            if all.len() as u64 > most {
                all.retain(|_| random.below(2) == 0);
            }
            let mut pick = || all[random.below(all.len() as u64) as usize];
            let (one, other, third) = (pick(), pick(), pick());
            one.slot.set(m, Some(other));
            let mut held = third.cell.borrow_mut(m);
            held.truncate(3);
            held.insert(0, other);
        }
        if round % 16 == 0 {
            // Or all that ever lived would.
            let all = nodes.borrow(m);
            let one = all[random.below(all.len() as u64) as usize];
            one.slot.set(m, None);
            one.cell.set(m, Vec::new());
        }
        if round % 128 == 0 {
            check(nodes, m);
        }
        m.safepoint();
    }
    // A node holds others, which hold others.
    nodes.borrow(m).iter().for_each(|node| {
        node.slot.set(m, None);
        node.cell.set(m, Vec::new());
    });
    check(nodes, m);
}

fn play(builder: HeapBuilder, threads_of_it: u64, rounds: u64, most: u64) -> Heap {
    let heap = builder.build().unwrap();
    threads(&heap, threads_of_it, |m, _, random| {
        let mut nodes = m.root(Vec::<Gc<Node>>::new());
        churn(m, &mut nodes, random, rounds, most);
        m.collect(Collect::Full);
        check(&nodes, m);
    });
    heap
}

/// A marker so slow that pauses do its work, and end it.
#[test]
fn a_marking_that_the_program_outruns_moves_what_it_recorded() {
    for (threads, profile) in
        [(1, "compact-always,slow-marker=1,verify"), (4, "compact-random,slow-marker=1,workers=2,tiny-nursery,verify")]
    {
        let builder = under(profile).nursery_bytes(256 << 10);
        let heap = play(builder, threads, scaled(1200), 100);
        assert!(heap.stats().objects_moved > 0, "{profile}");
    }
}

/// Near the limit a pause ends the cycle, moves everything, and begins another.
#[test]
fn a_marking_that_a_short_heap_ends_moves_what_it_recorded() {
    for profile in
        ["compact-always,slow-marker=4,verify", "compact-random,compact-places=40,slow-marker=2,workers=2,verify"]
    {
        for seed in 0..2 {
            let heap = under(profile).hard_limit(16 << 20).nursery_bytes(1 << 20).build().unwrap();
            let mut m = heap.attach().unwrap();
            let mut random = Random::new(seed);
            let mut kept = m.root(Vec::<Gc<[u64]>>::new());
            let mut nodes = m.root(vec![node(&m, &mut random)]);
            let mut refused = 0;
            for round in 0..scaled(3000) {
                // Sizes shift, and as much is kept as there is room for.
                let words = 4 + (round / 300 * 5) as usize + random.below(3) as usize;
                let new = m.try_alloc_slice_with(words, |_| round).map(|new| m.root(new));
                match new {
                    Ok(new) => kept.get_mut(&m).push(new.get(&m)),
                    Err(_) => {
                        refused += 1;
                        kept.get_mut(&m).retain(|slice| mix(slice[0] ^ slice.len() as u64).is_multiple_of(4));
                    }
                }
                if round % 8 == 0 {
                    let new = m.try_alloc(Slot::<u64>::null()).is_ok();
                    if new {
                        churn(&mut m, &mut nodes, &mut random, 1, 50);
                    }
                }
                m.safepoint();
            }
            assert!(kept.borrow(&m).iter().all(|slice| slice.iter().all(|&word| word == slice[0])));
            check(&nodes, &m);
            assert!(refused < 100);
            m.collect(Collect::Full);
        }
    }
}

#[test]
fn a_compaction_in_the_middle_of_a_marking_moves_what_it_recorded() {
    let heap = under("compact-always,slow-marker=1,full-every=2,every-safepoint=12,verify").build().unwrap();
    let (start, done) = (Barrier::new(3), AtomicBool::new(false));
    threads(&heap, 3, |m, thread, random| {
        let mut nodes = m.root(Vec::<Gc<Node>>::new());
        m.blocked(|| start.wait());
        if thread == 0 {
            for _ in 0..scaled(16) {
                let report = m.compact();
                assert!(report.objects_moved == 0 || report.bytes_moved >= 16 * report.objects_moved);
                churn(m, &mut nodes, random, 10, 60);
            }
            done.store(true, Ordering::SeqCst);
        }
        while !done.load(Ordering::SeqCst) {
            churn(m, &mut nodes, random, 30, 60);
        }
    });
    assert!(heap.stats().objects_moved > 0);
}

/// All of them at once, one inside the other's cycle.
#[test]
fn four_threads_compact_at_the_same_time() {
    let heap = under("slow-marker=16,verify").build().unwrap();
    threads(&heap, 4, |m, _, random| {
        let mut nodes = m.root(Vec::<Gc<Node>>::new());
        for _ in 0..scaled(4) {
            churn(m, &mut nodes, random, 40, 60);
            m.compact();
            check(&nodes, m);
        }
    });
}

/// The world is stopped for all of it; and the stress settings that a seed chooses.
#[test]
fn cycles_under_chosen_settings_move_what_they_recorded() {
    let mut moved = 0;
    for seed in 0..scaled(14) {
        let profile = format!("random={seed}");
        moved += play(under(&profile), 1 + seed % 3, scaled(90), 40).stats().objects_moved;
        moved +=
            play(under(&format!("{profile},compact-random,stopped,verify")), 1, scaled(90), 40).stats().objects_moved;
    }
    assert!(moved > 0);
}

/// The heap ends while its threads mark and its blocks are to be emptied.
#[test]
fn heaps_that_end_during_marking_leave_nothing_behind() -> Tested {
    for rounds in 0..scaled(30) {
        let heap = under("compact-always,slow-marker=1,full-every=1,every-safepoint=3,verify").build()?;
        let mut m = heap.attach()?;
        let mut nodes = m.root(Vec::<Gc<Node>>::new());
        churn(&mut m, &mut nodes, &mut Random::new(rounds), 3 + rounds, 40);
        match rounds % 3 {
            0 => drop((nodes, m, heap)),
            1 => drop((heap, m, nodes)),
            _ => {
                drop(heap);
                std::thread::spawn(move || drop(nodes)).join().unwrap();
                drop(m);
            }
        }
    }
    Ok(())
}
