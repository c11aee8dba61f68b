//! The operations of a program, one by one: each runs `count` times and says how long that took.
//!
//! Each makes what it needs first, outside the time. A yardstick does the same without a collector.

use core::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use gc_core::{Collect, Counted, Event, Gc, Heap, Level, Mutator, Root, Slot, Step, Trace};

use crate::{
    clock::{sink, sink_word},
    counted, maps,
    nodes::{Cells, Dropped32, Leaf24, Leaf32, Leaf128, Node32, Slot32},
    weak,
};

/// An operation.
pub struct Path {
    /// Its name.
    pub name: &'static str,
    /// Runs it so many times: how long that took.
    pub run: fn(u64) -> Duration,
}

/// Every operation and yardstick.
pub const PATHS: &[Path] = &[
    Path { name: "nothing", run: nothing },
    Path { name: "alloc_24", run: |n| allocate(n, |i| Leaf24 { words: [i; 2] }) },
    Path { name: "alloc_32", run: |n| allocate(n, |i| Leaf32 { words: [i; 3] }) },
    Path { name: "alloc_128", run: |n| allocate(n, |i| Leaf128 { words: [i; 15] }) },
    Path { name: "alloc_32_drop", run: |n| allocate(n, |i| Dropped32 { words: [i; 3] }) },
    Path { name: "alloc_slice_3", run: alloc_slice },
    Path { name: "alloc_str_16", run: alloc_str },
    Path { name: "alloc_64_kib", run: alloc_large },
    Path { name: "arena_24", run: |n| arena(n, |i| [i; 3]) },
    Path { name: "arena_32", run: |n| arena(n, |i| [i; 4]) },
    Path { name: "arena_128", run: |n| arena(n, |i| [i; 16]) },
    Path { name: "box_24", run: |n| boxes(n, |i| [i; 3]) },
    Path { name: "box_32", run: |n| boxes(n, |i| [i; 4]) },
    Path { name: "box_128", run: |n| boxes(n, |i| [i; 16]) },
    Path { name: "box_64_kib", run: box_large },
    Path { name: "safepoint", run: safepoint },
    Path { name: "gc_deref", run: gc_deref },
    Path { name: "slot_get", run: slot_get },
    Path { name: "raw_deref", run: raw_deref },
    Path { name: "slot_set_young", run: |n| slot_set(n, Holder::Young, Holder::Young) },
    Path { name: "slot_set_old", run: |n| slot_set(n, Holder::Old, Holder::Old) },
    Path { name: "slot_set_old_again", run: |n| slot_set(n, Holder::Old, Holder::Young) },
    Path { name: "slot_set_first", run: slot_set_first },
    Path { name: "slot_set_marking", run: slot_set_marking },
    Path { name: "plain_store", run: plain_store },
    Path { name: "cell_get", run: |n| cells(n, Holder::Young, |m, c, _| sink_word(c.number.get(m))) },
    Path { name: "cell_set", run: |n| cells(n, Holder::Young, |m, c, _| c.number.set(m, 1)) },
    Path { name: "cell_borrow", run: |n| cells(n, Holder::Young, |m, c, _| sink_word(*c.number.borrow(m))) },
    Path { name: "cell_borrow_mut", run: |n| cells(n, Holder::Young, |m, c, _| *c.number.borrow_mut(m) += 1) },
    Path { name: "cell_set_gc_young", run: |n| cells(n, Holder::Young, |m, c, v| c.pointer.set(m, Some(v))) },
    Path { name: "cell_set_gc_old", run: |n| cells(n, Holder::Old, |m, c, v| c.pointer.set(m, Some(v))) },
    Path {
        name: "cell_borrow_mut_gc_young",
        run: |n| cells(n, Holder::Young, |m, c, v| *c.pointer.borrow_mut(m) = Some(v)),
    },
    Path {
        name: "cell_borrow_mut_gc_old",
        run: |n| cells(n, Holder::Old, |m, c, v| *c.pointer.borrow_mut(m) = Some(v)),
    },
    Path { name: "std_cell_get", run: |n| std_cells(n, |c, _, _| sink_word(c.get())) },
    Path { name: "std_cell_set", run: |n| std_cells(n, |c, _, i| c.set(i)) },
    Path { name: "refcell_borrow", run: |n| std_cells(n, |_, c, _| sink_word(*c.borrow())) },
    Path { name: "refcell_borrow_mut", run: |n| std_cells(n, |_, c, i| *c.borrow_mut() = i) },
    Path { name: "root_create_drop", run: root_create_drop },
    Path { name: "root_get", run: root_get },
    Path { name: "root_set", run: root_set },
    Path { name: "frame", run: frame },
    Path { name: "frame_keep_get", run: frame_keep_get },
    Path { name: "kept_get", run: kept_get },
    Path { name: "kept_set", run: kept_set },
    Path { name: "call_polling", run: |n| calls(n, polling) },
    Path { name: "call_not_polling", run: |n| calls(n, not_polling) },
    Path { name: "rc_clone_drop", run: rc_clone_drop },
    Path { name: "counted_clone_drop", run: |n| with_mutator(n, counted::clone_drop::<Counted<counted::Value>>) },
    Path { name: "counted_clone_drop_elsewhere", run: counted::clone_drop::<Counted<counted::Value>> },
    Path { name: "counted_make_drop", run: |n| with_mutator(n, counted::make_drop::<Counted<counted::Value>>) },
    Path { name: "counted_immortal_clone_drop", run: counted_immortal },
    Path { name: "arc_clone_drop", run: counted::clone_drop::<std::sync::Arc<counted::Value>> },
    Path { name: "arc_make_drop", run: counted::make_drop::<std::sync::Arc<counted::Value>> },
    Path { name: "blocked", run: blocked },
    Path { name: "attach_detach", run: |n| attach_detach(n, 0) },
    Path { name: "attach_detach_among_200", run: |n| attach_detach(n, 200) },
    Path { name: "with", run: with },
    Path { name: "with_root_get", run: with_root_get },
    Path { name: "with_two_heaps", run: with_two_heaps },
    Path { name: "parked_with", run: parked_with },
    Path { name: "upgrade", run: weak::upgrade },
    Path { name: "downgrade", run: weak::downgrade },
    Path { name: "downgrade_first", run: weak::downgrade_first },
    Path { name: "id", run: weak::id },
    Path { name: "id_first", run: weak::id_first },
    Path { name: "map_get", run: maps::get },
    Path { name: "map_get_default", run: maps::get_default },
    Path { name: "map_get_text", run: maps::get_text },
    Path { name: "map_get_std", run: maps::get_std },
    Path { name: "map_get_missing", run: maps::get_missing },
    Path { name: "map_insert_existing", run: maps::insert_existing },
    Path { name: "map_insert_remove", run: maps::insert_remove },
    Path { name: "intern", run: maps::intern::<std::hash::RandomState> },
    Path { name: "text_of_std", run: maps::text_of_std::<std::hash::RandomState> },
    Path { name: "intern_fast", run: maps::intern_fast },
    Path { name: "text_of_std_fast", run: maps::text_of_std_fast },
    Path { name: "weak_key_get", run: maps::weak_key_get },
    Path { name: "ephemeron_value", run: weak::ephemeron_value },
    Path { name: "ephemeron_new", run: weak::ephemeron_new },
];

