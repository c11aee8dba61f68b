//! A safe, moving, generational garbage collector: many threads share one heap of cyclic, mutable
//! objects.
//!
//! A [`Gc<'gc, T>`](Gc) is a plain pointer that borrows the [`Mutator`]. Everything that can move
//! or free an object takes `&mut Mutator`. So the borrow checker proves that no pointer lives
//! across a safepoint, and reading one costs a load: no handle table, no reference count, no read
//! barrier. A program without `unsafe` cannot reach a moved or freed object.
//!
//! ```
//! use gc_core::{Collect, Gc, Heap, Slot, Trace};
//!
//! #[derive(Trace)]
//! struct Node<'gc> {
//!     value: u64,
//!     next: Slot<'gc, Node<'gc>>,        // a mutable pointer field: null or an object
//!     first: Option<Gc<'gc, Node<'gc>>>, // an immutable pointer field
//! }
//!
//! let heap = Heap::builder().build()?;
//! let mut m = heap.attach()?; // this thread is now a mutator
//! let list = m.root(m.alloc(Node { value: 0, next: Slot::null(), first: None }));
//! for value in 1..100 {
//!     let first = list.get(&m);
//!     let node = m.alloc(Node { value, next: Slot::new(first.next.get()), first: Some(first) });
//!     first.next.set(&m, Some(node)); // a store with its write barrier
//!     m.safepoint(); // `first` and `node` end here: objects may move
//! }
//! assert_eq!(list.get(&m).next.get().map(|node| node.value), Some(99));
//!
//! drop(list); // cycles and all
//! assert!(m.collect(Collect::Full).bytes_freed > 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to go next
//!
//! | to | see |
//! |---|---|
//! | make a heap, set its limits | [`Heap`], [`HeapBuilder`], [`Thresholds`] |
//! | allocate; reach safepoints; wait | [`Mutator`], [`blocking`] |
//! | use a heap on a pool's threads, in callbacks, with an async runtime | [`Heap::with`], [`Mutator::park`] |
//! | start threads that use it | [`Heap::spawn`], [`Heap::scope`] |
//! | write a type whose values live in a heap | [`derive@Trace`], and for its fields [`Gc`], [`Slot`], [`GcCell`], [`Leaf`] |
//! | write code that is generic over such types | [`Traced`], [`Object`] |
//! | make an object whose fields lead back to it, and never change | [`Mutator::alloc_cyclic`], [`Later`] |
//! | look things up by keys, from several threads | [`GcMap`], [`GcSet`], [`GcTextMap`]; in a cell, [`collections`] |
//! | keep something across safepoints, or send it to another thread | [`Root`] |
//! | share something immutable that needs no heap | [`Counted`], [`CountedWeak`], [`Acyclic`] |
//! | lead to an object without keeping it alive | [`Weak`], [`WeakSlot`] |
//! | be told which objects have died | [`ReferenceQueue`], [`Mutator::on_death`], [`Finalizer`] |
//! | finish the work of objects that nothing leads to any more | [`FinalizationQueue`], [`Mutator::shutdown`] |
//! | attach data to an object that knows nothing of them | [`Ephemeron`] |
//! | tell objects apart by a number, hash them by it | [`Gc::id`], [`Gc::by_id`], [`ById`] |
//! | go on when memory runs out | [`Mutator::try_alloc`], [`AllocError`] |
//! | see what the collector does | [`Heap::stats`], [`Heap::pauses`], [`HeapBuilder::on_event`] |
//! | look at it in Perfetto, and in what reads `tracing` or `metrics` | [`observe::Timeline`], [`observe`] |
//! | test a program that uses it | [`Stress`] |
//!
//! The guide is the folder `book` of the repository: a tour, how to write a language runtime, what
//! a collection does, the safety argument. *When the compiler refuses* goes from rustc's message to
//! what to write; *Inside* is the map of the source.
//!
//! # How it collects
//!
//! New objects are allocated by bumping a pointer in a buffer of the thread. When the nursery is
//! used up, a *minor* (young) collection evacuates what is live and forgets the rest (Cheney 1970;
//! Ungar 1984). An object that survives two of them is promoted: it is *old*, and moves again only
//! where memory is sparse. A minor collection is one stop-the-world pause. The mutator that found
//! it due leads it; GC workers copy too, where there is much to copy.
//!
//! A *major* (full) cycle marks and sweeps the old generation concurrently, on a thread of the
//! heap. Marking starts from a snapshot at the beginning (Yuasa 1990) and prefetches in front of
//! the mark bits (Cher, Hosking, Vitek 2004); sweeping works on bitmaps. The write barrier in
//! [`Slot`] and [`GcCell`] maintains the remembered set, which holds pointers from old objects to
//! young ones. While marking is under way it also logs the old values that the snapshot needs.
//!
//! Where few objects are left in a block of the old generation, they are moved to others: a little
//! in the pause that ends each major cycle, from places that were recorded while marking (Lang,
//! Dupont 1987; Detlefs et al. 2004), and all at once where memory is short or the program asks for
//! it ([`Mutator::compact`]). So the memory of a heap is in proportion to what lives.
//!
//! What is known of single objects (weak references to them, their identity, who waits for their
//! death or finalizes them) is in a table beside the heap. A minor collection looks at its young
//! entries; the dead among the old ones are found between two short pauses that end marking, and
//! cleared concurrently. Ephemerons (Hayes 1997) are traced in linear time, finalization is a queue
//! (Dybvig, Bruggeman, Eby 1993).
//!
//! # Cargo features
//!
//! None is on by default.
//!
//! | feature | adds |
//! |---|---|
//! | `serde` | `Serialize` and `Deserialize` for [`Counted`] |
//! | `crossbeam` | `blocking::crossbeam`: waiting for the channels of `crossbeam-channel` |
//! | `backtraces` | backtraces of allocations, for [`observe::sites`] |
//! | `tracing` | `observe::tracing`: events as spans and events of `tracing` |
//! | `metrics` | `observe::metrics`: figures for a recorder of `metrics` |
//!
//! # Environment
//!
//! `GC_CORE_STRESS` sets [`Stress`] for every heap that does not set its own;
//! [`HeapBuilder::build`] reads it. `GC_CORE_SITES` tracks allocation sites ([`observe::sites`]) of
//! every heap that does not set it; `build` reads it, too. `GC_CORE_LOG=debug` prints each
//! collection to stderr, unless the heap has an event hook; `build` reads it, too. What it cannot
//! read is a [`SettingError`].

