//! What is given back, taken again, and advised, on lists without memory.

use core::{cell::Cell, ptr::NonNull};

use super::*;

/// Memory with a limit.
struct Limited {
    left: Cell<usize>,
}

impl Limited {
    fn of_blocks(blocks: usize) -> Self {
        Self { left: Cell::new(blocks * BLOCK) }
    }

    fn give_back(&self, empty: &mut EmptyBlocks, leaving: &[Leaving]) {
        let blocks: usize = leaving.iter().flat_map(|leaving| leaving.pieces()).map(|(_, count)| count).sum();
        self.left.update(|left| left + blocks * BLOCK);
        empty.put_released(leaving);
    }
}

impl BlockMemory for Limited {
    fn charge(&self, _: usize, bytes: usize) -> bool {
        let charged = bytes <= self.left.get();
        self.left.update(|left| if charged { left - bytes } else { left });
        charged
    }

    fn grow(&self, offset: usize, bytes: usize) -> bool {
        self.charge(offset, bytes)
    }
}

/// Gives the advice that is due. Returns which groups huge pages are advised in, or against.
fn advised(empty: &mut EmptyBlocks) -> Vec<(usize, bool)> {
    core::iter::from_fn(|| {
        let advice = empty.take_advice()?;
        empty.advised(advice);
        Some((advice.first() / GROUP, !advice.split))
    })
    .collect()
}

/// The lists of so many groups, all ready.
fn groups(count: usize) -> EmptyBlocks {
    let map = AddressMap::new(NonNull::<u128>::dangling().cast(), 0, 0, count * GROUP * BLOCK);
    let mut empty = EmptyBlocks::new(map);
    for group in 0..count {
        empty.add(group * GROUP, GROUP);
    }
    empty
}

fn first_blocks(leaving: &[Leaving]) -> Vec<(usize, usize)> {
    leaving.iter().flat_map(|leaving| leaving.pieces()).collect()
}

#[test]
fn a_group_is_a_huge_page() {
    assert_eq!(GROUP * BLOCK, 2 << 20);
}

#[test]
fn groups_in_use_are_filled_before_another_is_begun() {
    let mut empty = groups(3);
    let opened: Vec<_> = (0..40).map(|_| empty.pop().unwrap()).collect();
    assert_eq!(opened, (0..40).collect::<Vec<_>>());
    // One of a group that is full, and one of the second group, which has others in use.
    empty.push(35);
    empty.push(7);
    assert_eq!([(); 3].map(|()| empty.pop().unwrap()), [7, 35, 40]);
    assert_eq!((empty.ready(), empty.all()), (3 * GROUP - 41, 3 * GROUP - 41));
}

#[test]
fn at_leisure_whole_groups_are_given_back_and_taken_again() {
    let (mut empty, memory) = (groups(4), Limited::of_blocks(0));
    let one = empty.pop().unwrap();
    let leaving = empty.take_surplus(GROUP, usize::MAX, Unit::Group);
    assert_eq!(first_blocks(&leaving), [(3 * GROUP, GROUP), (2 * GROUP, GROUP)], "{GROUP} are kept, and a rest");
    assert_eq!((empty.ready(), empty.all()), (2 * GROUP - 1, 4 * GROUP - 1));
    memory.give_back(&mut empty, &leaving);
    assert_eq!(empty.all(), 4 * GROUP - 1);
    assert_eq!(empty.take_surplus(GROUP, usize::MAX, Unit::Group), [], "the group in use stays");
    assert_eq!(empty.retake(Unit::Group, &memory), Some(true));
    assert_eq!(empty.ready(), 3 * GROUP - 1, "a whole group");
    empty.push(one);
    assert_eq!(advised(&mut empty), [], "no group was split");
}

#[test]
fn what_is_only_kept_ready_is_idle_until_it_is_opened() {
    let mut empty = groups(4);
    let opened: Vec<_> = (0..4 * GROUP).map(|_| empty.pop().unwrap()).collect();
    opened.into_iter().skip(1).for_each(|block| empty.push(block));
    let idle = |empty: &mut EmptyBlocks, spare| {
        let ready = empty.ready();
        let idle = empty.take_idle(spare, 0)?;
        assert_eq!((empty.ready(), empty.charged()), (ready - GROUP, ready), "none opens a block of it meanwhile");
        empty.put_idle(idle);
        assert_eq!((empty.ready(), empty.charged()), (ready, ready), "it stays ready");
        idle.whole_group()
    };
    // 31 blocks of the first group, and the second group.
    assert_eq!([(); 3].map(|()| idle(&mut empty, 32)), [Some(2 * GROUP), Some(3 * GROUP), None]);
    assert_eq!([(); 2].map(|()| idle(&mut empty, 31)), [Some(GROUP), None]);
    let opened: Vec<_> = (0..GROUP).map(|_| empty.pop().unwrap()).collect();
    opened.into_iter().for_each(|block| empty.push(block));
    assert_eq!(empty.take_idle(0, 3 * GROUP), None, "the blocks that are promised stay");
    assert_eq!([(); 2].map(|()| idle(&mut empty, 0)), [Some(GROUP), None]);
}

