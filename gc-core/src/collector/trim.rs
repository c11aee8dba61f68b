//! Gives empty memory back to the system.
//!
//! - **[trim.pieces]** Memory is given back in pieces of [`PIECE`] bytes. A thread takes a piece off its list under the lock of the
//!   list, gives it back without that lock, and lists it again. So a pause or an allocation of another thread waits for no system
//!   call, and those of its own that wait for one of these in the system (to commit memory, or to back a page) wait for a piece.
//! - **[trim.found]** Memory on its way back is charged and on no list; `trims` is locked meanwhile. An allocation that finds no memory
//!   tries again when that is over ([`found_or_trimmed`]). It does so in vain at most once, and once for each time that something
//!   was given back.
//! - **[trim.counted]** Memory on its way back is discharged when it is listed again, in one critical section. So who holds the lock of
//!   a list finds memory on its way back charged and free, or neither; a pause would find room twice otherwise.
//! - **[trim.in-hand]** An allocation near the limit keeps the lock of the young generation while it gives memory back, so that no
//!   other thread takes what it needs: a piece, and another one only if that was not enough. A pause waits for that thread with or
//!   without the lock. An allocation that was refused waits for the lock ([trim.found]).

use crate::{
    memory::{
        Memory,
        address_map::{BLOCK, GROUP},
    },
    object::size_class::CLASSES,
    space::{
        empty_blocks::{BlockMemory, Leaving, Unit},
        free_runs::Span,
        large::LargeSpace,
        old::OldSpace,
        young::YoungSpace,
    },
    sync::MutexGuard,
};

use super::{
    collector::Collector,
    generations::{Young, old_bytes},
    headroom::WINDOW,
};

/// The most bytes that are given back at a time. The system takes a quarter of a millisecond for pages of the usual size.
const PIECE: usize = GROUP * BLOCK;

/// Gives back what the program has not used for a major cycle: empty blocks, chunks, and large runs.
///
/// What was in use at a time since the last cycle will be again before the next one, and an allocation on a page that was given back
/// costs ten times as much. Blocks above the goal are not kept: the next cycle should end before the program uses them.
pub(crate) fn release_unused(collector: &Collector) {
    let old = collector.old.lock();
    let goal = (collector.pacing.goal() / BLOCK).saturating_sub(old.space.used_blocks());
    let (spare, needed) = (old.space.spare().min(goal), old.space.needed().min(goal));
    drop(old);
    let over = collector.memory.budget.used() > collector.memory.budget.limit();
    if over {
        release_blocks(collector, 0, Unit::Block);
    } else {
        release_blocks(collector, needed, Unit::Group);
        // Where much is promoted, the reserve was populated ahead of the pauses that will use it.
        if !collector.pacing.promotes_much() {
            release_idle(collector, spare);
            // That may have made another group ready.
            release_blocks(collector, needed, Unit::Group);
        }
    }
    release_chunks(collector);
    let total = kept_runs(collector);
    release_runs(collector, if over { 0 } else { total });
}

/// Returns the bytes that large runs keep, in use and free ([run.spare]).
fn kept_runs(collector: &Collector) -> usize {
    let (old, large) = (collector.old.lock(), collector.large.lock());
    // Of the goal, as much as runs have of what is in use: what is outside the heap has its part, too.
    let all = old_bytes(&old.space, &large).saturating_add(collector.memory.budget.external());
    let share = large.used as f64 / all.max(1) as f64;
    let grown = (collector.pacing.goal() as f64 * share) as usize;
    let nursery = collector.pacing.young_budget();
    // The first pause that finds the old generation a tenth over its goal ends the cycle, whichever thread waits for a core.
    large.kept(grown.saturating_add(grown / 10).saturating_add(nursery)).saturating_add(nursery)
}

/// Gives back all memory that the heap can do without until its next pause: it keeps a chunk, and has the blocks that promotion of what
/// is young and of that chunk may need.
pub(crate) fn release_all(collector: &Collector) {
    while give_back(collector, |young| Piece::chunks(young, 1)) {}
    let keep = |young: &Young, old: &OldSpace| young.reserve(old, WINDOW);
    release_blocks_except(collector, keep, Unit::Group);
    release_idle(collector, 0);
    // That may have made another group ready.
    release_blocks_except(collector, keep, Unit::Group);
    release_runs(collector, 0);
}

/// Gives the memory of empty blocks back. Keeps the blocks that promotion of the young generation may need, and `least` of them.
fn release_blocks(collector: &Collector, least: usize, unit: Unit) {
    release_blocks_except(collector, |young, old| ready(collector, young, old).max(least), unit);
}

fn release_blocks_except(collector: &Collector, keep: impl Fn(&Young, &OldSpace) -> usize, unit: Unit) {
    while give_back(collector, |young| Piece::blocks(collector, unit, |old| keep(young, old))) {}
}

