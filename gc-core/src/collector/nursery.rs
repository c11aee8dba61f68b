//! How large the nursery is, and at which age survivors are promoted: both are chosen by what
//! survives.
//!
//! Two shares are measured: of the fresh bytes, those that survive a minor collection, and of
//! generation 1, what survives another one. If the second share is the same for every further
//! collection, the cost of any other size of the nursery follows from both: *k* times the size sees
//! the fresh share *f* and the aged share *a* as
//!
//! ```text
//!   f(k) = f (1 - a^k) / (k (1 - a))        a(k) = a^k
//! ```
//!
//! So where objects live for a while, *a* is small, and a larger nursery copies much less. Where
//! they live for long, *a* is near 1, and every size copies the same. The heap changes at once to
//! the size that is worth it, and back if it was not; then it waits for longer and longer before it
//! tries again.
//!
//! - **[nursery.by-counts]** All decisions depend on bytes and objects that were counted, and not
//!   on time: the same program is collected at the same points.
//! - **[nursery.bounded]** A size that does not pay is left after three collections, and is tried
//!   once in a number of collections that doubles each time.

/// What a minor collection has found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Found {
    /// Fresh bytes: those that were allocated since the collection before.
    pub(crate) fresh: usize,
    /// Bytes of generation 1 before the collection.
    pub(crate) aged: usize,
    /// Bytes that stayed young, and that were promoted.
    pub(crate) copied: usize,
    pub(crate) promoted: usize,
    /// Pointers that were looked at: those of the remembered set, and those of survivors.
    pub(crate) pointers: usize,
    /// Entries of the remembered set before the collection.
    pub(crate) remembered: usize,
    /// Whether every survivor was promoted, whatever its age.
    pub(crate) all: bool,
}

/// What bounds the size of the nursery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The size that is chosen where nothing speaks for another one, in bytes.
    pub(crate) usual: usize,
    /// The largest size, as a multiple of the usual one.
    pub(crate) most: usize,
    /// The work of a collection that is not to be exceeded without need: in bytes copied, of which
    /// a pointer counts as [`POINTER`].
    pub(crate) goal: usize,
}

/// The size of the nursery, and the age of promotion.
#[derive(Debug, Default)]
pub(crate) struct Nursery {
    /// The size is the usual one, doubled so many times.
    doublings: i32,
    /// Sums of what collections by age have found at this size, of which those that are further
    /// back count less.
    sums: Sums,
    /// Collections since the size has changed. The first ones find objects of the size before in
    /// generation 1.
    settled: u32,
    /// What led to this size.
    step: Option<Step>,
    /// Collections before the nursery may grow again, and how often growing has not paid.
    wait: u32,
    failures: u32,
    tenure: Tenure,
    /// The aged share when promotion at once began.
    share: f64,
    /// Bytes that are expected to survive the next collection and stay young.
    survivors: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    collections: f64,
    fresh: f64,
    survived: f64,
    /// Of collections that found a generation 1.
    aged: f64,
    promoted: f64,
    pointers: f64,
    remembered: f64,
}

/// A growth that has to pay.
#[derive(Clone, Copy, Debug)]
struct Step {
    before: i32,
    /// The cost at that size, and what it was to be at this one.
    cost: f64,
    expected: f64,
}

/// At which age survivors are promoted.
#[derive(Debug, Default)]
enum Tenure {
    /// At the second collection that they survive.
    #[default]
    ByAge,
    /// At the first, in so many collections more: then it is measured again.
    AtOnce { left: u32, next: u32 },
    /// By age, until the share that survives twice is known again.
    Measured { next: u32 },
}

