//! Gives empty memory back to the system.
//!
//! - **[trim.pieces]** Memory is given back in pieces of [`PIECE`] bytes. A thread takes a piece
//!   off its list under the lock of the list, gives it back without that lock, and lists it again.
//!   So a pause or an allocation of another thread waits for no system call, and those of its own
//!   that wait for one of these in the system (to commit memory, or to back a page) wait for a
//!   piece.
//! - **[trim.found]** Memory on its way back is charged and on no list; `trims` is locked
//!   meanwhile. An allocation that finds no memory tries again when that is over
//!   ([`found_or_trimmed`]). It does so in vain at most once, and once for each time that something
//!   was given back.
//! - **[trim.counted]** Memory on its way back is discharged when it is listed again, in one
//!   critical section. So who holds the lock of a list finds memory on its way back charged and
//!   free, or neither; a pause would find room twice otherwise.
//! - **[trim.in-hand]** An allocation near the limit gives memory of another kind back, without the
//!   lock of the young generation: a piece, and another one only if that was not enough. It lists a
//!   piece and tries again in one critical section, so that no other small object gets what was
//!   freed for it. It keeps `trims` meanwhile: an allocation that finds no memory waits until that
//!   is over ([trim.found]), and no two give back what the other one needs. What it gives back it
//!   does not take again before it has succeeded, so it ends, and is refused only when nothing is
//!   left to give back or to sweep.
//! - **[trim.listed]** What was taken off its list is listed again if the thread panics meanwhile,
//!   too.

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
    sync::{MutexGuard, held},
};

use super::{
    collector::Collector,
    generations::{Young, old_bytes},
    headroom::WINDOW,
    sweeping,
};

/// The most bytes that are given back at a time. The system takes a quarter of a millisecond for
/// pages of the usual size.
const PIECE: usize = GROUP * BLOCK;

/// Gives back what the program has not used for a major cycle: empty blocks, chunks, and large
/// runs.
///
/// What was in use at a time since the last cycle will be again before the next one, and an
/// allocation on a page that was given back costs ten times as much. Blocks above the goal are not
/// kept: the next cycle should end before the program uses them.
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
        release_idle(collector, spare);
        // That may have made another group ready.
        release_blocks(collector, needed, Unit::Group);
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
    // Pauses that find the old generation over its goal end the cycle, whichever thread waits for a core, while about a tenth more is
    // promoted ([assist.schedule]).
    large.kept(grown.saturating_add(grown / 10).saturating_add(nursery)).saturating_add(nursery)
}

/// Gives back all memory that the heap can do without until its next pause: it keeps a chunk, and
/// has the blocks that promotion of what is young and of that chunk may need.
pub(crate) fn release_all(collector: &Collector) {
    while give_back(collector, |young| Piece::chunks(young, 1, Unit::Block)) {}
    let keep = |young: &Young, old: &OldSpace| young.reserve(old, WINDOW);
    release_blocks_except(collector, keep, Unit::Group);
    release_idle(collector, 0);
    // That may have made another group ready.
    release_blocks_except(collector, keep, Unit::Group);
    release_runs(collector, 0);
}

/// Gives the memory of empty blocks back. Keeps the blocks that promotion of the young generation
/// may need, and `least` of them.
fn release_blocks(collector: &Collector, least: usize, unit: Unit) {
    release_blocks_except(collector, |young, old| ready(collector, young, old).max(least), unit);
}

fn release_blocks_except(collector: &Collector, keep: impl Fn(&Young, &OldSpace) -> usize, unit: Unit) {
    while give_back(collector, |young| Piece::blocks(collector, unit, |old| keep(young, old))) {}
}

/// Returns the blocks that promotion of the young generation may need, by every worker. Fewer
/// workers promote with fewer blocks.
pub(super) fn ready(collector: &Collector, young: &Young, old: &OldSpace) -> usize {
    young.reserve(old, WINDOW) + collector.workers.count() * CLASSES
}

/// Gives the memory of empty chunks back, except those that were in use at a time, and at most
/// twice the young budget: a burst of allocation without safepoints can take much more.
pub(crate) fn release_chunks(collector: &Collector) {
    let spare = {
        let space = &mut collector.young.lock().space;
        space.spare().min(2 * collector.pacing.young_budget() / space.chunk_bytes())
    };
    while give_back(collector, |young| Piece::chunks(young, spare, Unit::Group)) {}
}

