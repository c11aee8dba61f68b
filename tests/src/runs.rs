//! A value whose destructor runs a function of the test's.

use gc_core::Trace;

/// The value. The function runs once, on the thread that drops it.
#[derive(Trace)]
#[trace(leaf)]
pub struct Runs(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Runs {
    /// Returns a value that runs this.
    pub fn new(run: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(run)))
    }

    /// Returns a value whose destructor does nothing.
    pub fn nothing() -> Self {
        Self(None)
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        if let Some(run) = self.0.take() {
            run();
        }
    }
}