/// What a pointer to a young object costs, in bytes copied: it reads a header that is most likely
/// in no cache.
pub(crate) const POINTER: usize = 32;
/// What a collection costs beside its survivors, in bytes copied.
const EACH: f64 = 16384.0;
/// What a byte costs that is promoted, beside its copy: it is marked and swept.
const PROMOTED: f64 = 1.0;
/// What each doubling costs for a byte that is allocated: memory, and misses of the cache.
const DOUBLING: f64 = 0.06;
/// A smaller difference is not worth a change.
const WORTH: f64 = 0.04;
/// A size that costs this much more than the best may be chosen for pauses that meet the goal.
const DEARER: f64 = 1.25;
/// Pauses so many times the goal are long: a size that costs this much more than the best may be
/// chosen to avoid them.
const LONG: f64 = 2.0;
const MUCH_DEARER: f64 = 4.0;
/// A pause may exceed the goal by so much before that changes the size.
const BEARABLE: f64 = 1.25;
/// A collection of less than this part of the usual nursery says nothing.
const LEAST_PART: usize = 16;
/// The nursery shrinks to a quarter at most.
const LEAST: i32 = -2;
/// Collections before a nursery may grow again that has shrunk because growing had not paid.
const WAIT: u32 = 16;
const LONGEST_WAIT: u32 = 1 << 12;
/// The share of generation 1 that survives where promotion at once pays, and below which it does
/// not any more.
const NEARLY_ALL: f64 = 0.9;
const NOT_ALL: f64 = 0.8;
/// Collections with promotion at once before the share is measured again: at first, and at most.
const AT_ONCE: u32 = 16;
const LONGEST_AT_ONCE: u32 = 256;

impl Nursery {
    /// Returns the size, as a part of the usual one in 64ths.
    pub(crate) fn part(&self) -> usize {
        if self.doublings < 0 { 64 >> -self.doublings } else { 64 << self.doublings }
    }

    /// Returns whether the next collection promotes all survivors, because nearly all of those of
    /// the first collection survive the second.
    pub(crate) fn promotes_at_once(&self) -> bool {
        matches!(self.tenure, Tenure::AtOnce { .. })
    }

    /// Returns whether nearly all objects that survive one collection survive the next one, as far
    /// as is known: it stays so while that is measured again.
    pub(crate) fn expects_long_lives(&self) -> bool {
        !matches!(self.tenure, Tenure::ByAge)
    }

    /// Returns how many bytes are expected to survive the next collection and stay young.
    pub(crate) fn survivors(&self) -> usize {
        if self.promotes_at_once() { 0 } else { self.survivors }
    }

    /// Learns from a minor collection, and chooses the size until the next one.
    pub(crate) fn learn(&mut self, found: Found, bounds: Bounds) {
        self.survivors = found.copied;
        self.wait = self.wait.saturating_sub(1);
        self.tenure_after(&found);
        if found.fresh < bounds.usual / LEAST_PART {
            // Most was allocated elsewhere.
            return self.fit(bounds);
        }
        if !found.all {
            self.settled += 1;
        } else if !self.promotes_at_once() {
            // What it promoted was of any age.
            return self.fit(bounds);
        }
        let sums = &mut self.sums;
        for sum in [
            &mut sums.collections,
            &mut sums.fresh,
            &mut sums.survived,
            &mut sums.aged,
            &mut sums.promoted,
            &mut sums.pointers,
            &mut sums.remembered,
        ] {
            *sum /= 2.0;
        }
        let aged = if found.all { 0 } else { found.promoted.min(found.aged) };
        sums.collections += 1.0;
        sums.fresh += found.fresh as f64;
        sums.survived += (found.copied + found.promoted - aged) as f64;
        if !found.all && self.settled > 1 {
            sums.aged += found.aged as f64;
            sums.promoted += aged as f64;
        }
        sums.pointers += found.pointers.saturating_sub(found.remembered) as f64;
        sums.remembered += found.remembered as f64;
        self.choose(bounds);
    }