/// Gives the memory of free large runs back, until runs in use and free ones have `total` bytes
/// together.
fn release_runs(collector: &Collector, total: usize) {
    while give_back(collector, |_| Piece::runs(collector, total)) {}
}

/// Gives back a piece of whatever is empty, for an allocation that needs the memory elsewhere.
/// Returns whether there was any. The caller holds no lock.
pub(crate) fn release_some(collector: &Collector) -> bool {
    give_back(collector, |young| {
        Piece::chunks(young, 1, Unit::Block)
            .or_else(|| Piece::blocks(collector, Unit::Block, |old| young.reserve(old, WINDOW)))
            .or_else(|| Piece::runs(collector, 0))
    })
}

/// What an allocation of a small object lacks.
pub(crate) enum Lack {
    /// Blocks that are ready ([refill.reserve]).
    Blocks,
    /// A chunk, of which so many bytes will be handed out.
    Chunk(usize),
}

/// Allocates by `attempt`, which has the lock of the young generation, and again while memory is
/// found for it: what can be committed, swept, or given back elsewhere ([trim.in-hand]). The first
/// time `attempt` may take more than it must have (`true`). Returns whether it has succeeded. The
/// caller holds no lock.
pub(crate) fn found_or_freed(collector: &Collector, attempt: impl Fn(&mut Young, bool) -> Result<(), Lack>) -> bool {
    let at_ease = || attempt(&mut collector.young.lock(), true).ok();
    let found = collector.memory.committed(at_ease).is_some() || {
        let mut trims = collector.trims.lock();
        free_until(collector, &mut trims, |young| attempt(young, false))
    };
    // Where another thread has the lock, a later allocation sees to it.
    if collector.old.try_lock().is_some_and(|old| old.space.has_advice()) {
        advise(collector);
    }
    found
}

/// Gives memory back until `attempt` succeeds. Returns whether it has.
fn free_until(
    collector: &Collector,
    trims: &mut MutexGuard<'_, u64>,
    attempt: impl Fn(&mut Young) -> Result<(), Lack>,
) -> bool {
    let mut given: Option<OnItsWay<'_>> = None;
    loop {
        let before = collector.memory.committed_bytes();
        let mut young = collector.young.lock();
        if let Some(given) = given.take() {
            given.list(&mut young);
            **trims += 1;
        }
        let Err(lack) = attempt(&mut young) else { return true };
        let near = young.near;
        drop(young);
        if held::beside(trims, || collector.memory.commit_beyond(before))
            // What waits to be swept may have free cells. Near the limit these are room, and need no memory.
            || (near && sweeping::sweep_to_allocate(collector))
        {
            continue;
        }
        given = OnItsWay::take(collector, trims, |young| match lack {
            Lack::Blocks => Piece::chunks(young, 1, Unit::Block).or_else(|| Piece::runs(collector, 0)),
            Lack::Chunk(bytes) => Piece::blocks(collector, Unit::Block, |old| young.reserve(old, bytes))
                .or_else(|| Piece::runs(collector, 0)),
        });
        match &given {
            Some(given) => given.release(trims),
            None if sweeping::sweep_to_allocate(collector) => {}
            None => return false,
        }
    }
}

/// Allocates by `attempt`, and again as long as memory was on its way back to the system meanwhile.
/// The caller holds no lock.
pub(crate) fn found_or_trimmed<R>(collector: &Collector, attempt: impl Fn() -> Option<R>) -> Option<R> {
    let mut seen = None;
    loop {
        if let Some(found) = attempt() {
            return Some(found);
        }
        // This waits for the end of those that are under way.
        let trims = *collector.trims.lock();
        if seen.replace(trims) == Some(trims) {
            return None;
        }
    }
}

