//! A queue of jobs that any thread posts and that one or several threads take, and its end. The model is
//! `models/protocols/job_queue.rs`.
//!
//! - **[job-queue.once]** A job is taken once.
//! - **[job-queue.end-last]** The queue ends after every job that was posted before `end`. The thread that drops the last handle
//!   of a heap has posted all its jobs before. A job that any thread may post again has a handle of its own until it is done.
//! - **[job-queue.one-stays]** A thread of several that finds no job leaves if another one waits for jobs. So one is left to wait, unless
//!   all are busy.

use std::{collections::VecDeque, time::Instant};

use crate::sync::{Condvar, Mutex, mutant};

/// Jobs, first in, first out.
pub(crate) struct Queue<J> {
    state: Mutex<State<J>>,
    work: Condvar,
}

struct State<J> {
    jobs: VecDeque<J>,
    /// Threads of several that wait for a job.
    waiting: usize,
    ended: bool,
}

/// What the one thread of a queue is to do next.
pub(crate) enum Next<J> {
    Job(J),
    /// There was no job before the deadline.
    Nothing,
    /// There is no job, and will be none.
    Ended,
}

impl<J> Queue<J> {
    pub(crate) fn new() -> Self {
        let state = State { jobs: VecDeque::new(), waiting: 0, ended: false };
        Self { state: Mutex::new(state), work: Condvar::new() }
    }

    pub(crate) fn post(&self, job: J) {
        self.state.lock().jobs.push_back(job);
        self.work.notify_one();
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
            drop(state);
            self.work.notify_one();
        }
    }

    /// Ends the queue: no other thread will post more jobs.
    pub(crate) fn end(&self) {
        self.state.lock().ended = true;
        if !mutant::END_WAKES_NOBODY.is_planted() {
            // No more than one thread waits ([job-queue.one-stays]).
            self.work.notify_one();
        }
    }

    /// Takes the next job, and waits for one until `deadline`, for the only thread that takes jobs. It finds the end when the queue is empty
    /// and has ended ([job-queue.end-last]), once: afterwards it takes what the threads post that it waits for itself.
    pub(crate) fn next(&self, deadline: Option<Instant>) -> Next<J> {
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

    /// Takes the next job for one of several threads, and waits for one. Returns `None` when the thread is to leave: when the queue is empty
    /// and has ended, or another thread waits ([job-queue.one-stays]).
    pub(crate) fn next_of_several(&self) -> Option<J> {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.ended || (state.waiting > 0 && !mutant::ALL_STAY.is_planted()) || mutant::NONE_STAYS.is_planted() {
                return None;
            }
            state.waiting += 1;
            self.work.wait(&mut state);
            state.waiting -= 1;
        }
    }

    /// Takes the first job, if one waits.
    pub(crate) fn take(&self) -> Option<J> {
        self.state.lock().jobs.pop_front()
    }
}