    /// Chooses the size that costs least.
    fn choose(&mut self, bounds: Bounds) {
        if let Tenure::Measured { .. } = self.tenure {
            // What is copied twice meanwhile says nothing about the size.
            return self.fit(bounds);
        }
        let at_once = self.promotes_at_once().then_some(self.share);
        let Some(shares) = Shares::of(&self.sums, at_once) else { return self.fit(bounds) };
        let now = shares.at(0, self.doublings, bounds);
        if let Some(step) = self.step
            && self.settled > 2
        {
            if step.cost - now.cost < (step.cost - step.expected) / 4.0 {
                self.fail();
                return self.change(step.before, bounds);
            }
            self.step = None;
            self.failures = self.failures.saturating_sub(1);
        }
        let sizes = LEAST..=Self::most(bounds);
        let at = |doublings: i32| (doublings, shares.at(doublings - self.doublings, doublings, bounds));
        let cheaper = |a: &(i32, Cost), b: &(i32, Cost)| a.1.cost.total_cmp(&b.1.cost);
        let Some(best) = sizes.clone().map(at).min_by(cheaper) else { return };
        let goal = bounds.goal as f64 * BEARABLE;
        let mut chosen = best;
        if best.1.pause > goal {
            // The largest that meets the goal, if it costs little; or whose pauses are not long, if it costs more; or else the shortest
            // pauses, if they cost little.
            let bearable =
                |dearer: f64| sizes.clone().map(at).filter(move |(_, cost)| cost.cost <= best.1.cost * dearer + WORTH);
            let largest = |dearer, pause| {
                bearable(dearer).filter(move |(_, cost)| cost.pause <= pause).max_by_key(|&(doublings, _)| doublings)
            };
            let shortest = || bearable(DEARER).min_by(|a, b| a.1.pause.total_cmp(&b.1.pause));
            let meets = largest(DEARER, goal).or_else(|| largest(MUCH_DEARER, goal * LONG));
            chosen = meets.or_else(shortest).unwrap_or(best);
        }
        let (doublings, cost) = chosen;
        let misses = now.pause > goal && cost.pause < now.pause;
        // Back to the usual size, or as near as the goal allows.
        let returns = self.doublings < doublings && doublings <= 0;
        if doublings == self.doublings || (now.cost - cost.cost < WORTH && !misses && !returns) {
            return self.fit(bounds);
        }
        if doublings > self.doublings.max(0) {
            if self.wait > 0 {
                return self.fit(bounds);
            }
            self.step = Some(Step { before: self.doublings, cost: now.cost, expected: cost.cost });
            // What survives twice there is to be known.
            self.tenure = Tenure::ByAge;
        } else if self.step.is_some() {
            self.fail();
        }
        self.survivors = cost.survivors as usize;
        self.change(doublings, bounds);
    }

    /// Records that a growth has not paid ([nursery.bounded]).
    fn fail(&mut self) {
        self.step = None;
        self.wait = (WAIT << self.failures.min(16)).min(LONGEST_WAIT);
        self.failures += 1;
    }

    /// Changes the size.
    fn change(&mut self, doublings: i32, bounds: Bounds) {
        let doublings = doublings.clamp(LEAST, Self::most(bounds));
        if doublings != self.doublings {
            self.doublings = doublings;
            self.settled = 0;
            self.sums = Sums::default();
        }
    }

    /// Keeps the size within its bounds, which may have changed.
    fn fit(&mut self, bounds: Bounds) {
        if self.doublings > Self::most(bounds) {
            self.step = None;
            self.change(self.doublings, bounds);
        }
    }

    fn most(bounds: Bounds) -> i32 {
        bounds.most.max(1).ilog2() as i32
    }