#[test]
fn what_is_opened_next_is_backed_ahead_once() {
    let mut empty = groups(4);
    assert_eq!(empty.take_bare(0), None);
    assert_eq!([(); 3].map(|()| empty.take_bare(GROUP + 1)), [Some(0), Some(1), None], "as far as it is expected");
    (0..GROUP + 3).for_each(|_| assert!(empty.pop().is_some()));
    assert_eq!([(); 2].map(|()| empty.take_bare(GROUP)), [Some(2), None], "29 blocks are left of the second group");
    let idle = empty.take_idle(0, 0).unwrap();
    assert_eq!(idle.whole_group(), Some(2 * GROUP), "and no group without memory");
    empty.put_idle(idle);
    assert_eq!(empty.take_idle(0, 0), None);
    assert_eq!(empty.take_bare(GROUP), Some(2), "its memory was given back");
}

#[test]
fn while_memory_is_short_single_blocks_go_and_their_group_is_split() {
    let (mut empty, memory) = (groups(2), Limited::of_blocks(0));
    let used: Vec<_> = (0..GROUP + 2).map(|_| empty.pop().unwrap()).collect();
    empty.push(used[3]);
    empty.push(used[5]);
    let leaving = empty.take_surplus(GROUP - 2, usize::MAX, Unit::Block);
    assert_eq!(first_blocks(&leaving), [(2 * GROUP - 2, 2)], "the highest group first, and no more than are wanted");
    assert_eq!(advised(&mut empty), [(1, false)], "before its blocks are given back");
    memory.give_back(&mut empty, &leaving);
    let rest = empty.take_surplus(0, usize::MAX, Unit::Block);
    assert_eq!(first_blocks(&rest), [(GROUP + 2, GROUP - 4), (3, 1), (5, 1)]);
    assert_eq!(advised(&mut empty), [(0, false)], "the other one is split already");
    memory.give_back(&mut empty, &rest);
    assert_eq!(empty.pop(), None);
    // Both groups are in use; each is whole again when all of its blocks are charged.
    assert_eq!((empty.retake(Unit::Group, &memory), empty.ready()), (Some(true), 2));
    assert_eq!(advised(&mut empty), [(0, true)]);
    assert_eq!((empty.retake(Unit::Group, &memory), empty.ready()), (Some(true), GROUP));
    assert_eq!(advised(&mut empty), [(1, true)]);
    assert_eq!(empty.retake(Unit::Group, &memory), None);
}

#[test]
fn a_single_block_of_a_released_group_is_split_off() {
    let (mut empty, memory) = (groups(1), Limited::of_blocks(0));
    let all = empty.take_surplus(0, usize::MAX, Unit::Block);
    assert_eq!((first_blocks(&all), advised(&mut empty)), (vec![(0, GROUP)], vec![]));
    empty.put_released(&all);
    assert_eq!(empty.retake(Unit::Group, &memory), Some(false), "the limit");
    memory.left.set(BLOCK);
    assert_eq!((empty.retake(Unit::Group, &memory), empty.ready()), (Some(true), 1));
    assert_eq!(advised(&mut empty), [(0, false)], "a use of the block must not back the others");
    let last = empty.take_surplus(0, usize::MAX, Unit::Block);
    assert_eq!((first_blocks(&last), advised(&mut empty)), (vec![(0, 1)], vec![(0, true)]), "none is charged");
}

#[test]
fn blocks_on_their_way_keep_their_group_split() {
    let (mut empty, memory) = (groups(1), Limited::of_blocks(GROUP));
    let used = [(); 4].map(|()| empty.pop().unwrap());
    let first = empty.take_surplus(0, usize::MAX, Unit::Block);
    empty.push(used[0]);
    let second = empty.take_surplus(0, usize::MAX, Unit::Block);
    empty.put_released(&second);
    assert_eq!((empty.retake(Unit::Group, &memory), advised(&mut empty)), (Some(true), vec![(0, false)]));
    empty.put_released(&first);
    assert_eq!((empty.retake(Unit::Group, &memory), advised(&mut empty)), (Some(true), vec![(0, true)]));
}

#[test]
fn a_group_may_be_committed_in_pieces() {
    let map = AddressMap::new(NonNull::<u128>::dangling().cast(), 0, 0, 2 * GROUP * BLOCK);
    let mut empty = EmptyBlocks::new(map);
    empty.add(0, 1);
    empty.add(1, 1);
    assert_eq!(empty.take_surplus(0, usize::MAX, Unit::Group), []);
    empty.add(2, GROUP - 2);
    assert_eq!(first_blocks(&empty.take_surplus(0, usize::MAX, Unit::Group)), [(0, GROUP)]);
}

#[test]
fn advice_that_changes_while_it_is_given_is_given_again() {
    let (mut empty, memory) = (groups(1), Limited::of_blocks(0));
    let leaving = empty.take_surplus(GROUP - 1, usize::MAX, Unit::Block);
    let advice = empty.take_advice().unwrap();
    assert_eq!((advice.first(), advice.split), (0, true));
    memory.give_back(&mut empty, &leaving);
    assert_eq!(empty.retake(Unit::Group, &memory), Some(true));
    assert_eq!(empty.take_advice(), None, "one at a time");
    empty.advised(advice);
    assert_eq!(advised(&mut empty), [(0, true)]);
    assert_eq!(advised(&mut empty), []);
}
