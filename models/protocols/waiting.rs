//! Two markers, one of which finds an ephemeron while the other marks its key: `old::waiting`, `memory::bitmap`.
//!
//! The value is kept once, by one of them, and nothing waits when both have no work left. A third thread overwrites a pointer to the key
//! meanwhile, so the mark may be set by its barrier, and the marker that takes the key from the SATB buffer traces it.

use core::ptr::{self, NonNull};

use crate::{
    Arc,
    barrier::{Barrier, SatbQueue},
    check,
    memory::{AddressMap, OLD},
    must_fail,
    object::{EphemeronPair, PairList, PairRef, PointerSlot},
    old::waiting::Waiting,
    safepoint::Poll,
    space::{
        large::RunTable,
        no_candidates,
        old::{Bits, OldSpace},
    },
    sync::mutant,
    thread,
};

const KEY: usize = OLD;
const VALUE: usize = OLD + 16;

fn object(address: usize) -> NonNull<u8> {
    NonNull::new(ptr::without_provenance_mut(address)).unwrap()
}

struct World {
    bits: Arc<Bits>,
    waiting: Waiting,
    pairs: [EphemeronPair; 2],
}

impl World {
    fn new() -> Arc<Self> {
        let bits = OldSpace::new(AddressMap::new()).unwrap().bits.clone();
        let pair = || EphemeronPair::new(object(KEY), object(VALUE));
        Arc::new(Self { bits, waiting: Waiting::new(), pairs: [pair(), pair()] })
    }

    fn pair(&self, index: usize) -> PairRef {
        // SAFETY: it stays there until the world is dropped, when nothing uses it any more.
        unsafe { PairRef::new(ptr::from_ref(&self.pairs[index]).cast_mut()) }
    }

    fn is_marked(&self) -> bool {
        self.bits.marks.is_set(self.bits.granule(KEY))
    }

    /// Comes to a pair. Returns how many are kept.
    fn find(&self, index: usize) -> usize {
        usize::from(self.is_marked() || self.waiting.join(object(KEY), self.pair(index), || self.is_marked()))
    }

    /// Comes to the key. Returns how many are kept.
    fn mark(&self) -> usize {
        if self.bits.marks.set_shared(self.bits.granule(KEY)) { self.trace() } else { 0 }
    }

    /// Traces the key, which is marked.
    fn trace(&self) -> usize {
        let mut list: PairList = self.waiting.take(object(KEY));
        core::iter::from_fn(|| list.pop()).count()
    }
}

fn two_markers() {
    check(|| {
        let world = World::new();
        let other = {
            let world = world.clone();
            thread::spawn(move || world.find(0) + world.find(1))
        };
        let kept = world.mark() + other.join().unwrap();
        assert_eq!(kept, 2, "a pair whose key is marked is not kept once");
        assert!(world.waiting.is_empty(), "a pair waits whose key is marked");
    });
}

fn a_marker_and_the_barrier() {
    check(|| {
        let world = World::new();
        let satb = Arc::new(SatbQueue::new());
        let mutator = {
            let (bits, satb) = (world.bits.clone(), satb.clone());
            thread::spawn(move || {
                let barrier = Barrier::new(AddressMap::new(), Arc::new(RunTable), bits, satb, no_candidates(), 8);
                barrier.set_marking(true);
                let slot = PointerSlot::new(object(KEY).as_ptr());
                barrier.store(&Poll::new(), &slot, ptr::null_mut());
                barrier.hand_over();
            })
        };
        let mut kept = world.find(0) + world.mark() + world.find(1);
        mutator.join().unwrap();
        let mut handed_over = Vec::new();
        satb.take(&mut handed_over, &mut Vec::new());
        kept += handed_over.iter().map(|_| world.trace()).sum::<usize>();
        assert_eq!(kept, 2, "a pair whose key is marked is not kept once");
        assert!(world.waiting.is_empty(), "a pair waits whose key is marked");
    });
}

#[test]
fn a_pair_waits_or_its_key_is_marked() {
    two_markers();
}

#[test]
fn a_mark_of_the_barrier_is_one_too() {
    a_marker_and_the_barrier();
}

#[test]
fn mutant_a_key_that_is_looked_at_once_is_found() {
    must_fail("waiting::mutant_a_key_that_is_looked_at_once_is_found", mutant::KEY_IS_LOOKED_AT_ONCE, two_markers);
}
