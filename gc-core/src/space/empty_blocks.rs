//! The empty blocks of the old part, in groups as large as a huge page.
//!
//! The old part is advised huge pages. So the system backs a group as a whole once one block of it
//! is used, at the latest when it joins its pages some seconds later, and a block that is given
//! back alone returns. What is backed is therefore chosen by groups.
//!
//! | a block is | its memory is |
//! |---|---|
//! | in use | charged; it is in no list here |
//! | ready | charged: promotion may open it |
//! | leaving | charged, and about to be given back by the thread that took it off the list: for good, or while it is *idle* |
//! | released | given back; an address that is charged before it is ready again |
//!
//! - **[group.low]** The block that is opened next is one of a group that has blocks in use, if
//!   there is one, and the lowest of those. So blocks that become empty leave whole groups empty,
//!   at the upper end.
//! - **[group.whole]** While memory is not short, whole groups are given back, and charged again,
//!   so that one page fault backs them. While memory is short, so are single blocks.
//! - **[group.split]** A group of which some blocks, and not all, are leaving or released is
//!   *split*: huge pages are advised against, or the system would back what was given back. That is
//!   over when all of its blocks are charged, or all are released. A split group takes two mappings
//!   more of those that a process may have. So no more than [`MOST_SPLIT`] groups are split; blocks
//!   of others may be backed again, which costs memory only.
//! - **[group.advice]** The thread that has split a group, or made it whole, advises the system
//!   when it has unlocked, and before it gives memory back. No two advise about one group at once,
//!   so the last advice is what was due when it was given. What has changed meanwhile is due again.
//! - **[group.idle]** A group that is kept ready only because promotion may need it at worst stays
//!   charged, and its memory is given back all the same. It leaves the list for that long, so
//!   another group is ready instead of it, or it is not given back. It is not
//!   [`touched`](Group::touched) before a block of it is opened again.
//! - **[group.bits]** The thread that releases all blocks of a group at once gives the memory of
//!   their bits back, too. Another thread may take single blocks again as soon as they are listed,
//!   and set bits of the group.
//!
//! All of it is used under the lock of the old generation, except that what is leaving is given
//! back without a lock: a thread has taken it off the list, and lists it as released afterwards.
//! The model is `models/protocols/empty_blocks.rs`.

use crate::{
    memory::address_map::{AddressMap, BLOCK, GROUP},
    sync::mutant,
};

/// The most groups that are split at a time: the usual `vm.max_map_count` is 65530.
const MOST_SPLIT: usize = 4096;
/// Every block of a group.
const ALL: u32 = u32::MAX >> (u32::BITS - GROUP as u32);

/// The memory behind blocks.
pub(crate) trait BlockMemory {
    /// Charges blocks that were given back (the offset of the first one in the reservation, bytes
    /// of all). Returns `false` if the limit is reached.
    fn charge(&self, offset: usize, bytes: usize) -> bool;

    /// Charges blocks that were never used (offset, bytes). Returns `false` if they are not
    /// committed, or if the limit is reached.
    fn grow(&self, offset: usize, bytes: usize) -> bool;
}

/// Advice that a thread gives the system without a lock ([group.advice]).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Advice {
    group: u32,
    /// Whether huge pages are advised against.
    pub(crate) split: bool,
}

impl Advice {
    /// Returns the first block of the group.
    pub(crate) fn first(self) -> usize {
        self.group as usize * GROUP
    }
}

/// Blocks of one group that are about to be given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Leaving {
    group: u32,
    blocks: u32,
}

impl Leaving {
    /// Returns the blocks as pieces without a gap: the first block, and the number of blocks.
    pub(crate) fn pieces(self) -> impl Iterator<Item = (usize, usize)> {
        let first = self.group as usize * GROUP;
        let mut left = self.blocks;
        core::iter::from_fn(move || {
            let start = (left != 0).then(|| left.trailing_zeros())?;
            let count = (left >> start).trailing_ones();
            left &= !(ALL >> (GROUP as u32 - count) << start);
            Some((first + start as usize, count as usize))
        })
    }

    /// Returns the number of blocks.
    pub(crate) fn count(self) -> usize {
        self.blocks.count_ones() as usize
    }

    /// Returns the first block of the group if these are all of it: then its bits may be given
    /// back, too ([group.bits]).
    pub(crate) fn whole_group(self) -> Option<usize> {
        let whole = self.blocks == ALL || mutant::BITS_OF_A_GROUP_IN_PIECES.is_planted();
        whole.then_some(self.group as usize * GROUP)
    }
}

