//! What waits to be done beside the program, and the end of a heap. The model is `models/protocols/job_queue.rs`.
//!
//! - **[job-queue.once]** A job is taken once.
//! - **[job-queue.end-last]** The end comes after everything that was posted before `stop`: whoever drops the last handle of a heap has posted
//!   all it will post.

use std::collections::VecDeque;

use crate::sync::{Condvar, Mutex, mutant};

/// Jobs, first in, first out.
pub(crate) struct Queue<J> {
    state: Mutex<State<J>>,
    work: Condvar,
}

struct State<J> {
    jobs: VecDeque<J>,
    stop: bool,
}

impl<J> Queue<J> {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State { jobs: VecDeque::new(), stop: false }), work: Condvar::new() }
    }

    pub(crate) fn post(&self, job: J) {
        self.state.lock().jobs.push_back(job);
        self.work.notify_one();
    }

    /// Posts a job that goes before all others.
    pub(crate) fn post_first(&self, job: J) {
        self.state.lock().jobs.push_front(job);
        self.work.notify_one();
    }

    /// No more jobs will be posted from elsewhere.
    pub(crate) fn stop(&self) {
        self.state.lock().stop = true;
        if !mutant::STOP_WAKES_NOBODY.is_planted() {
            self.work.notify_one();
        }
    }

    /// The next job; waits for one. `None` when the queue is empty and stopped ([job-queue.end-last]).
    pub(crate) fn next(&self) -> Option<J> {
        let mut state = self.state.lock();
        loop {
            if mutant::STOP_FORGETS_JOBS.is_planted() && state.stop {
                return None;
            }
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.stop {
                return None;
            }
            self.work.wait(&mut state);
        }
    }

    /// How many jobs of a kind wait.
    pub(crate) fn count(&self, mut kind: impl FnMut(&J) -> bool) -> usize {
        self.state.lock().jobs.iter().filter(|job| kind(job)).count()
    }

    /// The first job of a kind, if one waits.
    pub(crate) fn take(&self, kind: impl FnMut(&J) -> bool) -> Option<J> {
        let mut state = self.state.lock();
        let index = state.jobs.iter().position(kind)?;
        state.jobs.remove(index)
    }
}
