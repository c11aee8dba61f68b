//! Work that threads share: stealing on request from private stacks (Acar, Charguéraud, Rainey:
//! *Scheduling parallel programs by work stealing with private deques*, 2013).
//!
//! Every thread keeps its work to itself, in plain memory. A thread without work is counted as
//! starving. A thread that sees this puts half of its own work into the pool, as one packet. So a
//! thread that works alone pays a relaxed load now and then, and never an atomic operation for each
//! piece of work.
//!
//! ```text
//!   leader:   open ─▶ work, share when a thread is starving ─▶ next_or_close ─┬─▶ work …
//!                                                                             └─▶ closed: no packet left, no worker busy
//!   worker:   serve: asleep ─▶ takes a packet: busy ─▶ works, shares ─▶ starving: spins, then sleeps
//! ```
//!
//! - **[sharing.one-place]** Each piece of work is with one thread, or in one packet of the pool.
//! - **[sharing.task]** The leader uses the task, and a GC worker does while it is busy.
//! - **[sharing.closes]** Only the leader closes the pool: when it has no work, the pool is empty
//!   and no worker is busy. A worker becomes busy under the lock, by taking a packet. So after the
//!   close no thread uses the task or has work.
//! - **[sharing.nobody-required]** Nothing depends on a GC worker that is not busy: no thread waits
//!   for a worker that sleeps, or that the operating system does not run.
//!
//! The model is `models/protocols/sharing.rs`.

use crate::sync::{
    Condvar, Mutex, MutexGuard, RawLock,
    atomic::{AtomicUsize, Ordering},
    mutant, raw, spin_loop, spins,
};

/// One leader at a time, and the GC workers that serve it.
pub(crate) struct WorkSharing<W, T> {
    pool: Mutex<Pool<W, T>>,
    /// Workers sleep here until there is a packet, or the end.
    offered: Condvar,
    /// The leader sleeps here until there is a packet, or no worker is busy.
    returned: Condvar,
    /// The number of starving threads: those for which there is no packet yet. A hint.
    starving: AtomicUsize,
    /// Changes when a packet comes or a worker becomes idle. Spinning threads watch it.
    changes: AtomicUsize,
}

struct Pool<W, T> {
    packets: Vec<W>,
    /// What the work is for; `None` while the pool is closed.
    task: Option<T>,
    /// Workers that have a packet.
    busy: usize,
    /// Workers that have none.
    idle: usize,
    /// The most workers that may be busy.
    most: usize,
    leader_waits: bool,
    ended: bool,
}

impl<W, T: Copy> WorkSharing<W, T> {
    pub(crate) fn new() -> Self {
        let pool =
            Pool { packets: Vec::new(), task: None, busy: 0, idle: 0, most: 0, leader_waits: false, ended: false };
        Self {
            pool: Mutex::new(pool),
            offered: Condvar::new(),
            returned: Condvar::new(),
            starving: AtomicUsize::new(0),
            changes: AtomicUsize::new(0),
        }
    }

    /// Returns whether a thread would take a packet.
    #[inline(always)]
    pub(crate) fn is_starving(&self) -> bool {
        // Relaxed: a hint; packets go through the lock.
        self.starving.load(Ordering::Relaxed) > 0
    }

    /// Adds a packet to the pool. The caller is the leader or a busy worker.
    pub(crate) fn share(&self, packet: W) {
        let mut pool = self.pool.lock();
        pool.packets.push(packet);
        self.changed(&pool);
        if pool.leader_waits {
            self.returned.notify_one();
        }
        if pool.packets.len() > usize::from(pool.leader_waits) {
            self.offered.notify_one();
        }
    }

    /// Wakes the workers that will be needed soon: they spin for some microseconds.
    pub(crate) fn wake(&self) {
        self.offered.notify_all();
    }

    /// Opens the pool. The caller becomes the leader; at most `most` workers may work for it.
    pub(crate) fn open(&self, task: T, most: usize) {
        let mut pool = self.pool.lock();
        debug_assert!(pool.task.is_none() && pool.packets.is_empty() && pool.busy == 0);
        (pool.task, pool.most) = (Some(task), most);
        self.changed(&pool);
    }