    /// Decides at which age survivors are promoted from now on.
    fn tenure_after(&mut self, found: &Found) {
        let share = (self.sums.aged > 0.0).then(|| self.sums.promoted / self.sums.aged);
        let survives = self.sums.survived * 16.0 > self.sums.fresh;
        match &mut self.tenure {
            Tenure::ByAge => {
                if survives
                    && self.settled > 2
                    && let Some(share) = share.filter(|&share| share >= NEARLY_ALL)
                {
                    self.tenure = Tenure::AtOnce { left: AT_ONCE, next: AT_ONCE };
                    self.share = share;
                }
            }
            Tenure::AtOnce { left, next } => {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    self.tenure = Tenure::Measured { next: (*next * 2).min(LONGEST_AT_ONCE) };
                    self.settled = 0;
                    self.sums.aged = 0.0;
                    self.sums.promoted = 0.0;
                }
            }
            Tenure::Measured { next } => {
                if !found.all && self.settled > 1 && found.aged > 0 {
                    let share = found.promoted.min(found.aged) as f64 / found.aged as f64;
                    self.share = share;
                    self.tenure =
                        if share >= NOT_ALL { Tenure::AtOnce { left: *next, next: *next } } else { Tenure::ByAge };
                }
            }
        }
    }
}

/// What survives, and what that costs.
#[derive(Clone, Copy, Debug)]
struct Shares {
    fresh: f64,
    aged: f64,
    /// The cost of a byte that survives: its copy, and the pointers to it.
    byte: f64,
    /// The cost of the remembered set, for a byte that is allocated.
    remembered: f64,
    at_once: bool,
    /// The bytes between two collections, as they were.
    between: f64,
}

/// What a size costs.
#[derive(Clone, Copy, Debug)]
struct Cost {
    /// In bytes copied, for a byte that is allocated.
    cost: f64,
    /// Of a collection, in bytes copied.
    pause: f64,
    /// The bytes that survive a collection and stay young.
    survivors: f64,
}

impl Shares {
    /// `at_once`: the aged share, where it is not measured because everything is promoted at once.
    fn of(sums: &Sums, at_once: Option<f64>) -> Option<Self> {
        if sums.fresh == 0.0 || (sums.aged == 0.0 && at_once.is_none() && sums.survived * 64.0 > sums.fresh) {
            return None;
        }
        let copied = (sums.survived + sums.promoted).max(1.0);
        Some(Self {
            fresh: (sums.survived / sums.fresh).min(1.0),
            aged: at_once.unwrap_or(sums.promoted / sums.aged.max(1.0)).min(1.0),
            byte: 1.0 + sums.pointers * POINTER as f64 / copied,
            remembered: sums.remembered * POINTER as f64 / sums.fresh,
            at_once: at_once.is_some(),
            between: sums.fresh / sums.collections,
        })
    }

    /// Returns what a size costs that is the present one doubled so many times, and the usual one
    /// doubled `doublings` times.
    fn at(&self, more: i32, doublings: i32, bounds: Bounds) -> Cost {
        let times = 2_f64.powi(more);
        let left = 1.0 - self.aged;
        let survive = self.aged.powf(times);
        let fresh = if left < 1e-6 { self.fresh } else { self.fresh * (1.0 - survive) / (times * left) }.min(1.0);
        let promoted = if self.at_once { fresh } else { fresh * survive };
        let copied = if self.at_once { fresh } else { fresh + promoted };
        let between = self.between * times;
        let pause = (copied * self.byte + self.remembered) * between + EACH;
        let usual = bounds.usual as f64 * 2_f64.powi(doublings);
        let cost =
            copied * self.byte + promoted * PROMOTED + EACH / usual.max(1.0) + DOUBLING * f64::from(doublings.max(0));
        Cost { cost, pause, survivors: fresh * between }
    }
}

#[cfg(all(test, not(any(gc_loom, gc_shuttle))))]
mod tests {
    use super::*;

    const USUAL: usize = 4 << 20;
    const BOUNDS: Bounds = Bounds { usual: USUAL, most: 8, goal: 8 << 20 };
    /// What objects are made of here.
    const UNIT: usize = 4 << 10;

    /// A program, of which each unit lives as long as `lives` says: so many bytes of allocation
    /// from its birth on.
    struct Program {
        lives: Box<dyn FnMut(f64) -> f64>,
        random: u64,
        now: usize,
        /// When each unit dies.
        aged: Vec<usize>,
        /// Pointers for each unit that survives.
        pointers: usize,
        nursery: Nursery,
        bounds: Bounds,
    }

