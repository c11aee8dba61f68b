//! What the tests of this folder share: objects that know when they are damaged, the settings under which old objects move, and programs
//! on several threads.

use gc_core::{Collect, Gc, Heap, Mutator, Root, Trace};
use gc_tests::{
    heaps::under,
    ledger::{Ledger, Token},
    random::{Random, mix},
};

/// An object that knows its number twice, so that one that was moved and not followed is noticed.
#[derive(Trace)]
pub(crate) struct Thing {
    number: u64,
    check: u64,
    token: Option<Token>,
}

impl Thing {
    pub(crate) fn new(number: u64) -> Self {
        Self { number, check: mix(number), token: None }
    }

    /// One whose destructor is counted.
    pub(crate) fn counted(ledger: &Ledger) -> Self {
        let token = ledger.token();
        let number = token.number() as u64;
        Self { token: Some(token), ..Self::new(number) }
    }

    /// Checks the object, and returns its number.
    #[track_caller]
    pub(crate) fn check(&self) -> u64 {
        assert_eq!(self.check, mix(self.number), "a live object was freed, or moved and not followed");
        assert!(self.token.as_ref().is_none_or(|token| token.number() as u64 == self.number));
        self.number
    }
}

pub(crate) fn thing(m: &Mutator, number: u64) -> Gc<'_, Thing> {
    m.alloc(Thing::new(number))
}

/// Checks all of them, and returns how many there are.
#[track_caller]
pub(crate) fn check_all<'gc>(things: impl IntoIterator<Item = Gc<'gc, Thing>>) -> usize {
    things.into_iter().fold(0, |count, thing| {
        thing.check();
        count + 1
    })
}

/// Settings under which old objects move: by the marker, the barrier and promotion, by several workers, where some blocks stay, in one pause,
/// and all at once.
pub(crate) const PROFILES: [&str; 7] = [
    "compact-always,slow-marker=8,full-every=2,every-safepoint=20,verify",
    "compact-random,slow-marker=4,full-every=2,every-safepoint=15,workers=3,verify",
    "compact-always,compact-places=64,slow-marker=16,full-every=2,every-safepoint=15,tiny-nursery,verify",
    "compact-always,slow-marker=2,full-every=3,every-safepoint=9,promote-random,to-space-full=3,verify",
    "compact-random,stopped,full-every=3,every-safepoint=20,workers=2,verify",
    "compact-all=3,slow-marker=8,full-every=2,every-safepoint=20,promote-always,verify",
    "compact-random,compact-places=1,compact-all=5,slow-marker=8,full-every=2,every-safepoint=10,verify",
];

/// Runs `play` under each of [`PROFILES`], with a heap of its own.
#[track_caller]
pub(crate) fn under_each(play: impl Fn(&Heap, &mut Random)) {
    for (seed, profile) in (1..).zip(PROFILES) {
        let heap = under(profile).build().unwrap();
        let ballast = heap.with(ballast).unwrap();
        play(&heap, &mut Random::new(seed));
        heap.with(|m| {
            m.collect(Collect::Full);
            m.collect(Collect::Full);
            m.compact();
            check_all(ballast.borrow(m).iter().copied());
        })
        .unwrap();
        // With few places all blocks may stay.
        assert!(heap.stats().objects_moved > 0 || profile.contains("places"), "{profile}: nothing was moved");
    }
}

/// Leaves sparse blocks, among whose objects new ones are promoted: all at once objects move only out of blocks that they need not take.
fn ballast(m: &mut Mutator) -> Root<Vec<Gc<'static, Thing>>> {
    let mut kept = m.root((0..2600).map(|n| thing(m, n)).collect::<Vec<_>>());
    m.collect(Collect::Promote);
    kept.get_mut(m).retain(|thing| thing.check() % 8 == 0);
    kept
}

/// Collects the whole heap until nothing of what died before is left, and all values were dropped.
pub(crate) fn collect_all(heap: &Heap, m: &mut Mutator) {
    for _ in 0..2 {
        m.collect(Collect::Full);
    }
    m.blocked(|| gc_tests::heaps::settle(heap));
}

/// Runs `body` on as many threads, each with a mutator and numbers of its own.
pub(crate) fn threads(heap: &Heap, threads: u64, body: impl Fn(&mut Mutator, u64, &mut Random) + Sync) {
    let body = &body;
    heap.scope(|scope| {
        let start = |thread| scope.spawn(move |m| body(m, thread, &mut Random::new(thread + 1))).unwrap();
        // Joined one by one: a sanitizer does not see the end of a scope.
        (0..threads).map(start).collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
    })
    .unwrap();
}