/// The operation of that name.
pub fn path(name: &str) -> Option<&'static Path> {
    PATHS.iter().find(|path| path.name == name)
}

/// A heap with the default nursery of 4 MiB.
pub(crate) fn attached() -> Mutator {
    let heap = Heap::builder().build().expect("a heap");
    heap.attach().expect("the only mutator")
}

pub(crate) fn timed(count: u64, mut step: impl FnMut(u64)) -> Duration {
    let start = Instant::now();
    for index in 0..count {
        step(index);
    }
    start.elapsed()
}

fn nothing(count: u64) -> Duration {
    timed(count, sink_word)
}

/// Allocates objects that die at once, with a safepoint every 1 024.
fn allocate<T: for<'x> Trace<At<'x> = T> + 'static>(count: u64, make: impl Fn(u64) -> T) -> Duration {
    let mut m = attached();
    let start = Instant::now();
    let mut index = 0;
    while index < count {
        let end = count.min(index + 1024);
        while index < end {
            sink(&raw const *m.alloc(make(index)));
            index += 1;
        }
        m.safepoint();
    }
    start.elapsed()
}

fn alloc_slice(count: u64) -> Duration {
    let mut m = attached();
    timed(count, |index| {
        sink(m.alloc_slice_copy(&[index; 3]).as_ptr());
        m.safepoint();
    })
}

