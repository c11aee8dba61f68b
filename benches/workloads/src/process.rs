//! A run of a contestant, measured from outside.

use std::{
    io::Read,
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    process::{Pid, PidfdFlags, Signal},
};

/// What a process did and took.
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed to standard output.
    pub output: String,
    /// What it printed to standard error.
    pub errors: String,
    /// Processor time of all threads, user and system.
    pub processor: Duration,
    /// The most memory that was resident, in bytes.
    pub peak: u64,
}

/// How the error begins of a process that took too long.
pub(crate) const TOO_LONG: &str = "took longer";

/// Runs a command to its end.
///
/// # Errors
///
/// A process that could not be started, or that was ended because it took longer than `timeout`.
pub fn measure(command: &mut Command, timeout: Duration) -> Result<Finished, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let io = |error: std::io::Error| format!("{name}: {error}");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(io)?;
    let (output, errors) = (reader(child.stdout.take()), reader(child.stderr.take()));
    let in_time = ends_within(&child, timeout).map_err(|error| io(error.into()))?;
    let (status, usage) = wait(child).map_err(io)?;
    let [output, errors] = [output, errors].map(|thread| thread.join().expect("a reader does not panic"));
    if !in_time {
        return Err(format!("{TOO_LONG} than {} s", timeout.as_secs()));
    }
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    Ok(Finished {
        status,
        output,
        errors,
        processor: time(usage.ru_utime) + time(usage.ru_stime),
        peak: (usage.ru_maxrss as u64) << 10,
    })
}

/// Reads a pipe to its end, so that its writer never waits.
fn reader(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error says enough.
        let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Waits for the end of a process, which it brings about after `timeout`. Returns whether it came of itself.
fn ends_within(child: &Child, timeout: Duration) -> rustix::io::Result<bool> {
    let pid = Pid::from_child(child);
    let process = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    let time = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() };
    let mut ended = [PollFd::new(&process, PollFlags::IN)];
    if rustix::event::poll(&mut ended, Some(&time))? > 0 {
        return Ok(true);
    }
    rustix::process::pidfd_send_signal(&process, Signal::KILL)?;
    Ok(false)
}

/// Waits for a process and returns what it used: `Child::wait` does not tell.
fn wait(child: Child) -> std::io::Result<(ExitStatus, libc::rusage)> {
    let pid = child.id() as libc::pid_t;
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: both pointers are to places on this stack, which are as large as the call writes. Nothing else waits for the process:
    // `child` was moved here, and does not when it is dropped.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()) };
    if waited != pid {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the call was successful, so it has written the usage.
    Ok((ExitStatus::from_raw(status), unsafe { usage.assume_init() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_measured() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; exit 3"]);
        let finished = measure(&mut command, Duration::from_secs(60)).unwrap();
        assert_eq!((finished.status.code(), &*finished.output, &*finished.errors), (Some(3), "out\n", "err\n"));
        assert!(finished.peak > 100 << 10, "found {}", finished.peak);
    }

    #[test]
    fn a_process_that_takes_too_long_is_ended() {
        let late = measure(Command::new("sleep").arg("1000"), Duration::from_millis(10));
        assert!(late.is_err_and(|error| error.contains("longer")));
    }
}
