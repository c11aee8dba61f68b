//! Which blocks to evacuate: the sparse ones, group by group, because memory goes back to the
//! system in groups of blocks.
//!
//! All figures are of blocks that are listed, whose free cells were counted when they were closed.
//! A used block that is not listed has few free cells, and counts as full. So a choice looks at
//! descriptors only.

use crate::{
    memory::address_map::{BLOCK, GROUP},
    object::size_class::{CLASSES, SizeClass},
};

use super::old::OldSpace;

/// What a group of blocks holds.
#[derive(Clone, Copy, Default)]
struct Group {
    number: usize,
    used: usize,
    /// Empty blocks with memory.
    empty: usize,
    live_bytes: usize,
}

/// Memory of sparse groups that is not worth a move.
const LITTLE: usize = 2 * GROUP * BLOCK;
/// Memory that is not worth a pause in which everything is moved together.
const ROOM: usize = 256 << 10;

impl OldSpace {
    /// Returns the bytes of groups with a block in use: none of them can go back to the system
    /// whole.
    fn held(&self) -> usize {
        self.groups_in_use() * GROUP * BLOCK
    }

    /// Returns whether the groups in use hold so little that some of them had better be evacuated:
    /// less than two thirds, and more than a little memory is at stake.
    pub(crate) fn is_sparse(&self) -> bool {
        self.held() > self.live_bytes / 2 * 3 + LITTLE
    }

    /// Returns the cells of a used block that hold objects, or more. No cursor has the block open.
    fn live_cells(&self, block: u32) -> usize {
        let class = self.blocks[block as usize].class;
        class.map_or(0, |class| class.cells() - self.listed_free(block))
    }

    fn live_bytes_of(&self, block: u32) -> usize {
        self.blocks[block as usize].class.map_or(0, |class| self.live_cells(block) * class.bytes())
    }

    fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        groups.resize(self.blocks.len().div_ceil(GROUP), Group::default());
        for (number, group) in groups.iter_mut().enumerate() {
            group.number = number;
            for block in blocks_of(number, self.blocks.len()) {
                group.used += usize::from(self.blocks[block as usize].class.is_some());
                group.live_bytes += self.live_bytes_of(block);
            }
            group.empty = self.ready_in(number);
        }
        groups
    }

    /// Chooses blocks to evacuate when marking ends, the blocks of the sparsest groups first: at
    /// most `bytes` of objects. The groups are [sparse](Self::is_sparse), and no cursor is open.
    pub(crate) fn choose_sparse(&self, bytes: usize) -> Vec<u32> {
        let mut chosen = Vec::new();
        let mut groups = self.groups();
        groups.retain(|group| group.used > 0 && group.live_bytes < GROUP * BLOCK / 3 * 2);
        groups.sort_unstable_by_key(|group| group.live_bytes);
        let (mut left, mut excess) = (bytes, self.held().saturating_sub(self.live_bytes / 4 * 5));
        for group in groups {
            let mut blocks: Vec<u32> = blocks_of(group.number, self.blocks.len()).collect();
            blocks
                .retain(|&block| self.blocks[block as usize].class.is_some() && self.blocks[block as usize].rests == 0);
            blocks.sort_unstable_by_key(|&block| self.live_bytes_of(block));
            for block in blocks {
                let live = self.live_bytes_of(block);
                if live > left {
                    return chosen;
                }
                left -= live;
                chosen.push(block);
            }
            excess = excess.saturating_sub(GROUP * BLOCK);
            if excess == 0 {
                break;
            }
        }
        chosen
    }

    /// Chooses closed blocks, however full, for at most `bytes` of objects: all of them, or by
    /// chance from a seed. No cursor is open.
    pub(crate) fn choose_for_test(&self, bytes: usize, seed: Option<u64>) -> Vec<u32> {
        let (mut state, mut left) = (seed.unwrap_or(0), bytes);
        let mut chosen: Vec<u32> = self.used().collect();
        chosen.retain(|&block| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let live = self.live_bytes_of(block);
            let takes = live <= left && (seed.is_none() || state >> 63 == 0);
            left -= if takes { live } else { 0 };
            takes
        });
        chosen
    }

    /// Returns how many blocks fewer would hold the objects, if those of each class lay together.
    pub(crate) fn gain(&self) -> usize {
        self.used_blocks().saturating_sub(self.need().iter().sum())
    }

    /// Returns whether moving everything together makes so much room that it is worth a pause: a
    /// sixteenth of what is alive, and more than a little.
    pub(crate) fn is_worth_compacting(&self) -> bool {
        self.gain() * BLOCK > (self.live_bytes / 16).max(ROOM)
    }

    /// Returns how many blocks of each class its objects need.
    fn need(&self) -> [usize; CLASSES] {
        let mut need = [0; CLASSES];
        for block in self.used() {
            if let Some(class) = self.blocks[block as usize].class {
                need[class.index()] += self.live_cells(block);
            }
        }
        for (index, need) in need.iter_mut().enumerate() {
            *need = need.div_ceil(SizeClass::from_index(index).cells());
        }
        need
    }

    /// Plans to move all objects together: returns the blocks to evacuate, and the groups that the
    /// others are in, best first. No cursor is open, every block is swept, and every object in a
    /// block is alive.
    ///
    /// For each class there is a least number of blocks that hold its objects. The fullest groups
    /// are kept, until those of their blocks that are needed and their empty blocks are enough for
    /// all classes. The objects of all other blocks fit into them.
    pub(crate) fn plan(&self) -> Plan {
        let mut groups = self.groups();
        groups.sort_unstable_by_key(|group| core::cmp::Reverse((group.live_bytes, group.used)));
        let (mut missing, mut empty) = (self.need(), 0);
        let mut plan = Plan::default();
        for group in groups {
            if missing.iter().sum::<usize>() <= empty {
                break;
            }
            empty += group.empty;
            let mut blocks: Vec<u32> = blocks_of(group.number, self.blocks.len()).collect();
            blocks.sort_unstable_by_key(|&block| core::cmp::Reverse(self.live_cells(block)));
            for block in blocks {
                if let Some(class) = self.blocks[block as usize].class
                    && missing[class.index()] > 0
                {
                    missing[class.index()] -= 1;
                    plan.kept.push(block);
                }
            }
            plan.groups.push(group.number as u32);
        }
        let mut kept = vec![false; self.blocks.len()];
        plan.kept.iter().for_each(|&block| kept[block as usize] = true);
        plan.evacuated = self.used().filter(|&block| !kept[block as usize]).collect();
        plan
    }

    fn used(&self) -> impl Iterator<Item = u32> {
        self.blocks.iter().enumerate().filter(|(_, block)| block.class.is_some()).map(|(index, _)| index as u32)
    }
}

/// What is to be moved where.
#[derive(Default)]
pub(crate) struct Plan {
    /// Blocks whose objects are moved.
    pub(crate) evacuated: Vec<u32>,
    /// Blocks that receive them, the best first.
    pub(crate) kept: Vec<u32>,
    /// The groups of these blocks, the best first. Their empty blocks receive objects, too.
    pub(crate) groups: Vec<u32>,
}

fn blocks_of(group: usize, blocks: usize) -> core::ops::Range<u32> {
    (group * GROUP) as u32..((group + 1) * GROUP).min(blocks) as u32
}
