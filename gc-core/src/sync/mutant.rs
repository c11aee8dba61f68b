//! Bugs that are planted on purpose: each must be found by a model or a test, or what it breaks is
//! not tested.
//!
//! A model plants one by its name while it runs. A build with `--cfg gc_mutants` has all that are
//! `in builds`, and plants the one that the environment names: so `.ci/mutants` compiles once. That
//! is a flag of the compiler, which no program can set; a feature, or the environment alone, would
//! let safe code switch soundness off. In all other builds none is planted, and the compiler leaves
//! nothing of them.

use super::atomic::Ordering;

/// A bug that may be planted.
#[derive(Clone, Copy)]
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
}

impl Mutant {
    /// Returns a mutant that only one model has.
    #[cfg(any(gc_loom, gc_shuttle))]
    pub(crate) const fn of_model(name: &'static str) -> Self {
        Self { name }
    }

    #[inline(always)]
    pub(crate) fn is_planted(self) -> bool {
        super::planted(self.name)
    }

    /// Returns `order`, or Relaxed where the bug is planted.
    #[inline(always)]
    pub(crate) fn weaken(self, order: Ordering) -> Ordering {
        if self.is_planted() { Ordering::Relaxed } else { order }
    }
}

macro_rules! mutants {
    ($($(#[$doc:meta])* $mutant:ident = $name:tt $(, in $builds:ident)?;)*) => { $(
        $(#[$doc])*
        pub(crate) const $mutant: Mutant = Mutant { name: $name };
    )* };
}

// Locks.
mutants! {
    /// A thread that has slept takes the lock, and others that sleep are forgotten: model
    /// `raw_lock`.
    LOCKED_UNCONTENDED = "locked_uncontended";
    /// A thread that was woken gives up, and others that sleep are forgotten: model `raw_lock`.
    GIVES_UP_UNCONTENDED = "gives_up_uncontended";
    /// A thread takes back what it had handed, and those that came meanwhile are not woken: model
    /// `raw_lock`.
    TAKES_BACK_SILENTLY = "takes_back_silently";
}

// Memory.
mutants! {
    /// A thread uses memory that another one has committed, before it knows that: model `frontier`.
    RELAXED_COMMIT = "relaxed_commit";
}

// Safepoints.
mutants! {
    /// A stop ends, and the mutators that resume do not see what its leader wrote: model `ranges`.
    RELAXED_RESUME = "relaxed_resume";
    /// Another thread holds a word whose owner runs: model `counted`.
    HOLD_THE_RUNNING = "hold_the_running";
    /// The leader waits for a mutator that blocks during the stop all the same: model `safepoint`.
    BLOCKED_DOES_NOT_COUNT = "blocked_does_not_count";
    /// A mutator that blocks does not learn that it was asked: model `counted`.
    BLOCKED_FORGETS_THE_ASKED = "blocked_forgets_the_asked";
    /// The end of a hold does not wake the owner that waits for it: model `counted`.
    RELEASE_WAKES_NOBODY = "release_wakes_nobody";
    /// A mutator that leaves `blocked` waits neither for the end of a stop nor for that of a hold:
    /// models `safepoint`, `counted`.
    RESUME_WITHOUT_WAITING = "resume_without_waiting";
    /// The leader collects while mutators run: models `safepoint`, `ranges`.
    LEADER_DOES_NOT_WAIT = "leader_does_not_wait";
    /// A mutator reads its poll and then becomes BLOCKED: model `safepoint`.
    LOOK_BEFORE_BLOCKED = "look_before_blocked";
    /// A thread looks whether a mutator runs and then raises its poll: model `safepoint`.
    LOOK_BEFORE_ASKING = "look_before_asking";
    /// A straggler is LATE before it is recorded that a thread has given up: model `safepoint`.
    LATE_BEFORE_THE_RECORD = "late_before_the_record";
    /// A thread forks though a leader waits for others than itself: model `safepoint`.
    FORK_BESIDE_RUNNERS = "fork_beside_runners";
    /// A dormant mutator runs without rejoining the members: model `dormant`.
    DORMANT_RUNS_AT_ONCE = "dormant_runs_at_once";
    /// The end of a stop wakes only one of the sleeping threads: model `safepoint`.
    WAKE_ONE = "wake_one";
}

// Objects.
mutants! {
    /// An address is stored before other threads see its object whole: model `pointer_slot`.
    RELAXED_PUBLISH = "relaxed_publish";
    /// The next guard of a cell does not see what the last one wrote: model `cell_word`.
    RELAXED_UNLOCK = "relaxed_unlock";
    /// A cell is written while it is read: model `cell_word`.
    WRITER_AMONG_READERS = "writer_among_readers";
    /// A thread forwards to its copy though another thread's copy was first: model `forwarding`,
    /// and the tests of threads in step.
    CLAIM_WITHOUT_LOOKING = "claim_without_looking", in builds;
    /// A thread that finds a forwarding address does not see the copy: model `forwarding`.
    RELAXED_CLAIM = "relaxed_claim";
}

// The barrier.
mutants! {
    /// Slots are not remembered: the model test.
    NO_REMEMBERED_SET = "no_remembered_set", in builds;
    /// Cells are not remembered: the model test.
    NO_REMEMBERED_CELLS = "no_remembered_cells", in builds;
    /// Values that are overwritten during marking are lost: model `satb`, and the model test.
    NO_SNAPSHOT = "no_snapshot", in builds;
    /// Overwritten values whose marks were to be looked at later are lost at a pause: model `satb`,
    /// and the model test.
    LOGGED_ARE_FORGOTTEN = "logged_are_forgotten", in builds;
    /// A cell that the marker has traced in part counts as traced when it is written: model
    /// `big_cells`, and the tests of marking.
    PARTLY_IS_WHOLE = "partly_is_whole", in builds;
}

// Weak pointers.
mutants! {
    /// A weak pointer whose target was marked for a finalizer is read as if it was not cleared:
    /// model `weak_mode`.
    WEAK_WORD_IS_READ_ONCE = "weak_word_is_read_once";
    /// A reader finds the mark of a finalizable object, and does not see that its weak cell was
    /// cleared before: models `weak_mode`, `clearing`.
    RELAXED_MARK = "relaxed_mark";
    /// A thread looks an entry up and adds it in two holds of the lock: model `identity`.
    ENTRY_IS_ADDED_LATE = "entry_is_added_late";
    /// A thread makes a weak cell, and does not look whether another thread has meanwhile: model
    /// `identity`.
    CELL_IS_LOOKED_FOR_ONCE = "cell_is_looked_for_once";
    /// A mutator looks whether a session of sampling has ended before it has the lock: model
    /// `samples`.
    SESSION_IS_LOOKED_AT_EARLY = "session_is_looked_at_early";
    /// A pause puts entries back, and does not look whether a session of sampling has ended: model
    /// `samples`.
    SAMPLES_ARE_PUT_BACK = "samples_are_put_back";
    /// A mutator takes a weak cell from an entry and marks it without the lock: model `clearing`.
    CELL_IS_KEPT_LATE = "cell_is_kept_late";
    /// An object is marked for a finalizer before its weak cell is cleared: model `clearing`.
    FINALIZED_BEFORE_CLEARED = "finalized_before_cleared";
    /// News come, and the thread that waits for them is not woken: model `queues`.
    NEWS_WAKE_NOBODY = "news_wake_nobody";
    /// The end of a heap leaves threads waiting that no news will come for: model `queues`.
    END_LEAVES_THREADS_WAITING = "end_leaves_threads_waiting";
    /// A thread that is to stop waiting is woken between its look and its sleep: model `queues`.
    WAKE_BESIDE_THE_LOCK = "wake_beside_the_lock";
    /// The flag that there are orphans is taken back after they were taken: model `queues`.
    ORPHANS_ARE_OVERLOOKED = "orphans_are_overlooked";
    /// A pause does not look at the pairs of weak tables that wait: the tests of weak tables.
    ENTRIES_ARE_NO_ROOTS = "entries_are_no_roots", in builds;
    /// A removal takes any entry of the hash: the tests of weak tables.
    ANY_ENTRY_IS_REMOVED = "any_entry_is_removed", in builds;
    /// A removal of dead entries says that it has begun when it has taken all: model `queues`.
    REMOVAL_BEGINS_LATE = "removal_begins_late";
    /// News are put into a queue that was closed since it was looked up: model `queues`.
    CLOSED_QUEUE_IS_TOLD = "closed_queue_is_told";
    /// An ephemeron waits for its key, and whether that was marked meanwhile is not looked at:
    /// model `waiting`.
    KEY_IS_LOOKED_AT_ONCE = "key_is_looked_at_once";
}

// Roots.
mutants! {
    /// A collection does not look at the roots: the model test.
    SKIP_ROOTS = "skip_roots", in builds;
    /// A root is written, and the next young collection does not look at it: the verifier, and the
    /// tests of roots.
    ROOT_IS_WRITTEN_UNSEEN = "root_is_written_unseen", in builds;
    /// A root in a frame is written, and the next young collection does not look at it: the
    /// verifier, and the tests of frames.
    FRAME_IS_WRITTEN_UNSEEN = "frame_is_written_unseen", in builds;
    /// A young collection does not list a frame that stays in question below one that settles: the
    /// verifier, and the tests of frames.
    FRAME_BELOW_IS_LOST = "frame_below_is_lost", in builds;
    /// A thread that takes the slots that were dropped elsewhere does not see the last use of a
    /// value, and the thread that drops the last root does not see what the others did: models
    /// `root_word`, `chunk_word`.
    RELAXED_ROOT_DROP = "relaxed_root_drop";
    /// A thread that takes the slots that were dropped elsewhere does not see which they are: model
    /// `root_word`.
    RELAXED_ROOT_TAKE = "relaxed_root_take";
    /// The thread that drops the last root of a chunk, or adopts it, does not see what its owner
    /// did: model `chunk_word`.
    RELAXED_ROOT_OWNER = "relaxed_root_owner";
    /// A thread that takes a list does not see how it is linked: model `chunk_word`.
    RELAXED_NOTE = "relaxed_note";
    /// A thread drops a root after the last user of the heap has looked for such, and does not see
    /// that it has gone: model `attendance`.
    LOOK_FOR_USERS_BY_LOADING = "look_for_users_by_loading";
    /// Two threads that put a chunk in question at the same time list it twice: model `question`.
    LIST_BY_LOOKING = "list_by_looking";
}

// The old generation.
mutants! {
    /// A mark is lost when two threads mark objects of one word: model `mark`.
    MARK_BY_LOAD_AND_STORE = "mark_by_load_and_store";
    /// Two threads mark one object: model `mark`.
    MARK_BY_LOOKING = "mark_by_looking";
    /// Objects that are promoted during marking are not marked: model `sweep`.
    BORN_UNMARKED = "born_unmarked";
    /// Objects that are allocated old during marking are not marked: model `old_cells`, and the
    /// tests of pretenuring.
    ALLOCATED_UNMARKED = "allocated_unmarked", in builds;
    /// The pointers of an object that is allocated old are not remembered: the tests of
    /// pretenuring.
    ADOPTED_ARE_FORGOTTEN = "adopted_are_forgotten", in builds;
    /// A sweep leaves its marks set for the next marking: model `sweep`.
    MARKS_STAY = "marks_stay";
    /// Objects are promoted into blocks that wait to be swept: model `sweep`.
    PARTIAL_BLOCKS_STAY_LISTED = "partial_blocks_stay_listed";
    /// The bits of a group are given back while another thread may take blocks of it: model
    /// `empty_blocks`.
    BITS_OF_A_GROUP_IN_PIECES = "bits_of_a_group_in_pieces";
    /// A free run may be taken while its memory is given back: model `free_runs`.
    LEAVING_RUNS_STAY_LISTED = "leaving_runs_stay_listed";
    /// A collection is ended by a thread that has swept another one: model `major_cycle`.
    END_ANY = "end_any";
    /// The end of a cycle does not request the next one, which a mutator that has gone was
    /// promised: model `major_cycle`.
    END_FORGETS_THE_PROMISE = "end_forgets_the_promise";
    /// The concurrent thread is woken between its look whether marking was ended and its sleep:
    /// model `major_cycle`.
    END_HAND_OVER_WITHOUT_THE_LOCK = "end_hand_over_without_the_lock";
    /// Whether visits are over is looked at before a visit is counted: model `visits`.
    VISIT_IS_COUNTED_LATE = "visit_is_counted_late";
    /// The last visit ends, and does not wake the last user: model `visits`.
    VISIT_ENDS_UNSEEN = "visit_ends_unseen";
    /// The concurrent thread looks whether it was asked to make way before it does: model
    /// `yielding`.
    LEAVE_WORK_AND_LOOK_BEFORE = "leave_work_and_look_before";
    /// The end of a pause does not see that the concurrent thread waits for it: model `yielding`.
    WAIT_UNSEEN = "wait_unseen";
    /// The end of a pause does not wake the concurrent thread that has made way: model `yielding`.
    END_OF_REQUEST_WAKES_NOBODY = "end_of_request_wakes_nobody";
    /// The concurrent thread is woken between its look at an idle heap and its sleep: model
    /// `major_cycle`.
    WAKE_WITHOUT_THE_LOCK = "wake_without_the_lock";
}

// Compaction.
mutants! {
    /// A pointer into a candidate that is stored during marking is not recorded: model
    /// `candidates`.
    STORES_ARE_NOT_RECORDED = "stores_are_not_recorded";
    /// A cell that the marker has read is not recorded: the tests of compaction.
    CELLS_ARE_NOT_RECORDED = "cells_are_not_recorded", in builds;
    /// Objects that are promoted during marking do not record their pointers into candidates: the
    /// tests of compaction.
    PROMOTED_ARE_NOT_RECORDED = "promoted_are_not_recorded", in builds;
    /// A block stays a candidate although a place was not recorded: model `candidates`.
    TOO_MANY_PLACES_STAY = "too_many_places_stay";
    /// Candidates stay on the lists of blocks that objects are promoted into: model `candidates`.
    CANDIDATES_STAY_LISTED = "candidates_stay_listed";
    /// A recorded place is not updated: the verifier, in the tests of compaction.
    PLACES_ARE_NOT_UPDATED = "places_are_not_updated", in builds;
    /// What is dead in a block that is evacuated is not dropped: the tests of compaction.
    EVACUATED_DEAD_ARE_LOST = "evacuated_dead_are_lost", in builds;
    /// Free cells of a block count after its sweep has not listed it: the verifier, in the tests of
    /// compaction.
    FREE_CELLS_STAY_COUNTED = "free_cells_stay_counted", in builds;
}

// The end of a heap's use.
mutants! {
    /// A thread that exits detaches the mutator that it kept, though the heap's last user has:
    /// model `kept_end`.
    EXIT_DOES_NOT_LOOK = "exit_does_not_look";
    /// The last user of a heap leaves mutators attached that threads keep: model `kept_end`.
    LAST_USER_LEAVES_SOME = "last_user_leaves_some";
}

// Threads of the heap.
mutants! {
    /// The end of a heap wakes no thread: model `job_queue`.
    END_WAKES_NOBODY = "end_wakes_nobody";
    /// A thread that has found no job leaves, though one was posted since: models `job_queue`,
    /// `major_cycle`.
    LEAVE_WITHOUT_LOOKING = "leave_without_looking";
    /// A heap is looked at without the lock under which it is taken off the clock's list: model
    /// `clock`.
    LOOK_WITHOUT_THE_LOCK = "look_without_the_lock";
    /// The end of a heap leaves jobs undone: model `job_queue`.
    END_FORGETS_JOBS = "end_forgets_jobs";
    /// The last thread that leaves wakes no thread: model `presence`.
    LEAVES_SILENTLY = "leaves_silently";
    /// All threads that find no job wait, and the end wakes one: model `job_queue`.
    ALL_STAY = "all_stay";
    /// The last thread that waits for jobs leaves: model `job_queue`.
    NONE_STAYS = "none_stays";
    /// A thread claims a value that another one takes: model `claims`.
    CLAIM_BY_LOAD_AND_STORE = "claim_by_load_and_store";
    /// A value counts as dropped before all see what its destructor did: model `claims`.
    RELAXED_DONE = "relaxed_done";
    /// The leader goes on while GC workers are busy: model `sharing`.
    LEADER_DOES_NOT_WAIT_FOR_WORKERS = "leader_does_not_wait_for_workers";
    /// A GC worker sleeps though there is a packet: model `sharing`.
    SLEEP_WITHOUT_LOOKING = "sleep_without_looking";
    /// A GC worker with a packet does not count as busy: model `sharing`.
    BUSY_LATE = "busy_late";
    /// The last GC worker does not wake the leader: model `sharing`.
    LEADER_IS_NOT_WOKEN = "leader_is_not_woken";
}

// Counted references.
mutants! {
    /// The thread that releases the last biased count does not see the others' uses: model
    /// `counted`.
    RELAXED_LAST_BIASED = "relaxed_last_biased";
    /// The release of the last biased count overlooks weak handles: model `counted`.
    WEAK_IS_NOT_LOOKED_AT = "weak_is_not_looked_at";
    /// An object is reclaimed while it is queued: model `counted`.
    FREED_WHILE_QUEUED = "freed_while_queued";
    /// A thread that finds its reference to be the only one does not see the others' uses: model
    /// `counted`.
    RELAXED_ONLY_ONE = "relaxed_only_one";
    /// The thread that reclaims an object does not see the others' uses: model `counted`.
    RELAXED_RELEASE = "relaxed_release";
    /// A thread uses an object after it has given its reference up: model `counted`.
    LOOKED_AT_WHEN_IT_IS_GONE = "looked_at_when_it_is_gone";
    /// A reference is given up before its object is queued: model `counted`.
    QUEUED_LATE = "queued_late";
    /// An owner is asked twice for one object: model `counted`.
    ASK_TWICE = "ask_twice";
    /// A weak handle is upgraded to a reference to a dead object: model `counted`.
    UPGRADE_THE_DEAD = "upgrade_the_dead";
    /// The first weak handle does not set the weak flag: model `counted`.
    WEAK_FLAG_FORGOTTEN = "weak_flag_forgotten";
    /// The thread that frees an object does not see the last use of a weak handle: model `counted`.
    RELAXED_WEAK = "relaxed_weak";
    /// An outdated weak flag makes a reference pass for the only one: model `counted`.
    WEAK_FLAG_OF_BEFORE = "weak_flag_of_before";
    /// Counts are merged while their owner runs: model `counted`.
    MERGE_WITHOUT_HOLD = "merge_without_hold";
    /// A mutator goes on counting by the token that it has given up: model `counted`.
    RENEWED_COUNTS_BY_THE_OLD = "renewed_counts_by_the_old";
    /// A mutator counts by a token that other threads do not find: model `counted`.
    RENEWED_WITHOUT_AN_ENTRY = "renewed_without_an_entry";
}

// The concurrent map.
mutants! {
    /// A thread adds a key to the next table, and the run of the key in this one stays open: model
    /// `map`.
    RUN_STAYS_OPEN = "run_stays_open";
    /// A thread adds a key to the next table, and the key may still come back to its slot in this
    /// one: model `map`.
    KEY_COMES_BACK_LATE = "key_comes_back_late";
    /// Two threads that add one key store it both: model `map`.
    KEY_IS_ADDED_BY_A_STORE = "key_is_added_by_a_store";
    /// A tag is set before the entry is stored, which another one may be faster than: model `map`.
    TAG_COMES_FIRST = "tag_comes_first";
    /// A tag is cleared before the entry is removed, which another one may be faster than: model
    /// `map`.
    TAG_GOES_FIRST = "tag_goes_first";
    /// A reader takes a home without a tag like its key's for one without the key, though its first
    /// slot without a tag is CLOSED: model `map`.
    CLOSED_HOME_IS_A_MISS = "closed_home_is_a_miss";
    /// It does so though that slot has an entry, whose tag is late: model `map`.
    LATE_TAG_IS_A_MISS = "late_tag_is_a_miss";
    /// Two threads that make one segment store it both: model `map`.
    SEGMENT_IS_STORED = "segment_is_stored";
    /// A thread that writes waits until the table has moved, though the thread that moves it does
    /// not run: the model of progress.
    MOVE_IS_WAITED_FOR = "move_is_waited_for";
}

// Containers.
mutants! {
    /// A map that a panic left in the middle of a change counts as whole: the tests of containers.
    MAPS_STAY_WHOLE = "maps_stay_whole", in builds;
}
