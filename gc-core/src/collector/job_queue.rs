//! The queue of the background thread's jobs, and its end. The model is `models/protocols/job_queue.rs`.
//!
//! - **[job-queue.once]** A job is taken once.
//! - **[job-queue.end-last]** The queue ends after every job that was posted before `end`. The thread that drops the last handle
//!   of a heap has posted all its jobs before. A job that any thread may post again has a handle of its own until it is done.

use std::collections::VecDeque;

use crate::sync::{Condvar, Mutex, mutant};

/// Jobs, first in, first out.
pub(crate) struct Queue<J> {
    state: Mutex<State<J>>,
    work: Condvar,
}

struct State<J> {
    jobs: VecDeque<J>,
    ended: bool,
}

impl<J> Queue<J> {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State { jobs: VecDeque::new(), ended: false }), work: Condvar::new() }
    }

    pub(crate) fn post(&self, job: J) {
        self.state.lock().jobs.push_back(job);
        self.work.notify_one();
    }

    /// Posts a job before all others.
    pub(crate) fn post_first(&self, job: J) {
        self.state.lock().jobs.push_front(job);
        self.work.notify_one();
    }

    /// Ends the queue: no other thread will post more jobs.
    pub(crate) fn end(&self) {
        self.state.lock().ended = true;
        if !mutant::END_WAKES_NOBODY.is_planted() {
            self.work.notify_one();
        }
    }

    /// Takes the next job, and waits for one. Returns `None` when the queue is empty and has ended ([job-queue.end-last]).
    pub(crate) fn next(&self) -> Option<J> {
        let mut state = self.state.lock();
        loop {
            if mutant::END_FORGETS_JOBS.is_planted() && state.ended {
                return None;
            }
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.ended {
                return None;
            }
            self.work.wait(&mut state);
        }
    }

    /// Returns how many jobs of a kind wait.
    pub(crate) fn count(&self, mut kind: impl FnMut(&J) -> bool) -> usize {
        self.state.lock().jobs.iter().filter(|job| kind(job)).count()
    }

    /// Takes the first job of a kind, if one waits.
    pub(crate) fn take(&self, kind: impl FnMut(&J) -> bool) -> Option<J> {
        let mut state = self.state.lock();
        let index = state.jobs.iter().position(kind)?;
        state.jobs.remove(index)
    }
}
