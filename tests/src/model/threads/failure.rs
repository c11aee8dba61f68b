//! Saying which seed failed, also where a failure ends the process.
//!
//! A damaged heap aborts, and what the test harness has captured of the panic before is lost with it. So a hook says on the real
//! stderr what it was and which seeds were running: the thread that finds the damage may be one of the heap's own.

use std::{
    io::Write,
    panic,
    sync::{Mutex, MutexGuard, Once, PoisonError},
};

static RUNNING: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// While it lives, a seed is running.
pub(super) struct Running(String);

impl Running {
    pub(super) fn new(name: &str) -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                // Nothing can be done for a stderr that is closed.
                writeln!(std::io::stderr(), "{info}\nrunning: {:#?}", running().clone()).ok();
                before(info);
            }));
        });
        running().push(name.to_owned());
        Self(name.to_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut all = running();
        if let Some(index) = all.iter().position(|name| *name == self.0) {
            all.swap_remove(index);
        }
    }
}

fn running() -> MutexGuard<'static, Vec<String>> {
    // A test that failed elsewhere has panicked.
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}