/// Gives back the piece that `choose` takes off its list. Returns whether there was one. The caller
/// holds no lock.
fn give_back(collector: &Collector, choose: impl Fn(&mut Young) -> Option<Piece>) -> bool {
    let mut trims = collector.trims.lock();
    let Some(given) = OnItsWay::take(collector, &trims, choose) else { return false };
    given.release(&trims);
    given.list(&mut collector.young.lock());
    *trims += 1;
    // An allocation that waits for memory tries again after each piece.
    MutexGuard::unlock_fair(trims);
    true
}

/// Gives the advice about huge pages that is due ([group.advice]). The caller holds no lock.
fn advise(collector: &Collector) {
    loop {
        let Some(advice) = collector.old.lock().space.take_advice() else { return };
        let offset = collector.map.offset(collector.map.block_start(advice.first()));
        collector.memory.advise(offset, GROUP * BLOCK, !advice.split);
        collector.old.lock().space.advised(advice);
    }
}

/// Gives the memory of groups back that stay ready for promotion, except `spare` blocks
/// ([group.idle]).
fn release_idle(collector: &Collector, spare: usize) {
    while give_back(collector, |young| Piece::idle(collector, young, spare)) {}
}

/// Memory that was taken off its list, to be given back.
enum Piece {
    Chunks(Vec<u32>),
    Blocks(Vec<Leaving>),
    /// A group that stays ready.
    Idle(Leaving),
    Runs(Vec<Span>),
}

/// A piece that is listed again, whatever happens ([trim.listed]). The thread has `trims`.
struct OnItsWay<'a> {
    collector: &'a Collector,
    piece: Option<Piece>,
}

impl<'a> OnItsWay<'a> {
    /// Takes the piece that `choose` takes off its list.
    ///
    /// The lock of the young generation is held meanwhile. So no allocation gets nursery memory
    /// that relies on a block which is about to be released ([refill.reserve]).
    fn take(
        collector: &'a Collector,
        trims: &MutexGuard<'_, u64>,
        choose: impl Fn(&mut Young) -> Option<Piece>,
    ) -> Option<Self> {
        let chosen = || choose(collector.young.lock().give_back());
        let piece = held::beside(trims, || collector.memory.committed(chosen))?;
        let given = Self { collector, piece: Some(piece) };
        // Before it is released: the system would back it again.
        held::beside(trims, || advise(collector));
        Some(given)
    }

    /// Gives the memory back to the system.
    fn release(&self, trims: &MutexGuard<'_, u64>) {
        if let Some(piece) = &self.piece {
            held::beside(trims, || piece.release(self.collector));
        }
    }

    /// Lists the piece.
    fn list(mut self, young: &mut Young) {
        if let Some(piece) = self.piece.take() {
            piece.list(self.collector, young);
        }
    }
}

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        if let Some(piece) = self.piece.take() {
            piece.list(self.collector, &mut self.collector.young.lock());
        }
    }
}

impl Piece {
    fn chunks(young: &mut Young, keep: usize, unit: Unit) -> Option<Self> {
        let most = (PIECE / young.space.chunk_bytes()).max(1);
        let chunks = young.space.take_surplus(keep, most, unit);
        (!chunks.is_empty()).then_some(Self::Chunks(chunks))
    }

    /// Takes empty blocks except as many as `keep` says.
    fn blocks(collector: &Collector, unit: Unit, keep: impl FnOnce(&OldSpace) -> usize) -> Option<Self> {
        let old = &mut collector.old.lock().space;
        let keep = keep(old);
        let blocks = old.take_surplus(keep, PIECE / BLOCK, unit);
        (!blocks.is_empty()).then_some(Self::Blocks(blocks))
    }

    /// Takes a group of which no block is `spare`. A pause may come while it is away.
    fn idle(collector: &Collector, young: &Young, spare: usize) -> Option<Self> {
        let old = &mut collector.old.lock().space;
        old.take_idle(spare, young.reserve(old, WINDOW), &collector.memory).map(Self::Idle)
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
            Self::Idle(idle) => {
                for (offset, bytes) in block_ranges(collector, &[*idle]) {
                    // SAFETY: as above.
                    unsafe { collector.memory.discard(offset, bytes) };
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

    /// Lists what was released, and discharges it, unless it stays ready ([trim.counted]).
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
            Self::Idle(idle) => collector.old.lock().space.put_idle(*idle),
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
}

#[cfg(all(test, not(gc_loom)))]
mod tests;
