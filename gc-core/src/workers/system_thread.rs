//! A thread that the system starts, without std.

use core::{ffi::c_void, mem::MaybeUninit, ptr};
use std::{
    ffi::CString,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// The longest name that Linux gives a thread, in bytes.
const LONGEST_NAME: usize = 15;

/// A thread that was started by `pthread_create`.
///
/// - **[system-thread.once]** It is joined or detached exactly once: by [`join`](Self::join), or by
///   dropping this.
pub(crate) struct SystemThread(libc::pthread_t);

/// A thread that has panicked.
#[derive(Debug)]
pub(crate) struct Panicked;

struct Body {
    name: CString,
    run: Box<dyn FnOnce() + Send>,
}

impl SystemThread {
    /// Starts a thread with a stack of so many bytes.
    pub(crate) fn start(name: &str, stack: usize, run: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let name = CString::new(&name.as_bytes()[..name.len().min(LONGEST_NAME)])?;
        let body = Box::into_raw(Box::new(Body { name, run: Box::new(run) }));
        let (mut attributes, mut thread) = (MaybeUninit::uninit(), 0);
        // SAFETY: the attributes are initialized first, and destroyed last. `body` is the thread's, if it is started.
        let error = unsafe {
            let mut error = libc::pthread_attr_init(attributes.as_mut_ptr());
            if error == 0 {
                error = libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), stack);
                if error == 0 {
                    error = libc::pthread_create(&raw mut thread, attributes.as_ptr(), main, body.cast());
                }
                libc::pthread_attr_destroy(attributes.as_mut_ptr());
            }
            error
        };
        if error == 0 {
            return Ok(Self(thread));
        }
        // SAFETY: from `Box::into_raw`, and no thread has it.
        drop(unsafe { Box::from_raw(body) });
        Err(io::Error::from_raw_os_error(error))
    }

    /// Waits for the end of the thread.
    pub(super) fn join(self) -> Result<(), Panicked> {
        let mut result = ptr::null_mut();
        let thread = self.0;
        core::mem::forget(self);
        // SAFETY: [system-thread.once].
        let error = unsafe { libc::pthread_join(thread, &raw mut result) };
        assert_eq!(error, 0, "a thread that is joined once can be joined");
        if result.is_null() { Ok(()) } else { Err(Panicked) }
    }
}

impl Drop for SystemThread {
    fn drop(&mut self) {
        // SAFETY: [system-thread.once].
        unsafe { libc::pthread_detach(self.0) };
    }
}

/// Runs the body. Returns null, or another pointer if it panicked.
extern "C" fn main(body: *mut c_void) -> *mut c_void {
    // SAFETY: from `SystemThread::start`, which has given it to this thread.
    let Body { name, run } = *unsafe { Box::from_raw(body.cast::<Body>()) };
    // Without a name it runs as well.
    let _ = rustix::thread::set_name(&name);
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(()) => ptr::null_mut(),
        Err(payload) => {
            // Its destructor may panic, too.
            core::mem::forget(payload);
            ptr::dangling_mut()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use super::*;

    #[test]
    fn a_thread_has_its_name_and_its_stack_and_is_waited_for() {
        let (sender, receiver) = mpsc::channel();
        let started = SystemThread::start("a name that is long", 8 << 20, move || {
            let used = [1_u8; 6 << 20];
            sender.send(core::hint::black_box(&used).len()).unwrap();
            sender.send(rustix::thread::name().unwrap().to_bytes().len()).unwrap();
        });
        started.unwrap().join().unwrap();
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [6 << 20, LONGEST_NAME]);
    }

    #[test]
    fn a_panic_is_told_to_who_joins() {
        let started = SystemThread::start("panics", 1 << 20, || panic!("planned")).unwrap();
        started.join().unwrap_err();
    }

    #[test]
    fn what_is_not_joined_runs_to_its_end() {
        let (sender, receiver) = mpsc::channel();
        drop(SystemThread::start("runs on", 1 << 20, move || {
            thread::yield_now();
            sender.send(()).unwrap();
        }));
        receiver.recv().unwrap();
    }

    #[test]
    fn a_stack_that_the_system_refuses_is_an_error_and_frees_the_body() {
        let (sender, receiver) = mpsc::channel::<()>();
        assert!(SystemThread::start("huge", 1 << 60, move || drop(sender)).is_err());
        receiver.recv().unwrap_err();
    }
}