/// Returns the blocks that promotion of the young generation may need, by every worker. Fewer workers promote with fewer blocks.
fn ready(collector: &Collector, young: &Young, old: &OldSpace) -> usize {
    young.reserve(old, WINDOW) + collector.workers.count() * CLASSES
}

/// Gives the memory of empty chunks back, except those that were in use at a time, and at most twice the young budget: a burst of
/// allocation without safepoints can take much more.
pub(crate) fn release_chunks(collector: &Collector) {
    let spare = {
        let space = &mut collector.young.lock().space;
        space.spare().min(2 * collector.pacing.young_budget() / space.chunk_bytes())
    };
    while give_back(collector, |young| Piece::chunks(young, spare)) {}
}

/// Gives the memory of free large runs back, until runs in use and free ones have `total` bytes together.
fn release_runs(collector: &Collector, total: usize) {
    while give_back(collector, |_| Piece::runs(collector, total)) {}
}

/// Gives back a piece of whatever is empty, for an allocation that needs the memory elsewhere. Returns whether there was any. The
/// caller holds no lock.
pub(crate) fn release_some(collector: &Collector) -> bool {
    give_back(collector, |young| {
        Piece::chunks(young, 1)
            .or_else(|| Piece::blocks(collector, Unit::Block, |old| young.reserve(old, WINDOW)))
            .or_else(|| Piece::runs(collector, 0))
    })
}

/// Gives back a piece of the empty chunks and runs, for blocks ([trim.in-hand]). Returns whether there was any.
pub(crate) fn release_some_for_blocks(collector: &Collector, young: &mut Young) -> bool {
    give_back_in_hand(collector, young, |young| Piece::chunks(young, 1).or_else(|| Piece::runs(collector, 0)))
}

/// Gives back a piece of the empty blocks and runs, for a chunk of which `bytes` will be handed out ([trim.in-hand]). Returns
/// whether there was any.
pub(crate) fn release_some_for_chunk(collector: &Collector, young: &mut Young, bytes: usize) -> bool {
    give_back_in_hand(collector, young, |young| {
        Piece::blocks(collector, Unit::Block, |old| young.reserve(old, bytes)).or_else(|| Piece::runs(collector, 0))
    })
}

/// Allocates by `attempt`, and again as long as memory was on its way back to the system meanwhile. The caller holds no lock.
pub(crate) fn found_or_trimmed<R>(collector: &Collector, attempt: impl Fn() -> Option<R>) -> Option<R> {
    let mut seen = None;
    loop {
        if let Some(found) = attempt() {
            return Some(found);
        }
        // This waits for the end of those that are under way.
        let trims = collector.trims.lock();
        let trims = *trims + collector.young.lock().trims;
        if seen.replace(trims) == Some(trims) {
            return None;
        }
    }
}

/// Gives back the piece that `choose` takes off its list. Returns whether there was one. The caller holds no lock.
///
/// The lock of the young generation is held while the piece is chosen. So no allocation gets nursery memory that relies on a block
/// which is about to be released ([refill.reserve]).
fn give_back(collector: &Collector, choose: impl FnOnce(&mut Young) -> Option<Piece>) -> bool {
    let mut trims = collector.trims.lock();
    let piece = choose(&mut collector.young.lock());
    let Some(piece) = piece else { return false };
    piece.release(collector);
    piece.list(collector, &mut collector.young.lock());
    *trims += 1;
    // An allocation that waits for memory tries again after each piece.
    MutexGuard::unlock_fair(trims);
    true
}

/// The same for a thread that keeps the lock of the young generation ([trim.in-hand]).
fn give_back_in_hand(
    collector: &Collector,
    young: &mut Young,
    choose: impl FnOnce(&mut Young) -> Option<Piece>,
) -> bool {
    let Some(piece) = choose(young) else { return false };
    piece.release(collector);
    piece.list(collector, young);
    young.trims += 1;
    true
}

/// Gives the memory of groups back that stay ready for promotion, except `spare` blocks ([group.idle]).
fn release_idle(collector: &Collector, spare: usize) {
    loop {
        let mut trims = collector.trims.lock();
        let idle = {
            let young = collector.young.lock();
            let old = &mut collector.old.lock().space;
            // A pause may come while the group is away.
            old.take_idle(spare, young.reserve(old, WINDOW), &collector.memory)
        };
        let Some(idle) = idle else { return };
        for (offset, bytes) in block_ranges(collector, &[idle]) {
            // SAFETY: empty blocks that were taken off the list, so no other code uses them.
            unsafe { collector.memory.discard(offset, bytes) };
        }
        collector.old.lock().space.put_idle(idle);
        *trims += 1;
        MutexGuard::unlock_fair(trims);
    }
}