/// What is given back, and taken again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    /// Whole groups.
    Group,
    /// Single blocks: memory is short.
    Block,
}

/// One bit for each of a group's blocks.
#[derive(Clone, Copy, Default)]
struct Group {
    ready: u32,
    leaving: u32,
    released: u32,
    /// What the system was advised last, or is just now.
    split: bool,
    /// Whether the group is in `due`, or a thread advises about it.
    due: bool,
    /// Whether blocks that are ready may have memory behind them, where all are.
    touched: bool,
    /// Whether the bits were given back, too.
    bare: bool,
}

/// The empty blocks.
pub(crate) struct EmptyBlocks {
    map: AddressMap,
    groups: Vec<Group>,
    /// The groups all of whose blocks are ready, and those with ready blocks and others.
    whole: GroupSet,
    mixed: GroupSet,
    /// The groups all of whose blocks are released, and those with released blocks and others.
    gone: GroupSet,
    holed: GroupSet,
    /// Groups whose blocks are opened before all others, the last one first.
    preferred: Vec<u32>,
    /// Groups about which advice is due ([group.advice]).
    due: Vec<u32>,
    /// The numbers of blocks.
    ready: usize,
    leaving: usize,
    released: usize,
    /// The numbers of groups.
    split: usize,
    bare: usize,
}

impl EmptyBlocks {
    pub(crate) fn new(map: AddressMap) -> Self {
        Self {
            map,
            groups: Vec::new(),
            whole: GroupSet::default(),
            mixed: GroupSet::default(),
            gone: GroupSet::default(),
            holed: GroupSet::default(),
            preferred: Vec::new(),
            due: Vec::new(),
            ready: 0,
            leaving: 0,
            released: 0,
            split: 0,
            bare: 0,
        }
    }

    /// Returns the number of ready blocks.
    pub(crate) fn ready(&self) -> usize {
        self.ready
    }

    /// Returns the number of empty blocks whose memory is charged.
    pub(crate) fn charged(&self) -> usize {
        self.ready + self.leaving
    }

    /// Returns the number of blocks that are empty, whatever their memory is.
    pub(crate) fn all(&self) -> usize {
        self.ready + self.leaving + self.released
    }

    /// Returns the number of groups whose bits have no memory.
    pub(crate) fn bare_groups(&self) -> usize {
        self.bare
    }

    /// Returns the bytes of the lists.
    pub(crate) fn side_bytes(&self) -> usize {
        self.groups.capacity() * size_of::<Group>() + self.groups.len().div_ceil(64) * 4 * size_of::<u64>()
    }

    /// Lists blocks that were committed, up to the end of a group at most.
    pub(crate) fn add(&mut self, first: usize, count: usize) {
        let group = first / GROUP;
        if group == self.groups.len() {
            self.groups.push(Group::default());
            // Room for every group, so that no set grows in a pause.
            let sets = [&mut self.whole, &mut self.mixed, &mut self.gone, &mut self.holed];
            sets.into_iter().for_each(|set| set.make_room(group));
        }
        self.ready += count;
        self.change(group, |group| {
            group.ready |= ALL >> (GROUP - count) << (first % GROUP);
            group.touched |= count < GROUP;
        });
    }

    /// Lists a block that has become empty.
    pub(crate) fn push(&mut self, block: u32) {
        self.ready += 1;
        self.change(block as usize / GROUP, |group| group.ready |= 1 << (block as usize % GROUP));
    }

    /// Returns the number of groups with a block in use.
    pub(crate) fn groups_in_use(&self) -> usize {
        self.groups.iter().filter(|group| group.ready | group.leaving | group.released != ALL).count()
    }

    /// Returns the number of ready blocks of a group.
    pub(crate) fn ready_in(&self, group: usize) -> usize {
        self.groups.get(group).map_or(0, |group| group.ready.count_ones() as usize)
    }

    /// Prefers the blocks of these groups, the first one first, until the next call.
    pub(crate) fn prefer(&mut self, groups: &[u32]) {
        self.preferred = groups.iter().rev().copied().collect();
    }

