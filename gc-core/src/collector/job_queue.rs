//! A queue of jobs that any thread posts and that one or several threads take, and its end. The one
//! thread of a queue is started when a job is posted. The model is `models/protocols/job_queue.rs`.
//!
//! - **[job-queue.once]** A job is taken once.
//! - **[job-queue.end-last]** The queue ends after every job that was posted before `end`. The
//!   thread that drops the last handle of a heap has posted all its jobs before. A job that any
//!   thread may post again has a handle of its own until it is done.
//! - **[job-queue.one-stays]** A thread of several that finds no job leaves if another one waits
//!   for jobs. So one is left to wait, unless all are busy.
//! - **[job-queue.all-leave]** Several threads all leave only where nothing is counted that is to
//!   be posted, and has what is counted next watched: then a thread looks how many serve, after it
//!   was counted. They do so under the lock under which they count as serving. So the thread that
//!   looks starts one, or one of those that it has found takes what is posted.
//! - **[job-queue.leaves]** The one thread of a queue may leave when there is no job, and releases
//!   the heap before it counts as gone ([on-demand.under-the-lock]). So it is not the last to
//!   release it.

use std::{collections::VecDeque, time::Instant};

use crate::{
    sync::{Condvar, Mutex, MutexGuard, RawLock, mutant, raw},
    workers::on_demand::OnDemand,
};

/// Jobs, first in, first out.
pub(crate) struct Queue<J> {
    state: Mutex<State<J>>,
    work: Condvar,
}

struct State<J> {
    jobs: VecDeque<J>,
    /// Where the one thread of the queue is.
    thread: OnDemand,
    /// Threads of several, from their start until they have found that they are to leave.
    serving: usize,
    /// Those of them that wait for a job.
    waiting: usize,
    ended: bool,
}

/// What the one thread of a queue is to do next.
pub(crate) enum Next<J> {
    Job(J),
    /// There was no job before the deadline.
    Nothing,
    /// There is no job, and the thread may leave.
    Rest,
    /// There is no job, and will be none.
    Ended,
}

impl<J> Queue<J> {
    pub(crate) fn new(thread: OnDemand) -> Self {
        let state = State { jobs: VecDeque::new(), thread, serving: 0, waiting: 0, ended: false };
        Self { state: Mutex::new(state), work: Condvar::new() }
    }

    /// Posts a job. If the system refuses the thread that is to take it, the job waits for the next
    /// call ([on-demand.refused]).
    pub(crate) fn post(&self, job: J) {
        let mut state = self.state.lock();
        state.jobs.push_back(job);
        state.thread.call();
        drop(state);
        self.work.notify_one();
    }

    /// Calls for the thread again, if there are jobs and the system has refused it before.
    pub(crate) fn call(&self) {
        let mut state = self.state.lock();
        if !state.jobs.is_empty() {
            state.thread.call();
        }
    }

    /// Posts a job, unless `join` makes it a part of the last one that waits.
    pub(crate) fn post_joined(&self, job: J, join: impl FnOnce(&mut J, J) -> Option<J>) {
        let mut state = self.state.lock();
        let job = match state.jobs.back_mut() {
            Some(last) => join(last, job),
            None => Some(job),
        };
        if let Some(job) = job {
            state.jobs.push_back(job);
            state.thread.call();
            drop(state);
            self.work.notify_one();
        }
    }

    /// Ends the queue: no other thread will post more jobs. Returns whether the thread of the queue
    /// is there, which finds the end. If not, the caller has its place.
    pub(crate) fn end(&self) -> bool {
        let mut state = self.state.lock();
        state.ended = true;
        let is_there = !state.thread.take();
        drop(state);
        if !mutant::END_WAKES_NOBODY.is_planted() {
            // No more than one thread waits ([job-queue.one-stays]).
            self.work.notify_one();
        }
        is_there
    }

    /// Takes the next job, and waits for one until `deadline`, for the only thread that takes jobs.
    /// It finds the end when the queue is empty and has ended ([job-queue.end-last]), once:
    /// afterwards it takes what the threads post that it waits for itself. It does not wait where
    /// it may [leave](Self::leave).
    pub(crate) fn next(&self, deadline: Option<Instant>, may_leave: impl Fn() -> bool) -> Next<J> {
        let mut state = self.state.lock();
        loop {
            if mutant::END_FORGETS_JOBS.is_planted() && state.ended {
                return Next::Ended;
            }
            if let Some(job) = state.jobs.pop_front() {
                return Next::Job(job);
            }
            if core::mem::take(&mut state.ended) {
                return Next::Ended;
            }
            if may_leave() {
                return Next::Rest;
            }
            match deadline {
                None => self.work.wait(&mut state),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Next::Nothing;
                    }
                    self.work.wait_for(&mut state, left);
                }
            }
        }
    }

    /// Lets the only thread leave, which has to `release` the heap, unless there is a job or the
    /// queue has ended ([job-queue.leaves]). Returns whether it leaves.
    pub(crate) fn leave(&self, release: impl FnOnce()) -> bool {
        let mut state = self.state.lock();
        let stays = !state.jobs.is_empty() || state.ended;
        if stays && !mutant::LEAVE_WITHOUT_LOOKING.is_planted() {
            return false;
        }
        release();
        state.thread.leave();
        true
    }

    /// Takes the next job for one of several threads, and waits for one. Returns `None` when the
    /// thread is to leave: when the queue is empty and has ended, or another thread waits
    /// ([job-queue.one-stays]), or all may leave.
    pub(crate) fn next_of_several(&self, may_leave: impl Fn() -> bool) -> Option<J> {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            let another_waits = state.waiting > 0 && !mutant::ALL_STAY.is_planted();
            if state.ended || another_waits || mutant::NONE_STAYS.is_planted() || may_leave() {
                if mutant::LEAVE_WITHOUT_LOOKING.is_planted() {
                    MutexGuard::unlocked(&mut state, || ());
                }
                state.serving -= 1;
                return None;
            }
            state.waiting += 1;
            self.work.wait(&mut state);
            state.waiting -= 1;
        }
    }

    pub(crate) fn lock_word(&self) -> &RawLock {
        raw(&self.state)
    }

    /// Forgets the threads, which are gone: this is the child of a fork. The next call starts one
    /// again.
    pub(crate) fn forget_threads(&self) {
        let mut state = self.state.lock();
        state.thread.forget();
        (state.serving, state.waiting) = (0, 0);
    }

    /// Posts a job for the next [`call`](Self::call).
    pub(crate) fn leave_for_later(&self, job: J) {
        self.state.lock().jobs.push_back(job);
    }

    /// Passes each job that waits to `look`.
    pub(crate) fn each(&self, look: impl FnMut(&J)) {
        self.state.lock().jobs.iter().for_each(look);
    }

    /// Counts one more of several threads, which is about to be started.
    pub(crate) fn enter(&self) {
        self.state.lock().serving += 1;
    }

    /// Counts one less, which the system has refused.
    pub(crate) fn refused(&self) {
        self.state.lock().serving -= 1;
    }

    /// Returns how many of several threads take jobs.
    pub(crate) fn serving(&self) -> usize {
        self.state.lock().serving
    }

    /// Wakes the threads that wait, which may leave now.
    pub(crate) fn wake(&self) {
        // A thread holds the lock from its look to its sleep.
        let _state = self.state.lock();
        self.work.notify_all();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state.lock().jobs.is_empty()
    }

    /// Takes the first job, if one waits.
    pub(crate) fn take(&self) -> Option<J> {
        self.state.lock().jobs.pop_front()
    }
}
