//! The limits that the system has set for the process.

use rustix::process::{Resource, getrlimit};

/// Returns the bytes of writable memory that the process may map, whether or not it is backed
/// (`ulimit -d`), if there is a limit.
pub(crate) fn data() -> Option<usize> {
    current(Resource::Data)
}

/// Returns the bytes of address space that the process may have (`ulimit -v`), if there is a limit.
pub(crate) fn address_space() -> Option<usize> {
    current(Resource::As)
}

fn current(resource: Resource) -> Option<usize> {
    getrlimit(resource).current.and_then(|bytes| bytes.try_into().ok())
}