fn alloc_str(count: u64) -> Duration {
    let mut m = attached();
    timed(count, |_| {
        sink(m.alloc_str("sixteen letters.").as_ptr());
        m.safepoint();
    })
}

fn alloc_large(count: u64) -> Duration {
    let mut m = attached();
    timed(count, |_| {
        sink(m.alloc_slice_with(65536, |_| 0_u8).as_ptr());
        m.safepoint();
    })
}

/// Bumps in an arena that is emptied every 4 MiB.
fn arena<T>(count: u64, make: impl Fn(u64) -> T) -> Duration {
    let mut arena = bumpalo::Bump::with_capacity(4 << 20);
    let each = (4 << 20) / size_of::<T>() as u64;
    let start = Instant::now();
    let mut index = 0;
    while index < count {
        let end = count.min(index + each);
        while index < end {
            sink(&raw const *arena.alloc(make(index)));
            index += 1;
        }
        arena.reset();
    }
    start.elapsed()
}

fn boxes<T>(count: u64, make: impl Fn(u64) -> T) -> Duration {
    timed(count, |index| {
        let new = Box::new(make(index));
        sink(&raw const *new);
    })
}

fn box_large(count: u64) -> Duration {
    timed(count, |_| {
        let mut new = Vec::<u8>::with_capacity(65536);
        // Not `vec![0; n]`, which may get pages that are zero already: the collector's are not.
        new.spare_capacity_mut().fill(core::mem::MaybeUninit::new(0));
        sink(new.as_ptr());
    })
}

fn safepoint(count: u64) -> Duration {
    let mut m = attached();
    timed(count, |index| {
        m.safepoint();
        sink_word(index);
    })
}

/// Steps of walks over a list that stays in the first cache.
const LIST: u64 = 256;

fn gc_deref(count: u64) -> Duration {
    let m = attached();
    let mut head = None;
    for value in 0..LIST {
        head = Some(m.alloc(Node32 { value, left: head, right: None }));
    }
    timed(count.div_ceil(LIST), |_| {
        let mut at = head;
        while let Some(node) = at {
            sink_word(node.value);
            at = node.left;
        }
    })
}

fn slot_get(count: u64) -> Duration {
    let m = attached();
    let mut head = None;
    for value in 0..LIST {
        head = Some(m.alloc(Slot32 { words: [value; 2], next: Slot::new(head) }));
    }
    timed(count.div_ceil(LIST), |_| {
        let mut at = head;
        while let Some(node) = at {
            sink_word(node.words[0]);
            at = node.next.get();
        }
    })
}

fn raw_deref(count: u64) -> Duration {
    struct Node<'a> {
        value: u64,
        next: Option<&'a Node<'a>>,
    }
    let arena = bumpalo::Bump::new();
    let mut head = None;
    for value in 0..LIST {
        head = Some(&*arena.alloc(Node { value, next: head }));
    }
    timed(count.div_ceil(LIST), |_| {
        let mut at = head;
        while let Some(node) = at {
            sink_word(node.value);
            at = node.next;
        }
    })
}

/// How old an object is.
#[derive(Clone, Copy, PartialEq)]
enum Holder {
    Young,
    Old,
}

fn slot_node(m: &mut Mutator, age: Holder) -> Root<Gc<'static, Slot32<'static>>> {
    let root = m.root(m.alloc(Slot32 { words: [0; 2], next: Slot::null() }));
    if age == Holder::Old {
        m.collect(Collect::Full);
    }
    root
}

fn slot_set(count: u64, holder: Holder, value: Holder) -> Duration {
    let mut m = attached();
    let (old, young) = (slot_node(&mut m, Holder::Old), slot_node(&mut m, Holder::Young));
    let of = |age| if age == Holder::Old { old.get(&m) } else { young.get(&m) };
    let (holder, value) = (of(holder), of(value));
    timed(count, |_| {
        // The place is not known to the compiler.
        let holder = core::hint::black_box(holder);
        holder.next.set(&m, Some(value));
        sink(&raw const *holder);
    })
}