/// Memory that was taken off its list, to be given back.
enum Piece {
    Chunks(Vec<u32>),
    Blocks(Vec<Leaving>),
    Runs(Vec<Span>),
}

impl Piece {
    fn chunks(young: &mut Young, keep: usize) -> Option<Self> {
        let most = (PIECE / young.space.chunk_bytes()).max(1);
        let chunks = young.space.take_surplus(keep, most);
        (!chunks.is_empty()).then_some(Self::Chunks(chunks))
    }

    /// Takes empty blocks except as many as `keep` says.
    fn blocks(collector: &Collector, unit: Unit, keep: impl FnOnce(&OldSpace) -> usize) -> Option<Self> {
        let old = &mut collector.old.lock().space;
        let keep = keep(old);
        let blocks = old.take_surplus(keep, PIECE / BLOCK, unit, &collector.memory);
        (!blocks.is_empty()).then_some(Self::Blocks(blocks))
    }

    fn runs(collector: &Collector, total: usize) -> Option<Self> {
        let runs = collector.large.lock().take_surplus(total, PIECE);
        (!runs.is_empty()).then_some(Self::Runs(runs))
    }

    /// Gives the memory back to the system.
    fn release(&self, collector: &Collector) {
        let map = &collector.map;
        match self {
            Self::Chunks(chunks) => {
                let bytes = collector.config.chunk_bytes;
                for &chunk in chunks {
                    // SAFETY: an empty chunk that was taken off the list, so no other code uses it.
                    unsafe { collector.memory.discard(YoungSpace::offset_of(map, chunk, bytes), bytes) };
                }
            }
            Self::Blocks(blocks) => {
                for (offset, bytes) in block_ranges(collector, blocks) {
                    // SAFETY: empty blocks that were taken off the list, so no other code uses them.
                    unsafe { collector.memory.discard(offset, bytes) };
                }
                for first in blocks.iter().filter_map(|leaving| leaving.whole_group()) {
                    // SAFETY: all blocks of the group were taken off the list, so no other code opens one ([group.bits]).
                    unsafe { collector.bits.release_group(first) };
                }
            }
            Self::Runs(runs) => {
                for &run in runs {
                    let (offset, bytes) = (LargeSpace::offset(map, run), run.bytes);
                    // SAFETY: a free run that was taken off the list, so no other code uses it ([free-runs.leaving]).
                    unsafe { collector.memory.discard(offset, bytes) };
                }
            }
        }
    }

    /// Lists what was released, and discharges it ([trim.counted]).
    fn list(&self, collector: &Collector, young: &mut Young) {
        let budget = &collector.memory.budget;
        match self {
            Self::Chunks(chunks) => {
                young.space.put_released(chunks);
                budget.discharge(chunks.len() * collector.config.chunk_bytes);
            }
            Self::Blocks(blocks) => {
                let mut old = collector.old.lock();
                old.space.put_released(blocks);
                budget.discharge(blocks.iter().map(|leaving| leaving.count()).sum::<usize>() * BLOCK);
            }
            Self::Runs(runs) => {
                let mut large = collector.large.lock();
                large.put_released(runs);
                budget.discharge(runs.iter().map(|run| run.bytes).sum());
            }
        }
    }
}

/// Returns the offsets and bytes of blocks, as pieces without a gap.
fn block_ranges(collector: &Collector, blocks: &[Leaving]) -> impl Iterator<Item = (usize, usize)> {
    let map = collector.map;
    blocks
        .iter()
        .flat_map(|leaving| leaving.pieces())
        .map(move |(first, count)| (map.offset(map.block_start(first)), count * BLOCK))
}

impl BlockMemory for Memory {
    fn charge(&self, _: usize, bytes: usize) -> bool {
        self.budget.charge(bytes)
    }

    fn grow(&self, offset: usize, bytes: usize) -> bool {
        Self::grow(self, offset, bytes)
    }

    fn advise(&self, offset: usize, bytes: usize, huge: bool) {
        Self::advise(self, offset, bytes, huge);
    }
}

#[cfg(all(test, not(gc_loom)))]
mod tests {
    use core::time::Duration;
    use std::{cell::Cell, rc::Rc};

    use super::*;
    use crate::{
        Gc, Generation, Heap, Level, Root, Slot, Stress,
        memory::calls::{self, Call},
        sync::{Arc, Mutex},
    };

    /// What this thread has given back: calls, the bytes of all and of the largest one, and the bytes in use meanwhile. And how often it
    /// has committed memory.
    #[derive(Clone, Copy, Default, Debug)]
    struct Given {
        commits: usize,
        calls: usize,
        bytes: usize,
        most: usize,
        in_use: Option<usize>,
    }

