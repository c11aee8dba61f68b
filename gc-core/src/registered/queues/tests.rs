//! The queues, one thread at a time.

use super::*;
use crate::{
    memory::{AddressMap, BLOCK},
    space::large::RunTable,
};

fn address(address: usize) -> NonNull<u8> {
    NonNull::new(core::ptr::without_provenance_mut(address)).unwrap()
}

fn take(queues: &Queues, id: QueueId) -> Result<u32, Nothing> {
    queues.take_news(id, Duration::ZERO).map(|notice| *notice.downcast().unwrap())
}

#[test]
fn news_come_in_order_and_orphans_last() {
    let queues = Queues::new();
    let (first, second) = (queues.open_news(), queues.open_news());
    (1..=3_u32).for_each(|number| queues.tell(first, Box::new(number)));
    queues.tell(second, Box::new(4_u32));
    assert_eq!((queues.waiting(), queues.len(first), queues.len(second)), (4, 3, 1));
    assert_eq!((take(&queues, first), take(&queues, first)), (Ok(1), Ok(2)));
    assert!(queues.take_orphans().is_empty());
    let left = queues.close(first);
    assert_eq!((left.len(), queues.waiting()), (1, 1));
    queues.tell(first, Box::new(5_u32));
    assert_eq!((queues.take_orphans().len(), queues.take_orphans().len()), (1, 0));
    queues.end();
    assert_eq!((take(&queues, second), take(&queues, second)), (Ok(4), Err(Nothing::Ended)));
}

#[test]
fn objects_of_a_closed_queue_are_not_kept() {
    let (map, runs) = heap();
    let generations = Generations { map, runs: &runs };
    let queues = Queues::new();
    let id = queues.open_objects();
    queues.hand_over(id, address(map.old.start), generations);
    assert!(queues.is_open(id) && queues.waiting() == 1);
    queues.close(id);
    queues.hand_over(id, address(map.old.start), generations);
    queues.visit(false, |_| unreachable!("a closed queue is visited"));
    assert!(!queues.is_open(id) && queues.waiting() == 0 && queues.take_object(id).is_none());
}

fn heap() -> (AddressMap, RunTable) {
    let map = AddressMap::new(address(BLOCK), BLOCK, BLOCK, BLOCK);
    (map, RunTable::new(map).unwrap())
}

/// Whatever is handed over, taken and promoted, in whichever order: a young pause visits every word
/// of a young object, and no words before the first of these, once one has looked.
#[test]
fn a_young_pause_visits_the_young_objects() {
    const STEPS: u32 = 6;
    let (map, runs) = heap();
    let generations = Generations { map, runs: &runs };
    let (young, old) = (map.young.start, map.old.start);
    for script in 0..4_usize.pow(STEPS) {
        let queues = Queues::new();
        let id = queues.open_objects();
        let mut words = VecDeque::new();
        for step in 0..STEPS {
            match script >> (2 * step) & 3 {
                kind @ (0 | 1) => {
                    let object = [old, young][kind] + 16 * step as usize;
                    queues.hand_over(id, address(object), generations);
                    words.push_back(object);
                }
                2 => assert_eq!(queues.take_object(id).map(|word| word.addr().get()), words.pop_front()),
                _ => {
                    // A young pause, in which the first young object becomes old.
                    let is_young = |word: &usize| map.young.contains(*word);
                    let first = words.iter().position(is_young).unwrap_or(words.len());
                    let mut visited = Vec::new();
                    queues.visit(true, |word| {
                        let word = word.cast::<*mut u8>();
                        // SAFETY: a word of the queue.
                        let seen = unsafe { word.read() };
                        if words.get(first) == Some(&seen.addr()) {
                            // SAFETY: as above.
                            unsafe { word.write(seen.wrapping_add(old - young)) };
                        }
                        visited.push(seen.addr());
                    });
                    assert!(words.range(first..).all(|word| visited.contains(word)), "{words:x?}: {visited:x?}");
                    queues.forget_old(generations);
                    if let Some(word) = words.get_mut(first) {
                        *word += old - young;
                    }
                    let next = words.iter().position(is_young).unwrap_or(words.len());
                    let mut left = 0;
                    queues.visit(true, |_| left += 1);
                    assert_eq!(left, words.len() - next, "old words are visited again");
                }
            }
        }
        assert_eq!(queues.waiting(), words.len());
        queues.visit(false, |_| _ = words.pop_front());
        assert!(words.is_empty());
    }
}

/// What was handed over before is left until it is removed, in whose hands it may be; what comes
/// later is not.
#[test]
fn entries_are_left_until_they_are_removed() {
    let (map, runs) = heap();
    let generations = || Generations { map, runs: &runs };
    let pair = |n: usize| address(map.old.start + 16 * n);
    let queues = Queues::new();
    queues.hand_over_entries(vec![pair(0), pair(1)], generations());
    let asked = queues.handed_over();
    queues.hand_over_entries(vec![pair(2)], generations());
    let [first, second, third] = [(); 3].map(|()| queues.take_entry().unwrap());
    assert_eq!((queues.entries_left(asked), queues.entries_left(queues.handed_over())), (2, 3));
    queues.has_removed(third);
    queues.has_removed(first);
    assert_eq!(queues.entries_left(asked), 1);
    // Its table has more to do.
    queues.has_removed(second);
    queues.hand_over_entries(vec![second.pair], generations());
    assert_eq!((queues.entries_left(asked), queues.entries_left(queues.handed_over())), (0, 1));
    // In the child of a fork the thread that has it in hand is gone.
    let _ = queues.take_entry();
    queues.forget_threads();
    assert_eq!(queues.entries_left(queues.handed_over()), 0);
}

/// The last user of the heap releases what waits, and what a cycle hands over afterwards is not
/// kept.
#[test]
fn entries_are_not_kept_after_the_last_user() {
    let (map, runs) = heap();
    let queues = Queues::new();
    let hand_over = |n: usize| {
        queues.hand_over_entries(vec![address(map.old.start + 16 * n)], Generations { map, runs: &runs });
    };
    hand_over(0);
    queues.end_entries();
    hand_over(1);
    queues.visit(false, |_| unreachable!("nobody removes its entry"));
    assert!(queues.take_entry().is_none());
}
