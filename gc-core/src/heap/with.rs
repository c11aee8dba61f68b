//! `Heap::with`: entering a heap from a thread that is not the program's own, such as a pool's or
//! one that calls back.

use core::panic::Location;

use crate::{
    collector::kept,
    mutator::{EnterError, Lent, Mutator, attach_for_with},
};

use super::Heap;

impl Heap {
    /// Lends a mutator to `body`: the one that this thread keeps for this heap, blocked between the
    /// calls.
    ///
    /// For threads that come from elsewhere and run many short pieces of work: a pool's, an async
    /// runtime's, one on which a library calls back. The first call on a thread attaches, and waits
    /// as [`attach`](Self::attach) does. Every later one costs two atomic operations, some 40
    /// instructions; if a pause is under way, it waits for its end. Entering and leaving count as
    /// safepoints, as they do for [`blocked`](Mutator::blocked).
    ///
    /// Inside [`Mutator::blocked`] this works, too, also several deep. If it is `blocked` of a
    /// mutator of this heap that this thread has attached, or has been lent, `body` is lent that
    /// one.
    ///
    /// A kept mutator does not keep its heap alive, as a [`Root`](crate::Root) that was made in
    /// `body` does. It is detached when its thread exits, or when the heap's last handle and
    /// attached mutator are gone. Until then it counts as attached: with two attached mutators,
    /// cells become locks. A thread that has kept a mutator may [`attach`](Self::attach) all the
    /// same.
    ///
    /// In the destructors of thread-locals, while a thread exits, this attaches and detaches for
    /// each call.
    ///
    /// If `body` panics, the panic goes on after the mutator is blocked again; it can be used
    /// afterwards.
    ///
    /// # Errors
    ///
    /// If this thread runs a mutator, of this heap or another; if it is a heap's own thread; or if
    /// too many mutators are attached. Then `body` is not called.
    ///
    /// ```
    /// use gc_core::{EnterError, Heap};
    ///
    /// let heap = Heap::builder().build()?;
    /// let root = heap.with(|m| m.root(m.alloc(1_u64)))?; // attaches
    /// for _ in 0..1000 {
    ///     assert_eq!(heap.with(|m| *root.get(m))?, 1); // does not
    /// }
    /// let nested = heap.with(|m| (heap.with(|_| ()), m.blocked(|| heap.with(|_| ()))))?;
    /// assert_eq!(nested, (Err(EnterError::Running), Ok(())));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn with<R>(&self, body: impl FnOnce(&mut Mutator) -> R) -> Result<R, EnterError> {
        let place = Location::caller();
        // Dropped after the mutator is blocked again.
        let _temporary;
        let local = match kept::find(self.users.heap) {
            Some(local) => local,
            None => {
                let (local, temporary) = attach_for_with(&self.users)?;
                _temporary = temporary;
                local
            }
        };
        // SAFETY: this thread's, found by the number of this heap, of which `self` is a user: it is not freed before this returns
        // ([kept.valid]). If no mutator of this thread runs, this one is kept and not lent, or inside `blocked`: BLOCKED.
        let mut lent = unsafe { Lent::enter(local, place) }?;
        Ok(body(lent.mutator()))
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use super::*;

    fn attached(heap: &Heap) -> usize {
        heap.collector().registry.lock().mutators.len()
    }

    #[test]
    fn a_thread_keeps_one_mutator_for_each_heap() {
        let heaps = [(); 3].map(|()| Heap::builder().build().unwrap());
        for round in 0..9 {
            heaps[round % 3].with(|m| *m.alloc(round)).unwrap();
        }
        assert_eq!(heaps.each_ref().map(attached), [1, 1, 1]);
        let mut m = heaps[0].attach().unwrap();
        assert_eq!(attached(&heaps[0]), 2);
        // The kept one is found first.
        m.blocked(|| heaps[0].with(|m| m.blocked(|| heaps[0].with(|_| ())))).unwrap().unwrap();
        assert_eq!(attached(&heaps[0]), 2);
        drop(m);
        assert_eq!(attached(&heaps[0]), 1);
    }

    #[test]
    fn an_attached_thread_is_lent_its_own() {
        let heap = Heap::builder().build().unwrap();
        let mut m = heap.attach().unwrap();
        let own = m.owner();
        assert_eq!(m.blocked(|| heap.with(|m| m.owner())), Ok(own));
        assert_eq!(attached(&heap), 1);
        let mut parked = m.park();
        assert_ne!(heap.with(|m| m.owner()), Ok(own), "a parked mutator is entered by its owner only");
        assert_eq!(parked.with(|m| m.owner()), Ok(own));
        assert_eq!(attached(&heap), 2);
    }

    #[test]
    fn parked_mutators_that_were_left_attached_do_not_pile_up() {
        let heap = Heap::builder().build().unwrap();
        let mut parked = [(); 4].map(|()| Some(heap.attach().unwrap().park()));
        let mut m = heap.attach().unwrap();
        let mut drop_while_locked = |n: usize| {
            // A leader has the lock.
            let registry = heap.collector().registry.lock();
            parked[n] = None;
            drop(registry);
        };
        drop_while_locked(0);
        drop_while_locked(1);
        assert_eq!(attached(&heap), 5);
        drop_while_locked(2);
        assert_eq!((attached(&heap), kept::count()), (5, 3));
        m.collect(crate::Collect::Full);
        drop(parked);
        assert_eq!((attached(&heap), kept::count()), (1, 0));
    }

    #[test]
    fn a_thread_that_exits_detaches_what_it_keeps() {
        let heap = Heap::builder().build().unwrap();
        let here = heap.clone();
        thread::spawn(move || here.with(|_| ())).join().unwrap().unwrap();
        assert_eq!(attached(&heap), 0);
    }

    #[test]
    fn a_thread_forgets_the_heaps_that_have_ended() {
        for _ in 0..10 {
            let heap = Heap::builder().build().unwrap();
            heap.with(|_| ()).unwrap();
            assert_eq!(kept::count(), 1);
        }
    }

    #[test]
    fn the_last_user_detaches_what_threads_keep_though_roots_keep_the_heap() {
        let heap = Heap::builder().build().unwrap();
        let collector = heap.users.handle.collector.clone();
        let (here, (kept, wait), (end, ended)) = (heap.clone(), mpsc::channel(), mpsc::channel::<()>());
        let pool = thread::spawn(move || {
            kept.send(here.with(|m| m.root(m.alloc_str("kept"))).unwrap()).unwrap();
            drop(here);
            ended.recv().unwrap();
        });
        let root = wait.recv().unwrap();
        while crate::sync::Arc::strong_count(&heap.users) > 1 {
            thread::yield_now();
        }
        assert_eq!(attached(&heap), 1);
        drop(heap);
        assert_eq!(collector.registry.lock().mutators.len(), 0);
        assert_eq!(collector.roots.left(), 1);
        drop(root);
        end.send(()).unwrap();
        pool.join().unwrap();
    }
}