    /// Returns the bytes that are charged and not free, as a pause would find them.
    fn in_use(collector: &Collector) -> usize {
        let (young, old, large) = (collector.young.lock(), collector.old.lock(), collector.large.lock());
        let free = young.space.empty_bytes() + old.space.charged_empty() * BLOCK + large.charged_free();
        collector.memory.budget.used() - free
    }

    /// Runs `scope`, in which no system call of this thread may be made while the thread holds a lock that a pause or an allocation
    /// takes. What is given back must not look like less in use meanwhile ([trim.counted]).
    fn without_locks(collector: &Arc<Collector>, scope: impl FnOnce()) -> Given {
        let given = Rc::new(Cell::new(Given::default()));
        let (observed, collector) = (given.clone(), collector.clone());
        let observer = move |call, bytes: usize| {
            // Other threads hold a lock for a moment, this one would for ever.
            let timeout = Duration::from_secs(20);
            assert!(collector.registry.try_lock_for(timeout).is_some(), "{call:?} under the registry's lock");
            assert!(collector.young.try_lock_for(timeout).is_some(), "{call:?} under the lock of what is young");
            assert!(collector.old.try_lock_for(timeout).is_some(), "{call:?} under the lock of what is old");
            assert!(collector.large.try_lock_for(timeout).is_some(), "{call:?} under the lock of large runs");
            let mut given = observed.get();
            match call {
                Call::Commit => given.commits += 1,
                Call::Release => {
                    given.calls += 1;
                    given.bytes += bytes;
                    given.most = given.most.max(bytes);
                    let now = in_use(&collector);
                    assert_eq!(*given.in_use.get_or_insert(now), now, "room is found twice");
                }
                Call::Advise | Call::Populate => {}
            }
            observed.set(given);
        };
        calls::observe(observer, scope);
        given.get()
    }

    /// Empties 32 MiB of blocks, of chunks and of runs, and gives memory back by `give`. Returns what that has given back, and the
    /// bytes that are charged before and after.
    fn emptied(give: impl Fn(&Collector)) -> (Given, [usize; 2]) {
        // The heap's own thread, which would give back some of it, waits in the hook.
        let lock = Arc::new(Mutex::new(()));
        let (guard, waits) = (lock.lock(), lock.clone());
        let builder = Heap::builder().stress(Stress::default());
        let heap = builder.on_event(Level::Debug, move |_| drop(waits.lock())).build().unwrap();
        let collector = heap.shared_collector();
        let mut m = heap.attach().unwrap();
        m.collect(Generation::Young);
        // No safepoint: a burst.
        for _ in 0..32 << 10 {
            m.alloc([0_u8; 1000]);
        }
        let mut kept: Root<Vec<Gc<'static, [u8]>>> = m.root(Vec::<Gc<[u8]>>::new());
        for n in 0..32 << 10 {
            let small = m.alloc_slice_with(1000, |_| 1);
            kept.get_mut(&m).push(small);
            if n % 64 == 0 {
                let large = m.alloc_slice_copy(&[1; 60 << 10]);
                kept.get_mut(&m).push(large);
            }
            m.safepoint();
        }
        drop(kept);
        m.collect(Generation::Old);
        drop(m);
        let before = collector.memory.budget.used();
        let given = without_locks(collector, || give(collector));
        let after = collector.memory.budget.used();
        drop(guard);
        (given, [before, after])
    }

    #[test]
    fn what_is_unused_is_given_back_in_pieces_without_a_lock() {
        // All that was not in use for a cycle.
        let (given, [before, after]) = emptied(|collector| (0..3).for_each(|_| release_unused(collector)));
        assert!(given.bytes > 48 << 20 && given.most <= PIECE, "{given:?}");
        assert!(after + (48 << 20) < before, "{after} after {before}, {given:?}");
    }

    #[test]
    fn all_that_is_empty_is_given_back_in_pieces_without_a_lock() {
        let (given, [before, after]) = emptied(release_all);
        assert!(given.bytes > 64 << 20 && given.most <= PIECE, "{given:?}");
        // A chunk, and the blocks that it may need.
        assert!(after < 16 << 20, "{after} after {before}, {given:?}");
    }

    #[test]
    fn an_allocation_commits_without_a_lock() {
        let heap = Heap::builder().stress(Stress::default()).build().unwrap();
        let m = heap.attach().unwrap();
        let given = without_locks(heap.shared_collector(), || {
            let kept = m.root(m.alloc_slice_with(1 << 15, |_| Slot::<[u8]>::null()));
            for n in 0..1 << 15 {
                let bytes = if n % 64 == 0 { 60 << 10 } else { 1000 };
                let new = m.alloc_slice_with(bytes, |_| 1);
                kept.get(&m)[n].set(&m, Some(new));
            }
        });
        assert!(given.commits > 500 && given.calls == 0, "at least one for each large object: {given:?}");
    }
}
