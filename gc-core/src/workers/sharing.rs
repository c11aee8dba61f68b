//! Work that threads share: stealing on request from private stacks (Acar, Charguéraud, Rainey: *Scheduling parallel programs
//! by work stealing with private deques*, 2013).
//!
//! Every worker keeps its work to itself, in plain memory. One without work says that it is hungry; a worker that sees so puts
//! half of what it has into the pool, as one packet. So a worker alone pays a relaxed load now and then, and never an atomic
//! operation for each piece of work.
//!
//! ```text
//!   leader:   open ─▶ work, share when somebody is hungry ─▶ next_or_close ─┬─▶ work …
//!                                                                           └─▶ closed: no packet left, no helper busy
//!   helper:   serve: asleep ─▶ takes a packet: busy ─▶ works, shares ─▶ hungry: spins, then sleeps
//! ```
//!
//! - **[sharing.one-place]** Work is in one thread's hands or in one packet of the pool.
//! - **[sharing.task]** The task is used by the leader, and by a helper while it is busy.
//! - **[sharing.closes]** Only the leader closes: when it has no work, the pool is empty and no helper is busy. A helper becomes busy under
//!   the lock, by taking a packet; so nobody uses the task or has work after that.
//! - **[sharing.nobody-required]** A helper that is not busy is required for nothing: no worker waits for one that sleeps, or that the system does not run.
//!
//! The model is `models/protocols/sharing.rs`.

use crate::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicUsize, Ordering},
    mutant, spin_loop, spins,
};

/// One leader at a time, and the helpers that serve it.
pub(crate) struct WorkSharing<W, T> {
    pool: Mutex<Pool<W, T>>,
    /// Helpers sleep here until there is a packet, or the end.
    offered: Condvar,
    /// The leader sleeps here until there is a packet, or no helper is busy.
    returned: Condvar,
    /// How many threads want a packet that is not there yet: a hint.
    starving: AtomicUsize,
    /// Changes when a packet comes or a helper becomes idle: what a thread watches that spins.
    changes: AtomicUsize,
}

struct Pool<W, T> {
    packets: Vec<W>,
    /// What the work is for; `None` while the team is closed.
    task: Option<T>,
    /// Helpers that hold a packet.
    busy: usize,
    /// Helpers that do not.
    idle: usize,
    /// The most helpers that may be busy.
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

    /// Whether somebody would take a packet.
    #[inline(always)]
    pub(crate) fn is_starving(&self) -> bool {
        // Relaxed: a hint; packets go through the lock.
        self.starving.load(Ordering::Relaxed) > 0
    }

    /// Gives work away. The caller is the leader or busy.
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

    /// Wakes helpers that will be wanted soon: they spin for some microseconds.
    pub(crate) fn wake(&self) {
        self.offered.notify_all();
    }

    /// Begins. The caller leads; at most `most` helpers may work for it.
    pub(crate) fn open(&self, task: T, most: usize) {
        let mut pool = self.pool.lock();
        debug_assert!(pool.task.is_none() && pool.packets.is_empty() && pool.busy == 0);
        (pool.task, pool.most) = (Some(task), most);
        self.changed(&pool);
    }

    /// The leader is out of work: a packet, or `None`, and the team is closed ([sharing.closes]).
    pub(crate) fn next_or_close(&self) -> Option<W> {
        let mut pool = self.pool.lock();
        loop {
            if let Some(packet) = pool.packets.pop() {
                pool.leader_waits = false;
                self.changed(&pool);
                return Some(packet);
            }
            if pool.busy == 0 || mutant::LEADER_DOES_NOT_WAIT_FOR_HELPERS.is_planted() {
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

    /// A helper's life: works for whoever leads until the end.
    pub(crate) fn serve(&self, mut work: impl FnMut(T, W)) {
        let mut pool = self.pool.lock();
        pool.idle += 1;
        self.changed(&pool);
        let mut spun = true;
        while !pool.ended {
            let Some((task, packet)) = pool.take() else {
                // Who has just worked, or was woken, may be wanted at once. What comes while it spins is seen before it sleeps.
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

    /// Sends the helpers home. Nobody leads any more.
    pub(crate) fn end(&self) {
        self.pool.lock().ended = true;
        self.offered.notify_all();
    }

    /// Publishes what the pool has come to.
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
        // Relaxed, here and below: who sees a change looks again under the lock.
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
    /// Makes a helper busy, if there is work for one.
    fn take(&mut self) -> Option<(T, W)> {
        let task = self.task.filter(|_| self.busy < self.most)?;
        let packet = self.packets.pop()?;
        self.idle -= 1;
        self.busy += 1;
        Some((task, packet))
    }
}