    impl Program {
        fn new(lives: impl FnMut(f64) -> f64 + 'static) -> Self {
            let nursery = Nursery::default();
            Self { lives: Box::new(lives), random: 1, now: 0, aged: Vec::new(), pointers: 0, nursery, bounds: BOUNDS }
        }

        /// Runs up to the next collection, and collects. Returns the bytes that were copied.
        fn collect(&mut self) -> usize {
            let fresh: Vec<usize> = (0..USUAL / 64 * self.nursery.part() / UNIT)
                .map(|_| {
                    self.now += UNIT;
                    self.random = self.random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    let chance = (self.random >> 11) as f64 / (1_u64 << 53) as f64;
                    self.now.saturating_add((self.lives)(chance) as usize)
                })
                .collect();
            let alive = |units: &[usize]| units.iter().copied().filter(|&dies| dies > self.now).collect::<Vec<_>>();
            let (survive, twice) = (alive(&fresh), alive(&self.aged));
            let all = self.nursery.promotes_at_once();
            let (young, old) = if all { (0, survive.len() + twice.len()) } else { (survive.len(), twice.len()) };
            let found = Found {
                fresh: fresh.len() * UNIT,
                aged: self.aged.len() * UNIT,
                copied: young * UNIT,
                promoted: old * UNIT,
                pointers: (young + old) * self.pointers,
                remembered: 0,
                all,
            };
            self.aged = if all { Vec::new() } else { survive };
            self.nursery.learn(found, self.bounds);
            found.copied + found.promoted
        }

        fn collections(&mut self, count: usize) -> Vec<usize> {
            (0..count)
                .map(|_| {
                    self.collect();
                    self.nursery.part()
                })
                .collect()
        }
    }

    /// Lifetimes that end at any moment alike, `mean` bytes on average.
    fn exponential(mean: f64) -> impl FnMut(f64) -> f64 {
        move |chance| -mean * (1.0 - chance).ln()
    }

    #[test]
    fn what_dies_at_once_changes_nothing() {
        let mut program = Program::new(|_| 0.0);
        assert!(program.collections(100).iter().all(|&part| part == 64));
        assert!(!program.nursery.promotes_at_once());
    }

    #[test]
    fn where_objects_live_for_a_while_the_nursery_grows_at_once_and_stays() {
        let mut program = Program::new(exponential(5e6));
        let parts = program.collections(100);
        assert!(parts[3..].iter().all(|&part| part == 8 * 64), "{parts:?}");
        assert!(!program.nursery.promotes_at_once());
        program.lives = Box::new(exponential(1e3));
        let parts = program.collections(20);
        assert_eq!(parts[19], 64, "{parts:?}");
    }

    #[test]
    fn what_lives_for_long_is_promoted_at_once_from_the_usual_size() {
        let mut program = Program::new(|_| 1e12);
        let parts = program.collections(100);
        assert!(parts.iter().all(|&part| part == 64), "{parts:?}");
        assert!(program.nursery.promotes_at_once());
        // Half of it dies at once.
        let mut program = Program::new(|chance| if chance < 0.5 { 1e12 } else { 0.0 });
        let parts = program.collections(100);
        assert!(parts.iter().all(|&part| part == 64) && program.nursery.promotes_at_once(), "{parts:?}");
    }

    #[test]
    fn long_lives_are_expected_while_they_are_measured_again() {
        let mut program = Program::new(|_| 1e12);
        program.collections(10);
        let mut measured = 0;
        for _ in 0..100 {
            program.collect();
            measured += usize::from(!program.nursery.promotes_at_once());
            assert!(program.nursery.expects_long_lives());
        }
        assert!(measured > 4, "in {measured} collections");
        program.lives = Box::new(exponential(1e3));
        program.collections(300);
        assert!(!program.nursery.expects_long_lives());
    }