extern crate self as gc_core;

mod barrier;
pub mod blocking;
mod callbacks;
mod cell;
pub mod collections;
mod collector;
mod counted;
mod ephemeron;
mod external;
mod finalization;
mod frame;
mod gc;
mod heap;
mod identity;
mod later;
pub mod map;
mod memory;
mod mutator;
mod object;
pub mod observe;
mod old;
mod reference_queue;
mod registered;
mod root;
mod roots;
mod safepoint;
mod settings;
mod slot;
mod space;
mod stats;
mod sync;
mod trace;
mod weak;
mod weak_table;
mod workers;
mod young;

pub use callbacks::{CallbackThread, Finalizer};
pub use cell::{BorrowError, GcCell, GcCellMut, GcCellRef};
pub use counted::{CloneContents, Contents, Counted, CountedWeak};
pub use ephemeron::Ephemeron;
pub use external::ExternalBytes;
pub use finalization::FinalizationQueue;
pub use frame::{Kept, Pointer, Vacant};
pub use gc::Gc;
pub use gc_derive::Trace;
pub use heap::{Heap, HeapBuilder, Pressure, Scope, WeakHeap};
pub use identity::ById;
pub use later::Later;
pub use map::{GcMap, GcSet, GcTextMap};
pub use mutator::{AllocError, AttachError, DropsLeft, EnterError, Mutator, NotEntered, Parked};
pub use reference_queue::{ReferenceQueue, WaitError};
pub use root::{Root, Rooted};
pub use settings::{BuildError, SettingError, Stress, Thresholds, Unfinalized};
pub use slot::Slot;
pub use stats::{
    Cause, Collect, CollectCounts, CollectReport, CompactReport, Counts, Event, FreeCells, Histogram, Level,
    MemoryReport, Stats, Step,
};
#[doc(hidden)]
pub use trace::__private;
pub use trace::{Acyclic, Leaf, Object, Referent, Trace, Traced, Visitor};
pub use weak::{Weak, WeakSlot};
pub use weak_table::{Interner, WeakKeyMap, WeakSet, WeakValueMap};