/// Stores that are remembered: each slot once between two collections, which the time leaves out.
fn slot_set_first(count: u64) -> Duration {
    const SLOTS: usize = 4096;
    let mut m = attached();
    let root = m.root(m.alloc_slice_with(SLOTS, |_| Slot::<Leaf32>::null()));
    m.collect(Collect::Full);
    let mut total = Duration::ZERO;
    let mut left = count;
    while left > 0 {
        let slots = root.get(&m);
        let value = m.alloc(Leaf32 { words: [0; 3] });
        let now = left.min(SLOTS as u64);
        let start = Instant::now();
        for slot in &slots[..now as usize] {
            slot.set(&m, Some(value));
        }
        total += start.elapsed();
        left -= now;
        for slot in &*slots {
            slot.set(&m, None);
        }
        m.collect(Collect::Promote);
    }
    total
}

/// Overwrites old values by old values while the old generation is marked: which it is until this thread's next safepoint.
fn slot_set_marking(count: u64) -> Duration {
    let (send, events) = std::sync::mpsc::channel();
    let send = std::sync::Mutex::new(send);
    let heap = Heap::builder()
        .on_event(Level::Debug, move |event| {
            if let Event::Pause { step: Step::Begin, .. } = event {
                let _ = send.lock().expect("nobody panics").send(());
            }
        })
        .build()
        .expect("a heap");
    let mut m = heap.attach().expect("a mutator");
    let nodes: Vec<_> = (0..1024).map(|i| m.root(m.alloc(Slot32 { words: [i; 2], next: Slot::null() }))).collect();
    m.collect(Collect::Promote);
    let there = heap.clone();
    let collector = std::thread::spawn(move || there.attach().expect("a mutator").collect(Collect::Full));
    while events.try_recv().is_err() {
        m.safepoint();
    }
    let pointers: Vec<_> = nodes.iter().map(|node| node.get(&m)).collect();
    let elapsed = timed(count, |index| {
        let index = index as usize;
        pointers[index % 1024].next.set(&m, Some(pointers[(index + 1) % 1024]));
    });
    drop(pointers);
    gc_core::blocking::join(&mut m, collector).expect("the collector");
    elapsed
}

fn plain_store(count: u64) -> Duration {
    let value = 1_u64;
    let cell = Cell::new(core::ptr::null::<u64>());
    timed(count, |_| {
        let cell = core::hint::black_box(&cell);
        cell.set(&raw const value);
        sink(cell);
    })
}

fn cells(count: u64, age: Holder, step: impl for<'a> Fn(&'a Mutator, &'a Cells<'a>, Gc<'a, Leaf32>)) -> Duration {
    let mut m = attached();
    let root = m.root(m.alloc(Cells { pointer: gc_core::GcCell::new(None), number: gc_core::GcCell::new(0) }));
    if age == Holder::Old {
        m.collect(Collect::Full);
    }
    let cells = root.get(&m);
    let value = m.alloc(Leaf32 { words: [0; 3] });
    timed(count, |_| {
        let cells = core::hint::black_box(cells);
        step(&m, Gc::as_ref(cells), value);
        sink(&raw const *cells);
    })
}

fn std_cells(count: u64, step: impl Fn(&Cell<u64>, &RefCell<u64>, u64)) -> Duration {
    let (cell, refcell) = (Cell::new(0), RefCell::new(0));
    timed(count, |index| {
        let (cell, refcell) = core::hint::black_box((&cell, &refcell));
        step(cell, refcell, index);
        sink(refcell);
    })
}

fn root_create_drop(count: u64) -> Duration {
    let m = attached();
    let value = m.alloc(Leaf32 { words: [0; 3] });
    timed(count, |_| {
        let root = m.root(value);
        sink(&raw const root);
    })
}

fn root_get(count: u64) -> Duration {
    let m = attached();
    let root = m.root(m.alloc(Leaf32 { words: [0; 3] }));
    timed(count, |_| sink(&raw const *core::hint::black_box(&root).get(&m)))
}

fn root_set(count: u64) -> Duration {
    let m = attached();
    let value = m.alloc(Leaf32 { words: [0; 3] });
    let mut root = m.root(value);
    timed(count, |_| core::hint::black_box(&mut root).set(&m, value))
}

