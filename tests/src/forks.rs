//! What goes on in the child of a fork. Only the thread that forks does, so a test that uses this must be alone in its process.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

use fork::{Fork, fork, waitpid};

use crate::heaps::TIMEOUT;

/// Forks. Checks that the child, which does `child`, ends within a time, and without a panic. `wait` waits in the parent.
pub fn in_child(what: &str, child: impl FnOnce(), wait: impl FnOnce(&mut dyn FnMut())) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("gc-core fork {} {}", std::process::id(), COUNT.fetch_add(1, Relaxed));
    let fine = std::env::temp_dir().join(name);
    match fork().unwrap() {
        Fork::Child => {
            if catch_unwind(AssertUnwindSafe(child)).is_ok() {
                std::fs::write(fine, "").unwrap();
            }
            std::process::exit(0);
        }
        Fork::Parent(child) => {
            let (ended, end) = mpsc::channel();
            thread::spawn(move || ended.send(waitpid(child)));
            wait(&mut || {
                let ended = end.recv_timeout(TIMEOUT);
                if ended.is_err() {
                    let _ = std::process::Command::new("kill").args(["-9", &child.to_string()]).status();
                    panic!("child {child} hangs: {what}");
                }
            });
            std::fs::remove_file(fine).unwrap_or_else(|_| panic!("child {child} fails: {what}"));
        }
    }
}
