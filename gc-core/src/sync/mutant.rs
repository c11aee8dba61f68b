//! Bugs that are planted on purpose: each must be found by a model or a test, or what it breaks is not tested.
//!
//! A model plants one while it runs, by its name; a build is planted by `--cfg gc_mutant="name"`, as `.ci/mutants` does with those that are
//! `in builds`: a flag of the compiler that no program can set, neither a feature nor a variable of the environment, which would let safe
//! code switch soundness off. Otherwise none is, and the compiler leaves nothing of them.

use super::atomic::Ordering;

/// A bug that may be planted.
#[derive(Clone, Copy)]
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    in_build: bool,
}

impl Mutant {
    /// One that a model has for itself.
    #[cfg(any(gc_loom, gc_shuttle))]
    pub(crate) const fn of_model(name: &'static str) -> Self {
        Self { name, in_build: false }
    }

    #[inline(always)]
    pub(crate) fn is_planted(self) -> bool {
        self.in_build || super::planted(self.name)
    }

    /// `order`, and Relaxed where the bug is planted.
    #[inline(always)]
    pub(crate) fn weaken(self, order: Ordering) -> Ordering {
        if self.is_planted() { Ordering::Relaxed } else { order }
    }
}

macro_rules! mutants {
    ($($(#[$doc:meta])* $mutant:ident = $name:tt $(, in $builds:ident)?;)*) => { $(
        $(#[$doc])*
        pub(crate) const $mutant: Mutant = Mutant { name: $name, in_build: cfg!(gc_mutant = $name) };
    )* };
}

// Safepoints.
mutants! {
    /// A stop ends without letting those that go on see what its leader wrote: model `ranges`.
    RELAXED_RESUME = "relaxed_resume";
    /// Another thread holds a word whose owner runs: model `counted`.
    HOLD_THE_RUNNING = "hold_the_running";
    /// Who blocks in a stop is waited for all the same: model `safepoint`.
    BLOCKED_DOES_NOT_COUNT = "blocked_does_not_count";
    /// Who blocks does not learn that it was asked: model `counted`.
    BLOCKED_FORGETS_THE_ASKED = "blocked_forgets_the_asked";
    /// The end of a hold wakes nobody who waits for it: model `counted`.
    RELEASE_WAKES_NOBODY = "release_wakes_nobody";
    /// Who comes back waits neither for the end of a stop nor for that of a hold: models `safepoint`, `counted`.
    RESUME_WITHOUT_WAITING = "resume_without_waiting";
    /// The leader collects while others run: models `safepoint`, `ranges`.
    LEADER_DOES_NOT_WAIT = "leader_does_not_wait";
    /// The end of a stop wakes one of those who sleep: model `safepoint`.
    WAKE_ONE = "wake_one";
}

// Objects.
mutants! {
    /// An address is stored before its object is seen to be whole: model `pointer_slot`.
    RELAXED_PUBLISH = "relaxed_publish";
    /// The next guard of a cell does not see what the last one wrote: model `cell_word`.
    RELAXED_UNLOCK = "relaxed_unlock";
    /// A cell is written while it is read: model `cell_word`.
    WRITER_AMONG_READERS = "writer_among_readers";
    /// A copy is forwarded to though another one was: model `forwarding`, and the tests of threads in step.
    CLAIM_WITHOUT_LOOKING = "claim_without_looking", in builds;
    /// Who finds a forwarding address does not see the copy: model `forwarding`.
    RELAXED_CLAIM = "relaxed_claim";
}

// The barrier.
mutants! {
    /// Slots are not remembered: the model test.
    NO_REMEMBERED_SET = "no_remembered_set", in builds;
    /// Cells are not remembered: the model test.
    NO_REMEMBERED_CELLS = "no_remembered_cells", in builds;
    /// What is overwritten while marking is lost: model `satb`, and the model test.
    NO_SNAPSHOT = "no_snapshot", in builds;
}

// Roots.
mutants! {
    /// A collection does not look at the roots: the model test.
    SKIP_ROOTS = "skip_roots", in builds;
    /// Who frees a slot does not see its value's last use: model `root_word`.
    RELAXED_ROOT_DROP = "relaxed_root_drop";
    /// Who drops the last root does not see what the others did: model `live_count`.
    RELAXED_COUNT = "relaxed_count";
    /// Who frees a table does not see its last use: model `live_count`.
    RELAXED_TABLE_RELEASE = "relaxed_table_release";
}

// The old generation.
mutants! {
    /// Two threads that mark objects of one word lose a mark: model `mark`.
    MARK_BY_LOAD_AND_STORE = "mark_by_load_and_store";
    /// Two threads mark one object: model `mark`.
    MARK_BY_LOOKING = "mark_by_looking";
    /// What is promoted while marking is not marked: model `sweep`.
    BORN_UNMARKED = "born_unmarked";
    /// A sweep leaves its marks to the next marking: model `sweep`.
    MARKS_STAY = "marks_stay";
    /// Objects are promoted into blocks that wait to be swept: model `sweep`.
    PARTIAL_BLOCKS_STAY_LISTED = "partial_blocks_stay_listed";
    /// A collection is ended by who has swept another: model `major_cycle`.
    END_ANY = "end_any";
}

// Threads of the heap.
mutants! {
    /// The end of a heap wakes no thread: model `job_queue`.
    STOP_WAKES_NOBODY = "stop_wakes_nobody";
    /// The end of a heap leaves jobs undone: model `job_queue`.
    STOP_FORGETS_JOBS = "stop_forgets_jobs";
    /// The leader goes on while helpers are busy: model `sharing`.
    LEADER_DOES_NOT_WAIT_FOR_HELPERS = "leader_does_not_wait_for_helpers";
    /// A helper sleeps though there is a packet: model `sharing`.
    SLEEP_WITHOUT_LOOKING = "sleep_without_looking";
    /// A helper with a packet does not count as busy: model `sharing`.
    BUSY_LATE = "busy_late";
    /// The last helper does not wake the leader: model `sharing`.
    LEADER_IS_NOT_WOKEN = "leader_is_not_woken";
}

// Counted references.
mutants! {
    /// Who finds itself the last one does not see the others' uses: model `counted`.
    RELAXED_LAST_BIASED = "relaxed_last_biased";
    /// Weak handles are taken for none: model `counted`.
    WEAK_IS_NOT_LOOKED_AT = "weak_is_not_looked_at";
    /// An object is ended while it is in a queue: model `counted`.
    FREED_WHILE_QUEUED = "freed_while_queued";
    /// Who finds itself the only one does not see the others' uses: model `counted`.
    RELAXED_ONLY_ONE = "relaxed_only_one";
    /// Who ends an object does not see the others' uses: model `counted`.
    RELAXED_RELEASE = "relaxed_release";
    /// An object is used after the reference to it has ended: model `counted`.
    LOOKED_AT_WHEN_IT_IS_GONE = "looked_at_when_it_is_gone";
    /// A reference ends before its object is queued: model `counted`.
    QUEUED_LATE = "queued_late";
    /// An owner is asked twice for one object: model `counted`.
    ASK_TWICE = "ask_twice";
    /// A weak handle gives a reference to a dead object: model `counted`.
    UPGRADE_THE_DEAD = "upgrade_the_dead";
    /// The first weak handle is not noted: model `counted`.
    WEAK_FLAG_FORGOTTEN = "weak_flag_forgotten";
    /// Who frees an object does not see the last use of a weak handle: model `counted`.
    RELAXED_WEAK = "relaxed_weak";
    /// The only one is told by a weak flag of before: model `counted`.
    WEAK_FLAG_OF_BEFORE = "weak_flag_of_before";
    /// Counts are merged while their owner runs: model `counted`.
    MERGE_WITHOUT_HOLD = "merge_without_hold";
}

// Containers.
mutants! {
    /// A map that a panic left half-way counts as whole: the tests of containers.
    MAPS_STAY_WHOLE = "maps_stay_whole", in builds;
}
