//! The stress setting: forces collections at points where they are rare, so that tests exercise
//! them.

use core::str::FromStr;

use super::error::SettingError;

/// Forces collections at points where a program would rarely see one, to find missed roots, missed
/// safepoints and corrupted memory. It serves the tests of this crate and those of its users.
///
/// Set it with [`HeapBuilder::stress`](crate::HeapBuilder::stress), or for every heap of a process
/// with the environment variable `GC_CORE_STRESS`: settings separated by commas, `name` or
/// `name=number`.
///
/// | setting | effect |
/// |---|---|
/// | `every-safepoint`, `every-safepoint=N` | collects at every (N-th) safepoint |
/// | `trace-safepoints` | every safepoint takes the slow path, so that [`Event::Late`](crate::Event::Late) knows the last one |
/// | `every-allocation=N` | requests a collection at every N-th allocation |
/// | `full-every=N` | every N-th pause begins a major (full) cycle, unless one is under way |
/// | `tiny-nursery` | a nursery of 16 KiB in one chunk, and remembered sets that are full at 8 entries |
/// | `promote-always`, `promote-never`, `promote-random` | decides on promotion instead of the age |
/// | `pretenure` | objects of every type for which that is possible are allocated old, as soon as a collection has seen one |
/// | `to-space-full=N` | every N-th copy finds no room in to-space, and is promoted |
/// | `workers=N` | N threads copy together, from the first object on |
/// | `slow-marker=N` | the concurrent thread sleeps after every N objects that it marks, and after every block that it sweeps |
/// | `stopped` | a major cycle takes place in one pause, which separates bugs of concurrency from others |
/// | `compact-always`, `compact-random` | every major cycle moves the objects of all old blocks, or of a half by chance, however full they are |
/// | `compact-places=N` | N places are recorded for blocks whose objects are to be moved; blocks with more are left alone |
/// | `compact-all=N` | every N-th pause compacts the whole heap at once |
/// | `map-fails=N` | the N-th request to the system for memory fails |
/// | `verify` | checks the whole heap before and after each collection, and panics if it is corrupted |
/// | `seed=SEED` | the seed of the random decisions |
/// | `random=SEED` | chooses the settings by the seed: always `verify`, never `map-fails` |
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stress: gc_core::Stress = "every-safepoint=3,promote-random,verify".parse()?;
/// let heap = gc_core::Heap::builder().stress(stress).build()?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stress {
    pub(crate) every_safepoint: u32,
    pub(crate) every_allocation: u32,
    pub(crate) trace_safepoints: bool,
    pub(crate) full_every: u32,
    pub(crate) tiny_nursery: bool,
    pub(crate) promote: Option<PromoteBy>,
    pub(crate) pretenure: bool,
    pub(crate) to_space_full: u32,
    /// 0 means the number in the heap's settings.
    pub(crate) workers: u32,
    /// Objects that the concurrent thread marks before it sleeps. With 0 it does not sleep.
    pub(crate) slow_marker: u32,
    /// Major cycles take place in one pause.
    pub(crate) stopped: bool,
    pub(crate) compact: Option<CompactBy>,
    /// 0 means the number in the heap's settings.
    pub(crate) compact_places: u32,
    pub(crate) compact_all: u32,
    pub(crate) map_fails: u64,
    pub(crate) seed: u64,
    pub(crate) verify: bool,
}

/// How promotion is decided under stress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PromoteBy {
    Always,
    Never,
    Chance,
}

/// How the blocks whose objects are moved are chosen under stress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CompactBy {
    Always,
    Chance,
}

/// The most workers that may be set, here or by the builder.
pub(super) const MAX_WORKERS: usize = 64;

/// How each setting is written.
const FORMS: &[&str] = &[
    "every-safepoint",
    "every-safepoint=N",
    "trace-safepoints",
    "every-allocation=N",
    "full-every=N",
    "tiny-nursery",
    "promote-always",
    "promote-never",
    "promote-random",
    "pretenure",
    "to-space-full=N",
    "workers=N",
    "slow-marker=N",
    "stopped",
    "compact-always",
    "compact-random",
    "compact-places=N",
    "compact-all=N",
    "map-fails=N",
    "seed=SEED",
    "random=SEED",
    "verify",
];

/// Says how a setting is written, if there is one of this name, or else which there are.
fn refused(setting: &str) -> SettingError {
    let name = |form: &'static str| form.split('=').next().unwrap_or(form);
    let wanted = setting.split('=').next().unwrap_or(setting);
    let forms: Vec<_> = FORMS.iter().filter(|form| name(form) == wanted).map(|form| format!("`{form}`")).collect();
    let expected = match forms.as_slice() {
        [] => format!("stress settings separated by commas ({})", FORMS.join(", ")),
        _ if wanted == "workers" => format!("`workers=N` with N from 1 to {MAX_WORKERS}"),
        forms => format!("{} with N from 1 on and any SEED", forms.join(" or ")),
    };
    let advice = "the documentation of `gc_core::Stress` says what each does";
    SettingError::new("stress", expected, format!("`{setting}`"), advice)
}

impl FromStr for Stress {
    type Err = SettingError;