    /// Takes a packet for the leader, which is out of work. Returns `None` when the pool is closed
    /// ([sharing.closes]).
    pub(crate) fn next_or_close(&self) -> Option<W> {
        let mut pool = self.pool.lock();
        loop {
            if let Some(packet) = pool.packets.pop() {
                pool.leader_waits = false;
                self.changed(&pool);
                return Some(packet);
            }
            if pool.busy == 0 || mutant::LEADER_DOES_NOT_WAIT_FOR_WORKERS.is_planted() {
                pool.leader_waits = false;
                pool.task = None;
                self.changed(&pool);
                return None;
            }
            if !pool.leader_waits {
                pool.leader_waits = true;
                self.changed(&pool);
                self.spin(&mut pool);
            } else {
                self.returned.wait(&mut pool);
            }
        }
    }

    /// Runs a GC worker: works for each leader in turn, until the end.
    pub(crate) fn serve(&self, mut work: impl FnMut(T, W)) {
        let mut pool = self.pool.lock();
        pool.idle += 1;
        self.changed(&pool);
        let mut spun = true;
        while !pool.ended {
            let Some((task, packet)) = pool.take() else {
                // A worker that has just worked, or was woken, may be needed at once. It sees what comes while it spins before it
                // sleeps.
                if !spun {
                    self.spin(&mut pool);
                    spun = true;
                    if !mutant::SLEEP_WITHOUT_LOOKING.is_planted() {
                        continue;
                    }
                }
                self.offered.wait(&mut pool);
                spun = false;
                continue;
            };
            spun = false;
            self.changed(&pool);
            if mutant::BUSY_LATE.is_planted() {
                pool.busy -= 1;
            }
            drop(pool);
            work(task, packet);
            pool = self.pool.lock();
            if !mutant::BUSY_LATE.is_planted() {
                pool.busy -= 1;
            }
            pool.idle += 1;
            self.changed(&pool);
            if pool.leader_waits && pool.busy == 0 && !mutant::LEADER_IS_NOT_WOKEN.is_planted() {
                self.returned.notify_one();
            }
        }
        pool.idle -= 1;
    }

    /// Ends the workers. No thread leads any more.
    pub(crate) fn end(&self) {
        self.pool.lock().ended = true;
        self.offered.notify_all();
    }

    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.pool)
    }

    /// Forgets the workers, which are gone: this is the child of a fork. The pool is closed, or the
    /// leader was between two packets.
    pub(crate) fn forget_threads(&self) {
        let mut pool = self.pool.lock();
        (pool.busy, pool.idle, pool.leader_waits) = (0, 0, false);
        self.changed(&pool);
    }

    /// Publishes the new state of the pool.
    fn changed(&self, pool: &MutexGuard<'_, Pool<W, T>>) {
        let wanted = match pool.task {
            Some(_) => pool.idle.min(pool.most - pool.busy) + usize::from(pool.leader_waits),
            None => 0,
        };
        // Relaxed, both: hints.
        self.starving.store(wanted.saturating_sub(pool.packets.len()), Ordering::Relaxed);
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits for a change, without the lock, for some microseconds at most.
    fn spin(&self, pool: &mut MutexGuard<'_, Pool<W, T>>) {
        // Relaxed, here and below: a thread that sees a change looks again under the lock.
        let seen = self.changes.load(Ordering::Relaxed);
        MutexGuard::unlocked(pool, || {
            for _ in 0..8 * spins() {
                spin_loop();
                if self.changes.load(Ordering::Relaxed) != seen {
                    break;
                }
            }
        });
    }
}

impl<W, T: Copy> Pool<W, T> {
    /// Makes a worker busy if there is a packet for it.
    fn take(&mut self) -> Option<(T, W)> {
        let task = self.task.filter(|_| self.busy < self.most)?;
        let packet = self.packets.pop()?;
        self.idle -= 1;
        self.busy += 1;
        Some((task, packet))
    }
}
