//! Address space: reserved in one piece, committed on use, given back when it is empty.
//!
//! The only file that asks the operating system for memory. No thread holds a lock meanwhile
//! ([held.none]).
//!
//! - **[reservation.named]** Each range has a name, which tools show: `/proc/self/maps` as
//!   `[anon:gc-old]`. It is given to the whole range at once, before any of it is committed, and
//!   what splits a mapping later leaves it with both parts. Ranges of different names are mappings
//!   of their own. Where the kernel has no names for them, there are none.

use core::{
    ffi::{CStr, c_int, c_ulong},
    fmt,
    ptr::NonNull,
};

use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags};

use crate::sync::{
    atomic::{AtomicU64, Ordering},
    held,
};

/// A range of reserved address space, unmapped on drop.
pub(crate) struct Reservation {
    /// The mapping that the system gave, for unmapping.
    mapping: NonNull<u8>,
    mapped: usize,
    /// The aligned range inside the mapping.
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: this is an address range; every access through it is an unsafe operation of the code that does it.
unsafe impl Send for Reservation {}
// SAFETY: as above; its methods that take `&self` are system calls.
unsafe impl Sync for Reservation {}

/// The number of mappings that were given back. A thread that maps where another mapping was sees
/// what its users did, by the system's order. ThreadSanitizer does not see our system calls, so
/// that order is stated here.
static UNMAPPED: AtomicU64 = AtomicU64::new(0);

/// `PR_SET_VMA` of `linux/prctl.h`, since 5.17, and its only operation.
const PR_SET_VMA: c_int = 0x53_56_4d_41;
const PR_SET_VMA_ANON_NAME: c_ulong = 0;

unsafe extern "C" {
    /// `rustix` has this operation for a `&[u8]`, which memory that is not committed is not.
    fn prctl(option: c_int, ...) -> c_int;
}

/// What tests see of the system calls that a thread makes for a reservation.
#[cfg(test)]
pub(crate) mod calls {
    use core::{cell::RefCell, ffi::CStr};

    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub(crate) enum Call {
        Commit,
        Advise,
        Populate,
        Release,
        Name(&'static CStr),
    }

    type Observer = Box<dyn Fn(Call, usize)>;

    thread_local! {
        static OBSERVER: RefCell<Option<Observer>> = const { RefCell::new(None) };
    }

    /// Calls `observer` with each system call of this thread, and its bytes, while `scope` runs.
    pub(crate) fn observe(observer: impl Fn(Call, usize) + 'static, scope: impl FnOnce()) {
        OBSERVER.set(Some(Box::new(observer)));
        scope();
        OBSERVER.set(None);
    }

    pub(super) fn made(call: Call, bytes: usize) {
        OBSERVER.with_borrow(|observer| observer.iter().for_each(|observer| observer(call, bytes)));
    }
}

/// Why the system gave no address space.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReserveError {
    pub(crate) bytes: usize,
    pub(crate) os: i32,
}

impl fmt::Display for ReserveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let os = std::io::Error::from_raw_os_error(self.os);
        write!(f, "the system refused {} bytes of address space: {os}", self.bytes)
    }
}

/// Makes the system refuse, for tests: the N-th commit of a heap fails.
#[derive(Debug, Default)]
pub(crate) struct MapFaults {
    /// Commits until one fails. 0: none fails.
    remaining: AtomicU64,
}

impl MapFaults {
    pub(crate) fn at(commit: u64) -> Self {
        Self { remaining: AtomicU64::new(commit) }
    }

    fn strikes(&self) -> bool {
        // Relaxed: a test's counter; the order of commits does not matter.
        let before = self.remaining.try_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        before == Ok(1)
    }
}

impl Reservation {
    /// Reserves `bytes` at a multiple of `align` (a power of two) without committing any. Reading
    /// or writing it traps.
    pub(crate) fn new(bytes: usize, align: usize) -> Result<Self, ReserveError> {
        Self::map(bytes, align, ProtFlags::empty())
    }