    /// Parses settings separated by commas.
    ///
    /// ```
    /// let error = "every-alloc".parse::<gc_core::Stress>().unwrap_err();
    /// assert!(error.expected.contains("every-allocation=N") && error.found == "`every-alloc`");
    /// ```
    fn from_str(text: &str) -> Result<Self, SettingError> {
        let mut stress = Self::default();
        for setting in text.split(',').map(str::trim).filter(|s| !s.is_empty()) {
            let error = || refused(setting);
            let (name, value) = match setting.split_once('=') {
                Some((name, value)) => (name, Some(value.parse::<u64>().map_err(|_| error())?)),
                None => (setting, None),
            };
            let count = || value.and_then(|n| u32::try_from(n).ok()).filter(|&n| n > 0).ok_or_else(error);
            match (name, value) {
                ("every-safepoint", None) => stress.every_safepoint = 1,
                ("every-safepoint", Some(_)) => stress.every_safepoint = count()?,
                ("trace-safepoints", None) => stress.trace_safepoints = true,
                ("every-allocation", Some(_)) => stress.every_allocation = count()?,
                ("full-every", Some(_)) => stress.full_every = count()?,
                ("tiny-nursery", None) => stress.tiny_nursery = true,
                ("promote-always", None) => stress.promote = Some(PromoteBy::Always),
                ("promote-never", None) => stress.promote = Some(PromoteBy::Never),
                ("promote-random", None) => stress.promote = Some(PromoteBy::Chance),
                ("pretenure", None) => stress.pretenure = true,
                ("to-space-full", Some(_)) => stress.to_space_full = count()?,
                ("workers", Some(n)) if n <= MAX_WORKERS as u64 => stress.workers = count()?,
                ("slow-marker", Some(_)) => stress.slow_marker = count()?,
                ("stopped", None) => stress.stopped = true,
                ("compact-always", None) => stress.compact = Some(CompactBy::Always),
                ("compact-random", None) => stress.compact = Some(CompactBy::Chance),
                ("compact-places", Some(_)) => stress.compact_places = count()?,
                ("compact-all", Some(_)) => stress.compact_all = count()?,
                ("map-fails", Some(n)) => stress.map_fails = n,
                ("seed", Some(seed)) => stress.seed = seed,
                ("random", Some(seed)) => stress = Self::random(seed),
                ("verify", None) => stress.verify = true,
                _ => return Err(error()),
            }
        }
        Ok(stress)
    }
}

impl Stress {
    /// Returns settings chosen by `seed`, always the same for the same seed. As text this is
    /// `random=SEED`.
    ///
    /// ```
    /// assert_eq!(gc_core::Stress::random(7), "random=7".parse()?);
    /// # Ok::<(), gc_core::SettingError>(())
    /// ```
    #[must_use]
    pub fn random(seed: u64) -> Self {
        let mut state = seed;
        let mut below = |n: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % n
        };
        Self {
            every_safepoint: [0, 1, 2, 7][below(4) as usize],
            trace_safepoints: false,
            every_allocation: [0, 3, 50, 1000][below(4) as usize],
            full_every: [0, 2, 5][below(3) as usize],
            tiny_nursery: below(2) == 0,
            promote: [None, Some(PromoteBy::Always), Some(PromoteBy::Never), Some(PromoteBy::Chance)]
                [below(4) as usize],
            to_space_full: [0, 0, 3][below(3) as usize],
            workers: [0, 0, 1, 2, 3, 4][below(6) as usize],
            slow_marker: [0, 0, 64, 256][below(4) as usize],
            stopped: below(4) == 0,
            compact: [None, Some(CompactBy::Always), Some(CompactBy::Chance)][below(3) as usize],
            compact_places: [0, 0, 1, 16, 200][below(5) as usize],
            compact_all: [0, 0, 3, 20][below(4) as usize],
            map_fails: 0,
            seed,
            verify: true,
            // The last one that is drawn, so that the others stay as they were for each seed.
            pretenure: below(2) == 0,
        }
    }

    /// Returns whether every safepoint has to take the slow path.
    pub(crate) fn watches_safepoints(&self) -> bool {
        self.every_safepoint > 0 || self.trace_safepoints
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_documents_and_names_what_it_does_not() {
        let stress: Stress = "every-safepoint, full-every=4,promote-never,verify".parse().unwrap();
        assert_eq!((stress.every_safepoint, stress.full_every, stress.verify), (1, 4, true));
        for (bad, expected) in [
            ("every-safepoints", "(every-safepoint, every-safepoint=N, trace"),
            ("full-every", "`full-every=N` with"),
            ("every-safepoint=0", "`every-safepoint` or `every-safepoint=N` with N from 1"),
            ("tiny-nursery=3", "`tiny-nursery` with"),
            ("workers=65", "`workers=N` with N from 1 to 64"),
            ("seed=x", "`seed=SEED` with"),
        ] {
            let error = format!("verify,{bad}").parse::<Stress>().unwrap_err();
            assert!(error.found == format!("`{bad}`") && error.expected.contains(expected), "{error}");
        }
        assert_eq!(Stress::random(7), "random=7".parse().unwrap());
    }
}
