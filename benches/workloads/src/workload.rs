//! The workloads: names, sizes, and who takes part.

use crate::{
    Outcome, allocate_and_die, binary_trees, gcbench, graph_churn, list, message_window, persistent_map, ring,
    shared_cache, splay,
};

/// A way to write a workload in this language: the contestant's name, and the program, which takes the sizes.
pub type Program = (&'static str, fn(&[u64]) -> Outcome);

/// A workload: what `README.md` defines.
pub struct Workload {
    /// As it is given to a contestant.
    pub name: &'static str,
    /// As it is printed.
    pub title: &'static str,
    /// The sizes that are measured.
    pub full: &'static [u64],
    /// Sizes for a test.
    pub quick: &'static [u64],
    /// Those of this language.
    pub contestants: &'static [Program],
    /// Who does not take part, and why.
    pub notes: &'static [&'static str],
}

impl Workload {
    /// The workload of a name.
    ///
    /// # Errors
    ///
    /// A name that is none, with those that are.
    pub fn named(name: &str) -> Result<&'static Self, String> {
        WORKLOADS.iter().find(|workload| workload.name == name).ok_or_else(|| {
            let names: Vec<&str> = WORKLOADS.iter().map(|workload| workload.name).collect();
            format!("expected one of {}, found {name}", names.join(", "))
        })
    }

    /// The program of a contestant.
    pub fn program(&self, name: &str) -> Option<fn(&[u64]) -> Outcome> {
        self.contestants.iter().find(|contestant| contestant.0 == name).map(|contestant| contestant.1)
    }
}

/// As many sizes as the workload has.
///
/// # Panics
///
/// If there are more or less.
pub(crate) fn sizes<const N: usize>(sizes: &[u64]) -> [u64; N] {
    sizes.try_into().unwrap_or_else(|_| panic!("expected {N} sizes, found {sizes:?}"))
}

/// In the order in which they are run.
pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "binary_trees",
        title: "binary trees, depth 18",
        full: &[18],
        quick: &[10],
        contestants: binary_trees::CONTESTANTS,
        notes: &[
            "arena: an arena is emptied after each tree",
            "gc-core-calls: a safepoint and a root in every call, as where a program cannot know what fits between two safepoints; \
             gc-core-frames: the same with frames of roots",
        ],
    },
    Workload {
        name: "binary_trees_threads",
        title: "binary trees, depth 18, two threads and one heap",
        full: &[18, 2],
        quick: &[10, 2],
        contestants: binary_trees::threads::CONTESTANTS,
        notes: &[
            "gc-arena, boa_gc, bacon_rajan_cc and Node have no heap that threads share",
            "arena: each thread has its own",
        ],
    },
    Workload {
        name: "gcbench",
        title: "GCBench",
        full: &[16, 500_000],
        quick: &[10, 10_000],
        contestants: gcbench::CONTESTANTS,
        notes: &["rc, arc: `Box` is what one would take"],
    },
    Workload {
        name: "allocate_and_die",
        title: "100 M objects of 24 bytes that die at once",
        full: &[100_000_000],
        quick: &[200_000],
        contestants: allocate_and_die::CONTESTANTS,
        notes: &["arena: the program empties it after each 4 MiB"],
    },
    Workload {
        name: "ring",
        title: "30 M objects of 24 bytes, of which a tenth lingers",
        full: &[30_000_000, 1_000_000],
        quick: &[200_000, 5_000],
        contestants: ring::CONTESTANTS,
        notes: &["arena: it could free nothing of what lingers"],
    },
    Workload {
        name: "graph_churn",
        title: "cyclic graph of 100 000 nodes, 3 M replacements",
        full: &[100_000, 3_000_000, 0],
        quick: &[2_000, 51_200, 0],
        contestants: graph_churn::CONTESTANTS,
        notes: &[
            "box, arena: several edges lead to a node, and nodes go one by one",
            "rc, arc, dumpster, bacon_rajan_cc: no cycle is garbage, as what is replaced loses its edges",
        ],
    },
    Workload {
        name: "graph_churn_lag",
        title: "the same; what is replaced keeps its edges for a while",
        full: &[100_000, 3_000_000, 10_000],
        quick: &[2_000, 51_200, 200],
        contestants: graph_churn::CONTESTANTS,
        notes: &[],
    },
    Workload {
        name: "message_window",
        title: "map of the last 200 000 messages of 1 KiB, 1 M pushes",
        full: &[200_000, 1_000_000],
        quick: &[2_000, 20_000],
        contestants: message_window::CONTESTANTS,
        notes: &[
            "gc-core: std's map in a cell; gc-core-map: the concurrent map; gc-core-slots: a hash table of slots",
            "arena: it could free nothing",
        ],
    },
    Workload {
        name: "list",
        title: "list of 10 M nodes",
        full: &[10_000_000],
        quick: &[100_000],
        contestants: list::CONTESTANTS,
        notes: &[
            "box: with a `Drop` written for it, as that of the compiler overflows the stack",
            "rc, arc: `Box` is what one would take",
            "dumpster, bacon_rajan_cc: dropping the list overflows the stack",
        ],
    },
    Workload {
        name: "persistent_map",
        title: "persistent map, 500 000 inserts",
        full: &[500_000, 5_000],
        quick: &[10_000, 500],
        contestants: persistent_map::CONTESTANTS,
        notes: &["box: versions share nodes", "arena: it would keep every version"],
    },
    Workload {
        name: "shared_cache",
        title: "map of 1 M entries, two threads, 80 % reads, 4 M operations",
        full: &[1_000_000, 2, 2_000_000],
        quick: &[10_000, 2, 50_000],
        contestants: shared_cache::CONTESTANTS,
        notes: &[
            "gc-core, epoch: a hash table of chains without locks, with room for all entries; box, arc, dumpster: 64 maps of std, each with a lock",
            "rc, gc-arena, boa_gc, bacon_rajan_cc and Node cannot share",
        ],
    },
    Workload {
        name: "splay",
        title: "splay, 8000 nodes with payloads, 200 000 modifications",
        full: &[8_000, 200_000],
        quick: &[500, 2_000],
        contestants: splay::CONTESTANTS,
        notes: &["rc, arc: `Box` is what one would take", "arena: it could free nothing"],
    },
];