    /// Takes a ready block ([group.low]).
    pub(crate) fn pop(&mut self) -> Option<u32> {
        while self.preferred.pop_if(|group| self.groups[*group as usize].ready == 0).is_some() {}
        let preferred = self.preferred.last().map(|&group| group as usize);
        let group = preferred.or_else(|| self.mixed.first()).or_else(|| self.whole.first())?;
        let block = self.groups[group].ready.trailing_zeros();
        self.ready -= 1;
        self.change(group, |group| {
            group.ready &= group.ready - 1;
            group.touched = true;
        });
        Some((group * GROUP) as u32 + block)
    }

    /// Returns a group to back ahead of its use, and does not return it again: one of those that
    /// `blocks` blocks will be opened in next, and that has no memory behind it.
    pub(crate) fn take_bare(&mut self, blocks: usize) -> Option<usize> {
        let group = self.whole.iter().take(self.needed(blocks)).find(|&group| !self.groups[group].touched)?;
        self.groups[group].touched = true;
        Some(group)
    }

    /// Makes released blocks ready again: all of a group, or one if the limit leaves no more, or if
    /// single blocks are asked for. Returns whether there was room for one; `None` if nothing is
    /// released.
    pub(crate) fn retake(&mut self, unit: Unit, memory: &impl BlockMemory) -> Option<bool> {
        // What is retaken of a group that has other blocks makes that one whole.
        let group = self.holed.first().or_else(|| self.gone.first())?;
        let released = self.groups[group].released;
        let one = released & released.wrapping_neg();
        let charge = |blocks: &u32| {
            let first = group * GROUP + blocks.trailing_zeros() as usize;
            memory.charge(self.map.offset(self.map.block_start(first)), blocks.count_ones() as usize * BLOCK)
        };
        let most = if unit == Unit::Group { released } else { one };
        let Some(blocks) = [most, one].into_iter().find(charge) else { return Some(false) };
        self.released -= blocks.count_ones() as usize;
        self.ready += blocks.count_ones() as usize;
        self.bare -= usize::from(self.groups[group].bare);
        self.change(group, |group| {
            group.released &= !blocks;
            group.ready |= blocks;
            group.touched |= blocks != ALL;
            group.bare = false;
        });
        self.want_advice(group);
        Some(true)
    }

    /// Takes ready blocks off the list, except `keep` and at most `most`, so that their memory can
    /// be released without a lock. [`put_released`](Self::put_released) lists them again. The
    /// highest go first ([group.low]).
    pub(crate) fn take_surplus(&mut self, keep: usize, most: usize, unit: Unit) -> Vec<Leaving> {
        let mut surplus = self.ready.saturating_sub(keep).min(most);
        let mut taken = Vec::new();
        while surplus >= if unit == Unit::Group { GROUP } else { 1 } {
            let whole = self.whole.last();
            let mixed = || if unit == Unit::Block { self.mixed.last() } else { None };
            let Some(group) = whole.or_else(mixed) else { break };
            let blocks = highest(self.groups[group].ready, surplus);
            surplus -= blocks.count_ones() as usize;
            self.ready -= blocks.count_ones() as usize;
            self.leaving += blocks.count_ones() as usize;
            self.change(group, |group| {
                group.ready &= !blocks;
                group.leaving |= blocks;
            });
            self.want_advice(group);
            taken.push(Leaving { group: group as u32, blocks });
        }
        taken
    }

    /// Returns whether there is a group for [`take_idle`](Self::take_idle).
    pub(crate) fn has_idle(&self, spare: usize) -> bool {
        self.idle(spare).is_some()
    }

    fn idle(&self, spare: usize) -> Option<usize> {
        self.whole.iter().skip(self.needed(spare)).find(|&group| self.groups[group].touched)
    }

    /// Returns how many whole groups are opened before `blocks` blocks are ([group.low]).
    fn needed(&self, blocks: usize) -> usize {
        let mixed = self.ready - self.whole.iter().count() * GROUP;
        blocks.saturating_sub(mixed).div_ceil(GROUP)
    }

    /// Takes a group off the list that is ready, and is none of the `spare` blocks that will be
    /// opened first, so that its memory can be given back without a lock ([group.idle]).
    /// [`put_idle`](Self::put_idle) lists it again. It is not returned again before it was touched.
    /// Returns `None` also where fewer than `least` blocks would be ready meanwhile.
    pub(crate) fn take_idle(&mut self, spare: usize, least: usize) -> Option<Leaving> {
        let group = self.idle(spare).filter(|_| self.ready >= least + GROUP)?;
        self.ready -= GROUP;
        self.leaving += GROUP;
        self.change(group, |group| {
            (group.ready, group.leaving) = (0, ALL);
            group.touched = false;
        });
        Some(Leaving { group: group as u32, blocks: ALL })
    }