    /// Reserves `bytes` that read as zero and cost memory only where they are written, by a name
    /// ([reservation.named]).
    pub(crate) fn zeroed(bytes: usize, name: &'static CStr) -> Result<Self, ReserveError> {
        let reservation = Self::map(bytes, super::PAGE, ProtFlags::READ | ProtFlags::WRITE)?;
        reservation.name(0, bytes, name);
        Ok(reservation)
    }

    /// Names a range ([reservation.named]). Returns whether the kernel does that: it is younger
    /// than 5.17 or built without it, otherwise.
    pub(crate) fn name(&self, offset: usize, bytes: usize, name: &'static CStr) -> bool {
        held::assert_none();
        #[cfg(test)]
        calls::made(calls::Call::Name(name), bytes);
        debug_assert!(offset.checked_add(bytes).is_some_and(|end| end <= self.bytes));
        // SAFETY: inside the reservation; the kernel copies the name, and changes no contents and no access rights.
        unsafe {
            let start = self.base.as_ptr().add(offset);
            prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, start, bytes, name.as_ptr()) == 0
        }
    }

    fn map(bytes: usize, align: usize, protection: ProtFlags) -> Result<Self, ReserveError> {
        held::assert_none();
        debug_assert!(align.is_power_of_two());
        let mapped =
            bytes.checked_add(align).ok_or(ReserveError { bytes, os: rustix::io::Errno::NOMEM.raw_os_error() })?;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a fresh anonymous mapping, where the system chooses to put it, touches no memory that is in use.
        let mapping = unsafe { rustix::mm::mmap_anonymous(core::ptr::null_mut(), mapped, protection, flags) }
            .map_err(|error| ReserveError { bytes, os: error.raw_os_error() })?
            .cast::<u8>();
        // Acquire, with the Release in `drop`.
        UNMAPPED.load(Ordering::Acquire);
        let mapping = NonNull::new(mapping).expect("gc-core: the system mapped address 0");
        let skip = mapping.addr().get().next_multiple_of(align) - mapping.addr().get();
        // SAFETY: `skip` < `align`, so the result is inside the mapping.
        let base = unsafe { mapping.add(skip) };
        Ok(Self { mapping, mapped, base, bytes })
    }

    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes a range readable and writable. Returns whether the system agreed.
    pub(crate) fn commit(&self, offset: usize, bytes: usize, faults: &MapFaults) -> bool {
        held::assert_none();
        #[cfg(test)]
        calls::made(calls::Call::Commit, bytes);
        debug_assert!(offset.checked_add(bytes).is_some_and(|end| end <= self.bytes));
        if faults.strikes() {
            return false;
        }
        // SAFETY: inside the reservation, so the range is ours; additional access rights break no code.
        unsafe {
            let start = self.base.as_ptr().add(offset);
            rustix::mm::mprotect(start.cast(), bytes, MprotectFlags::READ | MprotectFlags::WRITE).is_ok()
        }
    }

    /// Asks for huge pages in a range. Page faults then cost a third, and marking, whose accesses
    /// are random, is two to three times as fast. The system uses a huge page only where all of it
    /// is committed before it is touched.
    pub(crate) fn huge(&self, offset: usize, bytes: usize) {
        held::assert_none();
        #[cfg(test)]
        calls::made(calls::Call::Advise, bytes);
        debug_assert!(offset.checked_add(bytes).is_some_and(|end| end <= self.bytes));
        // A system without huge pages refuses. That costs only speed.
        // SAFETY: inside the reservation; the advice changes no contents.
        let _ = unsafe { rustix::mm::madvise(self.base.as_ptr().add(offset).cast(), bytes, Advice::LinuxHugepage) };
    }

    /// Asks for pages of the usual size in a range: the system does not back what is given back
    /// there with what is beside it. A range that is advised otherwise than those beside it is a
    /// mapping of its own, of which a process may have some ten thousand.
    pub(crate) fn small(&self, offset: usize, bytes: usize) {
        held::assert_none();
        #[cfg(test)]
        calls::made(calls::Call::Advise, bytes);
        debug_assert!(offset.checked_add(bytes).is_some_and(|end| end <= self.bytes));
        // A refusal costs only memory.
        // SAFETY: inside the reservation; the advice changes no contents.
        let _ = unsafe { rustix::mm::madvise(self.base.as_ptr().add(offset).cast(), bytes, Advice::LinuxNoHugepage) };
    }

    /// Has the system back a committed range now, so that no thread waits for page faults later.
    /// The contents stay, and other threads may use the range meanwhile.
    pub(crate) fn populate(&self, offset: usize, bytes: usize) {
        held::assert_none();
        #[cfg(test)]
        calls::made(calls::Call::Populate, bytes);
        debug_assert!(offset.checked_add(bytes).is_some_and(|end| end <= self.bytes));
        // A system that does not know this advice backs the range on first use.
        // SAFETY: inside the reservation; the advice changes no contents.
        let _ =
            unsafe { rustix::mm::madvise(self.base.as_ptr().add(offset).cast(), bytes, Advice::LinuxPopulateWrite) };
    }

    /// Gives back the memory of a committed range. The range stays committed and reads as zero.
    ///
    /// # Safety
    ///
    /// Nothing in the range is in use.
    pub(crate) unsafe fn release(&self, offset: usize, bytes: usize) {
        held::assert_none();
        #[cfg(test)]
        calls::made(calls::Call::Release, bytes);
        debug_assert!(offset.checked_add(bytes).is_some_and(|end| end <= self.bytes));
        // A refusal costs only memory.
        // SAFETY: inside the reservation, and nobody uses the contents (the caller's).
        let _ = unsafe { rustix::mm::madvise(self.base.as_ptr().add(offset).cast(), bytes, Advice::LinuxDontNeed) };
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        held::assert_none();
        // Release: see `UNMAPPED`.
        UNMAPPED.fetch_add(1, Ordering::Release);
        // SAFETY: the mapping is ours, and its last user drops it.
        let unmapped = unsafe { rustix::mm::munmap(self.mapping.as_ptr().cast(), self.mapped) };
        debug_assert!(unmapped.is_ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_writes_releases() {
        let reservation = Reservation::new(1 << 20, 1 << 16).unwrap();
        assert!(reservation.base().addr().get().is_multiple_of(1 << 16));
        assert!(reservation.commit(0, 1 << 16, &MapFaults::default()));
        // SAFETY: committed above.
        unsafe { reservation.base().write(7) };
        // SAFETY: no code uses the range.
        unsafe { reservation.release(0, 1 << 16) };
        // SAFETY: still committed.
        assert_eq!(unsafe { reservation.base().read() }, 0);
    }

    /// The lines of the mappings of a range, with their names, as the kernel lists them.
    fn mappings(start: usize, bytes: usize) -> Vec<String> {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let address = |text: &str| usize::from_str_radix(text, 16).unwrap();
        let overlaps = |line: &&str| {
            let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
            address(from) < start + bytes && address(to) > start
        };
        maps.lines().filter(overlaps).map(str::to_owned).collect()
    }

    /// Whether the kernel names mappings. Otherwise says that nothing is tested.
    fn names(reservation: &Reservation) -> bool {
        let named = reservation.name(0, 4096, c"gc-test");
        if !named {
            eprintln!("skipped: the kernel refuses names for mappings");
        }
        named
    }

    #[test]
    fn a_name_stays_with_what_is_committed_and_given_back() {
        let reservation = Reservation::new(1 << 20, 4096).unwrap();
        if !names(&reservation) {
            return;
        }
        assert!(reservation.name(0, 1 << 19, c"gc-test-a") && reservation.name(1 << 19, 1 << 19, c"gc-test-b"));
        reservation.huge(1 << 19, 1 << 19);
        assert!(reservation.commit(1 << 14, 1 << 15, &MapFaults::default()));
        assert!(reservation.commit((1 << 19) - 4096, 8192, &MapFaults::default()), "over both");
        // SAFETY: committed, and nothing uses it.
        unsafe { reservation.release(1 << 14, 1 << 14) };
        let start = reservation.base().addr().get();
        for (part, name) in [(start, "[anon:gc-test-a]"), (start + (1 << 19), "[anon:gc-test-b]")] {
            let lines = mappings(part, 1 << 19);
            assert!(lines.len() > 1 && lines.iter().all(|line| line.ends_with(name)), "{lines:#?}");
        }
    }

    /// Also where the kernel has no names.
    #[test]
    fn a_heap_names_all_that_it_reserves() {
        use std::{cell::RefCell, collections::BTreeMap, rc::Rc};
        let named = Rc::new(RefCell::new(BTreeMap::new()));
        let (seen, mut map) = (named.clone(), None);
        let note = move |call, bytes| {
            if let calls::Call::Name(name) = call {
                seen.borrow_mut().entry(name.to_str().unwrap()).or_insert_with(Vec::new).push(bytes);
            }
        };
        calls::observe(note, || map = Some(crate::Heap::builder().build().unwrap().collector().map));
        let (named, map) = (named.take(), map.unwrap());
        for (name, part) in [("gc-young", map.young), ("gc-large", map.large), ("gc-old", map.old)] {
            assert_eq!(named[name], [part.bytes]);
        }
        let bitmap = map.old.bytes / 16 / 8;
        assert_eq!(named["gc-bitmap"], [bitmap; 3]);
        let names: Vec<_> = named.into_keys().collect();
        // Those of roots come with the first root.
        let all = ["ages", "bitmap", "candidates", "heads", "large", "old", "runs", "young"];
        assert_eq!(names, all.map(|name| format!("gc-{name}")));
    }

    /// A heap that allocates little has pages of the usual size.
    #[test]
    fn a_heap_asks_for_huge_pages_beyond_the_first_one_of_the_young_part() {
        use std::{cell::RefCell, rc::Rc};
        let advised = Rc::new(RefCell::new(Vec::new()));
        let (seen, mut map) = (advised.clone(), None);
        let note = move |call, bytes| {
            if call == calls::Call::Advise {
                seen.borrow_mut().push(bytes);
            }
        };
        calls::observe(note, || map = Some(crate::Heap::builder().build().unwrap().collector().map));
        let map = map.unwrap();
        assert_eq!(advised.take(), [map.old.bytes, map.young.bytes - (2 << 20)]);
    }

    #[test]
    fn the_parts_of_a_heap_have_names() {
        use crate::{Collect, Heap};
        if !names(&Reservation::new(1 << 20, 4096).unwrap()) {
            return;
        }
        let heap = Heap::builder().build().unwrap();
        let mut m = heap.attach().unwrap();
        let kept = (m.root(m.alloc([1_u64; 10])), m.root(m.alloc_slice_with(10_000, |n| n)));
        m.collect(Collect::Full);
        let map = heap.collector().map;
        for (part, name) in [(map.young, "gc-young"), (map.large, "gc-large"), (map.old, "gc-old")] {
            let lines = mappings(part.start, part.bytes);
            let end = format!("[anon:{name}]");
            assert!(!lines.is_empty() && lines.iter().all(|line| line.ends_with(&end)), "{name}: {lines:#?}");
        }
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        for name in ["gc-roots", "gc-ages", "gc-runs", "gc-heads", "gc-bitmap", "gc-candidates"] {
            assert!(maps.lines().any(|line| line.ends_with(&format!("[anon:{name}]"))), "{name} in {maps}");
        }
        drop(kept);
    }

    #[test]
    fn a_planned_fault_strikes_once() {
        let reservation = Reservation::new(1 << 20, 4096).unwrap();
        let faults = MapFaults::at(2);
        assert!(reservation.commit(0, 4096, &faults));
        assert!(!reservation.commit(0, 4096, &faults));
        assert!(reservation.commit(0, 4096, &faults));
    }

    #[test]
    fn an_absurd_size_is_refused_with_the_size() {
        let error = Reservation::new(1 << 60, 4096).err().unwrap();
        assert!(error.to_string().contains(&(1_u64 << 60).to_string()));
    }
}