/// Enters a frame of one root, and leaves it.
fn frame(count: u64) -> Duration {
    let mut m = attached();
    timed(count, |_| m.frame(|_, [vacant]| sink(&raw const vacant)))
}

/// The same, with a pointer that is kept in it and read.
fn frame_keep_get(count: u64) -> Duration {
    let mut m = attached();
    let root = m.root(m.alloc(Leaf32 { words: [0; 3] }));
    timed(count, |_| {
        m.frame(|m, [vacant]| {
            let kept = vacant.keep(m, root.get(m));
            m.safepoint();
            sink(&raw const *kept.get(m));
        });
    })
}

fn kept_get(count: u64) -> Duration {
    attached().frame(|m, [vacant]| {
        let kept = vacant.keep(m, m.alloc(Leaf32 { words: [0; 3] }));
        timed(count, |_| sink(&raw const *core::hint::black_box(&kept).get(m)))
    })
}

fn kept_set(count: u64) -> Duration {
    attached().frame(|m, [vacant]| {
        let kept = vacant.keep(m, m.alloc(Leaf32 { words: [0; 3] }));
        let value = kept.get(m);
        timed(count, |_| core::hint::black_box(&kept).set(m, value))
    })
}

/// Calls a function with the mutator, which may be written to from then on.
fn calls(count: u64, call: fn(&mut Mutator, u64) -> u64) -> Duration {
    let mut m = attached();
    let call = core::hint::black_box(call);
    timed(count, |index| sink_word(call(&mut m, index)))
}

#[inline(never)]
fn polling(m: &mut Mutator, index: u64) -> u64 {
    m.safepoint();
    index + 1
}

#[inline(never)]
fn not_polling(_: &mut Mutator, index: u64) -> u64 {
    index + 1
}

/// Runs an operation on a thread that runs a mutator.
fn with_mutator(count: u64, run: fn(u64) -> Duration) -> Duration {
    let _m = attached();
    run(count)
}

fn counted_immortal(count: u64) -> Duration {
    counted::clone_drop_of(&Counted::immortal([1_u64; 2]), count)
}

fn rc_clone_drop(count: u64) -> Duration {
    let value = std::rc::Rc::new(1_u64);
    timed(count, |_| {
        let other = core::hint::black_box(&value).clone();
        sink(&raw const other);
    })
}

/// Attaches and detaches, while `others` mutators of other threads are blocked.
fn attach_detach(count: u64, others: usize) -> Duration {
    let heap = Heap::builder().build().expect("a heap");
    let (attached, all) = std::sync::mpsc::channel();
    let end = std::sync::Barrier::new(others + 1);
    std::thread::scope(|scope| {
        for _ in 0..others {
            scope.spawn(|| {
                let mut m = heap.attach().expect("a new thread");
                attached.send(()).expect("the main thread");
                gc_core::blocking::barrier(&mut m, &end);
            });
        }
        (0..others).for_each(|_| all.recv().expect("a thread"));
        let start = Instant::now();
        for _ in 0..count {
            drop(heap.attach().expect("this thread is free"));
        }
        let time = start.elapsed();
        end.wait();
        time
    })
}

fn blocked(count: u64) -> Duration {
    let mut m = attached();
    timed(count, |index| m.blocked(|| sink_word(index)))
}

fn heap() -> Heap {
    Heap::builder().build().expect("a heap")
}

/// Enters a heap by the mutator that the thread keeps.
fn with(count: u64) -> Duration {
    let heap = heap();
    heap.with(|_| ()).expect("a free thread");
    timed(count, |index| heap.with(|_| sink_word(index)).expect("a free thread"))
}

fn with_root_get(count: u64) -> Duration {
    let heap = heap();
    let root = heap.with(|m| m.root(m.alloc(Leaf32 { words: [0; 3] }))).expect("a free thread");
    timed(count, |_| heap.with(|m| sink(&raw const *core::hint::black_box(&root).get(m))).expect("a free thread"))
}

/// Enters two heaps in turns.
fn with_two_heaps(count: u64) -> Duration {
    let heaps = [heap(), heap()];
    timed(count, |index| heaps[index as usize % 2].with(|_| sink_word(index)).expect("a free thread"))
}

fn parked_with(count: u64) -> Duration {
    let mut parked = attached().park();
    timed(count, |index| parked.with(|_| sink_word(index)).expect("a free thread"))
}
