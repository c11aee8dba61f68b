//! Work stealing and termination: `workers::sharing`, between a leader and a GC worker.
//!
//! A piece of work is a number: 2 leads to two pieces of 1. `Heap::look` stands for using the task, by the leader and by busy
//! workers. `Heap::touch` stands for its end, when the pool is closed.

use crate::{
    Arc, Heap, check, must_fail,
    sync::{Mutex, mutant},
    thread,
    workers::sharing::WorkSharing,
};

struct Collector {
    pool: WorkSharing<Vec<usize>, ()>,
    task: Heap,
    /// Pieces of work done.
    done: Mutex<usize>,
}

fn work(shared: &Collector, mut stack: Vec<usize>) {
    while let Some(piece) = stack.pop() {
        shared.task.look();
        *shared.done.lock() += 1;
        if piece == 2 {
            stack.extend([1, 1]);
        }
        if shared.pool.is_starving() && stack.len() > 1 {
            shared.pool.share(vec![stack.remove(0)]);
        }
    }
}

/// The worker is the first thread to run, so that it waits when the leader begins: preemptions are left for what follows.
fn a_session() {
    check(|| {
        let here = Arc::new(Collector { pool: WorkSharing::new(), task: Heap::new(), done: Mutex::new(0) });
        let there = here.clone();
        let leader = thread::spawn(move || {
            there.pool.open((), 1);
            work(&there, vec![2]);
            while let Some(packet) = there.pool.next_or_close() {
                work(&there, packet);
            }
            there.task.touch();
            assert_eq!(*there.done.lock(), 3, "work was lost, or done twice");
            there.pool.end();
        });
        here.pool.serve(|(), packet| work(&here, packet));
        leader.join().unwrap();
    });
}

#[test]
fn work_is_done_once_and_the_task_outlives_its_use() {
    a_session();
}

#[test]
fn mutant_a_leader_that_does_not_wait_is_found() {
    must_fail(
        "sharing::mutant_a_leader_that_does_not_wait_is_found",
        mutant::LEADER_DOES_NOT_WAIT_FOR_WORKERS,
        a_session,
    );
}

#[test]
fn mutant_a_worker_that_is_not_counted_is_found() {
    must_fail("sharing::mutant_a_worker_that_is_not_counted_is_found", mutant::BUSY_LATE, a_session);
}

#[test]
fn mutant_a_leader_that_is_not_woken_is_found() {
    must_fail("sharing::mutant_a_leader_that_is_not_woken_is_found", mutant::LEADER_IS_NOT_WOKEN, a_session);
}

#[test]
fn mutant_sleeping_without_looking_again_is_found() {
    must_fail("sharing::mutant_sleeping_without_looking_again_is_found", mutant::SLEEP_WITHOUT_LOOKING, a_session);
}