    #[test]
    fn what_lives_for_long_and_costs_more_than_the_goal_is_copied_in_shorter_pauses() {
        let mut program = Program::new(|_| 1e12);
        // Twice its size in pointers, so that what survives the usual nursery costs 12 MiB.
        program.pointers = 2 * UNIT / POINTER;
        let parts = program.collections(30);
        assert_eq!(parts[29], 32, "half of it meets the goal: {parts:?}");
        // Smaller pauses would copy much that dies soon.
        let mut program = Program::new(exponential(5e6));
        program.pointers = 2 * UNIT / POINTER;
        let parts = program.collections(30);
        assert_eq!(parts[29], 8 * 64, "{parts:?}");
    }

    /// As of a cache whose entries are replaced at random: an eighth of the largest nursery would
    /// copy as much, and promote much more.
    #[test]
    fn pauses_are_not_long_where_shorter_ones_cost_up_to_four_times_as_much() {
        let mut program = Program::new(exponential(40e6));
        program.pointers = UNIT / 2 / POINTER;
        let parts = program.collections(60);
        let pauses: Vec<usize> = (0..20).map(|_| program.collect() * 3 / 2).collect();
        let longest = pauses.iter().max().unwrap();
        assert!(*longest <= 16 << 20, "{longest} bytes: {parts:?}");
        // Without a goal, it is the largest.
        let mut program = Program::new(exponential(40e6));
        program.bounds.goal = usize::MAX;
        let parts = program.collections(60);
        assert!(parts[59] >= 4 * 64, "{parts:?}");
    }

    /// [nursery.bounded]: everything survives one collection and not the next one, however late that is.
    #[test]
    fn growing_that_does_not_pay_is_tried_less_and_less() {
        let mut nursery = Nursery::default();
        let mut aged = 0;
        let mut grown = 0;
        for _ in 0..4000 {
            let fresh = USUAL / 64 * nursery.part();
            grown += usize::from(nursery.part() > 64);
            nursery.learn(Found { fresh, aged, copied: fresh, ..Found::default() }, BOUNDS);
            aged = fresh;
        }
        assert!((1..100).contains(&grown), "{grown} of 4000");
    }

    /// In the usual size nearly all survives twice, in a larger one far less does.
    #[test]
    fn promotion_at_once_does_not_keep_the_nursery_from_growing() {
        let mut program = Program::new(|_| 1e12);
        program.bounds.most = 64;
        program.collections(40);
        assert!(program.nursery.promotes_at_once());
        program.lives = Box::new(exponential(50e6));
        let parts = program.collections(300);
        assert!(parts[299] >= 8 * 64 && !program.nursery.promotes_at_once(), "{parts:?}");
    }

    #[test]
    fn what_stops_living_for_long_is_promoted_by_age_again() {
        let mut program = Program::new(|_| 1e12);
        program.collections(40);
        assert!(program.nursery.promotes_at_once());
        program.lives = Box::new(|_| 2e6);
        let wasted: Vec<bool> = (0..300)
            .map(|_| {
                program.collect();
                program.nursery.promotes_at_once()
            })
            .collect();
        let last = wasted.iter().rposition(|&at_once| at_once);
        assert!(last.is_some_and(|last| last < 2 * AT_ONCE as usize * 2), "{last:?}");
    }

    #[test]
    fn a_limit_that_comes_near_takes_the_nursery_back() {
        let mut program = Program::new(exponential(5e6));
        program.collections(10);
        assert_eq!(program.nursery.part(), 8 * 64);
        program.bounds.most = 2;
        program.collect();
        assert_eq!(program.nursery.part(), 2 * 64);
    }

    /// [nursery.by-counts]
    #[test]
    fn a_collection_that_finds_nothing_decides_nothing() {
        let mut nursery = Nursery::default();
        for _ in 0..50 {
            nursery.learn(Found::default(), BOUNDS);
        }
        assert_eq!((nursery.part(), nursery.promotes_at_once()), (64, false));
    }
}