    /// Lists a group as ready whose memory was given back and stays charged.
    pub(crate) fn put_idle(&mut self, idle: Leaving) {
        self.leaving -= GROUP;
        self.ready += GROUP;
        self.change(idle.group as usize, |group| (group.ready, group.leaving) = (ALL, 0));
    }

    /// Lists blocks whose memory was released.
    pub(crate) fn put_released(&mut self, released: &[Leaving]) {
        for &leaving in released {
            let Leaving { group, blocks } = leaving;
            self.leaving -= leaving.count();
            self.released += leaving.count();
            self.bare += usize::from(blocks == ALL);
            self.change(group as usize, |group| {
                group.leaving &= !blocks;
                group.released |= blocks;
                group.bare = blocks == ALL;
                group.touched &= blocks != ALL;
            });
        }
    }

    /// Changes a group, and lists it as what it is then.
    fn change(&mut self, index: usize, change: impl FnOnce(&mut Group)) {
        let group = &mut self.groups[index];
        change(group);
        self.whole.set(index, group.ready == ALL);
        self.mixed.set(index, group.ready != 0 && group.ready != ALL);
        self.gone.set(index, group.released == ALL);
        self.holed.set(index, group.released != 0 && group.released != ALL);
    }

    /// Lists a group if it is split and the system was advised otherwise, or if it is not
    /// ([group.split]).
    fn want_advice(&mut self, index: usize) {
        let group = &mut self.groups[index];
        if group.should_be_split() != group.split && !group.due {
            group.due = true;
            self.due.push(index as u32);
        }
    }

    /// Returns whether there may be advice that is due.
    pub(crate) fn has_advice(&self) -> bool {
        !self.due.is_empty()
    }

    /// Takes advice that is due, to be given without a lock. [`advised`](Self::advised) records
    /// that it was given ([group.advice]).
    pub(crate) fn take_advice(&mut self) -> Option<Advice> {
        while let Some(index) = self.due.pop() {
            let group = &mut self.groups[index as usize];
            let split = group.should_be_split();
            if split == group.split || (split && self.split == MOST_SPLIT) {
                group.due = false;
                continue;
            }
            group.split = split;
            if split {
                self.split += 1;
            } else {
                self.split -= 1;
            }
            return Some(Advice { group: index, split });
        }
        None
    }

    /// Records that advice was given.
    pub(crate) fn advised(&mut self, advice: Advice) {
        self.groups[advice.group as usize].due = false;
        self.want_advice(advice.group as usize);
    }
}

impl Group {
    fn should_be_split(&self) -> bool {
        let away = self.leaving | self.released;
        away != 0 && away != ALL
    }
}

/// Returns the highest bits of a word, at most so many.
fn highest(word: u32, most: usize) -> u32 {
    let mut bits = word;
    while bits.count_ones() as usize > most {
        bits &= bits - 1;
    }
    bits
}

/// A set of groups, by number.
#[derive(Default)]
struct GroupSet {
    words: Vec<u64>,
}

impl GroupSet {
    /// Makes room for a group.
    fn make_room(&mut self, group: usize) {
        self.words.resize(self.words.len().max(group / 64 + 1), 0);
    }

    fn set(&mut self, group: usize, is_in: bool) {
        let word = &mut self.words[group / 64];
        *word = *word & !(1 << (group % 64)) | u64::from(is_in) << (group % 64);
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        self.words
            .iter()
            .enumerate()
            .flat_map(|(index, &word)| (0..64).filter(move |bit| word >> bit & 1 != 0).map(move |bit| index * 64 + bit))
    }

    fn first(&self) -> Option<usize> {
        let index = self.words.iter().position(|&word| word != 0)?;
        Some(index * 64 + self.words[index].trailing_zeros() as usize)
    }

    fn last(&self) -> Option<usize> {
        let index = self.words.iter().rposition(|&word| word != 0)?;
        Some(index * 64 + self.words[index].ilog2() as usize)
    }
}

#[cfg(all(test, not(gc_loom)))]
#[path = "empty_blocks/tests.rs"]
mod tests;
