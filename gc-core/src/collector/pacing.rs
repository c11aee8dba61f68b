//! Pacing: the figures and settings by which `policy` decides when to collect.
//!
//! Slow paths read these figures and settings, and any thread may set the settings at any time.
//! Mutators, the leader of a pause and the thread that ends a major cycle write the figures. None
//! guards other memory, so all accesses are Relaxed, and a stale value only delays a collection.

use core::time::Duration;

use crate::{
    memory::BLOCK,
    object::size_class::promotion_reserve,
    settings::config::{Config, Thresholds},
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
};

use super::{headroom::Headroom, nursery::Bounds};

/// The settings and figures that decide when to collect.
pub(crate) struct Pacing {
    nursery_bytes: AtomicUsize,
    /// The young budget is this many nurseries.
    nurseries: AtomicUsize,
    copied_goal: AtomicUsize,
    /// How many mutators are attached, and how many of them are not dormant.
    attached: AtomicUsize,
    awake: AtomicUsize,
    /// The size of the nursery, in 64ths of the usual one ([`nursery`](super::nursery)).
    nursery_part: AtomicUsize,
    max_nursery_bytes: AtomicUsize,
    /// Whether the next minor collection promotes all survivors, as nearly all of them will survive
    /// another one.
    promotes_at_once: AtomicBool,
    growth_percent: AtomicU32,
    growth_floor: AtomicUsize,
    soft_limit: AtomicUsize,
    auto: AtomicBool,
    /// The size in bytes that the old generation should not exceed: a major cycle should end before
    /// that.
    goal: AtomicUsize,
    /// The goal is at most this: what the hard limit leaves to old objects.
    ceiling: AtomicUsize,
    /// The young budget that the hard limit leaves.
    affordable: AtomicUsize,
    /// Bytes of the old generation at which marking begins, so that it ends before the goal.
    trigger: AtomicUsize,
    /// Bytes that are promoted in a millisecond.
    promoted: AtomicUsize,
    /// How long the last major cycle took, in milliseconds.
    major_millis: AtomicUsize,
    /// Bytes of the old generation, large objects included.
    old_bytes: AtomicUsize,
    /// Bytes of the old generation that were live after the last major cycle.
    old_live: AtomicUsize,
    /// How many objects the old generation had after the last major cycle.
    old_objects: AtomicUsize,
    /// Bytes allocated since the last collection: in chunks that are full, and in large runs.
    fresh_bytes: AtomicUsize,
    /// How often a remembered set was full since the last collection, while that could be put off.
    full_sets: AtomicUsize,
    /// How many collections were put off.
    put_off: AtomicU64,
    /// Bytes that are expected to survive the next minor collection.
    survivors: AtomicUsize,
    /// Bytes that the next minor collection is expected to promote.
    to_promote: AtomicUsize,
    /// Bytes outside the heap that young objects hold, as counted by mutators since the last
    /// collection.
    fresh_external: AtomicUsize,
    /// Whether a refused allocation was reported since the last collection.
    limit_reported: AtomicBool,
    /// Whether the entries of mutators that have detached fill a remembered set.
    much_remembered: AtomicBool,
}

/// See `Pacing::nursery_part`.
const WHOLE: usize = 64;
/// Bytes by which the old generation should grow for each object that is marked then: marking one
/// costs about as much as allocating 64.
const WORTH: usize = 6 * 64;
/// Where more than this is promoted at once, the memory for it is backed ahead of time.
const MUCH: usize = 64 << 10;
/// However little the hard limit leaves, no minor collection is due for fewer bytes that young
/// objects hold elsewhere.
const LEAST_EXTERNAL: usize = 256 << 10;

impl Pacing {
    pub(crate) fn new(config: &Config) -> Self {
        let Thresholds { nursery_bytes, max_nursery_bytes, copied_goal, growth_percent, growth_floor } =
            config.thresholds;
        Self {
            nursery_bytes: AtomicUsize::new(nursery_bytes),
            nurseries: AtomicUsize::new(1),
            attached: AtomicUsize::new(0),
            awake: AtomicUsize::new(0),
            copied_goal: AtomicUsize::new(copied_goal),
            nursery_part: AtomicUsize::new(WHOLE),
            max_nursery_bytes: AtomicUsize::new(max_nursery_bytes),
            promotes_at_once: AtomicBool::new(false),
            growth_percent: AtomicU32::new(growth_percent),
            growth_floor: AtomicUsize::new(growth_floor),
            soft_limit: AtomicUsize::new(config.soft_limit.unwrap_or(usize::MAX)),
            auto: AtomicBool::new(config.auto),
            // `set_goal` computes the goal and the trigger. The owner of the heap calls it next.
            goal: AtomicUsize::new(growth_floor.min(config.soft_limit.unwrap_or(usize::MAX))),
            ceiling: AtomicUsize::new(usize::MAX),
            affordable: AtomicUsize::new(usize::MAX),
            trigger: AtomicUsize::new(0),
            promoted: AtomicUsize::new(0),
            major_millis: AtomicUsize::new(0),
            old_bytes: AtomicUsize::new(0),
            old_live: AtomicUsize::new(0),
            old_objects: AtomicUsize::new(usize::MAX),
            fresh_bytes: AtomicUsize::new(0),
            full_sets: AtomicUsize::new(0),
            put_off: AtomicU64::new(0),
            survivors: AtomicUsize::new(0),
            to_promote: AtomicUsize::new(0),
            fresh_external: AtomicUsize::new(0),
            limit_reported: AtomicBool::new(false),
            much_remembered: AtomicBool::new(false),
        }
    }

    // Relaxed, here and in all that follows: settings and figures guard no other memory, and a stale one delays a collection.
    pub(crate) fn thresholds(&self) -> Thresholds {
        Thresholds {
            nursery_bytes: self.nursery_bytes.load(Ordering::Relaxed),
            max_nursery_bytes: self.max_nursery_bytes.load(Ordering::Relaxed),
            copied_goal: self.copied_goal.load(Ordering::Relaxed),
            growth_percent: self.growth_percent.load(Ordering::Relaxed),
            growth_floor: self.growth_floor.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn set_thresholds(&self, thresholds: Thresholds) {
        self.nursery_bytes.store(thresholds.nursery_bytes, Ordering::Relaxed);
        self.max_nursery_bytes.store(thresholds.max_nursery_bytes, Ordering::Relaxed);
        self.copied_goal.store(thresholds.copied_goal, Ordering::Relaxed);
        self.growth_percent.store(thresholds.growth_percent, Ordering::Relaxed);
        self.growth_floor.store(thresholds.growth_floor, Ordering::Relaxed);
        self.set_goal();
    }

    pub(crate) fn set_soft_limit(&self, bytes: usize) {
        self.soft_limit.store(bytes, Ordering::Relaxed);
        self.set_goal();
    }

    pub(crate) fn soft_limit(&self) -> usize {
        self.soft_limit.load(Ordering::Relaxed)
    }

    /// Sets the goal from the bytes that were live after the last major cycle: live × (1 + growth),
    /// or less where marking costs little because objects are large: then cycles are more frequent,
    /// so that each is worth its marking, down to live × (1 + growth / 4). If the goal is above the
    /// soft limit, it is the soft limit, or about live × (1 + growth / 4) where that is more. It is
    /// at most what the hard limit leaves.
    pub(crate) fn set_goal(&self) {
        let live = self.old_live.load(Ordering::Relaxed);
        let thresholds = self.thresholds();
        let percent = |percent: u32| (live / 100).saturating_mul(percent as usize);
        let least = percent(thresholds.growth_percent.div_ceil(4));
        let worth = self.old_objects.load(Ordering::Relaxed).saturating_mul(WORTH);
        let growth = percent(thresholds.growth_percent).min(worth.max(least));
        let goal = live.saturating_add(growth).max(thresholds.growth_floor);
        let soft = self.soft_limit();
        let above = live.saturating_add(least).saturating_add(BLOCK);
        let goal = if goal > soft { soft.max(above.min(goal)) } else { goal };
        let goal = goal.min(self.ceiling()).max(live);
        self.goal.store(goal, Ordering::Relaxed);
        self.set_trigger();
    }

    /// Sets the trigger: the size of the old generation at which marking begins. It is the goal
    /// less a headroom. The headroom is the bytes that the two pauses of a cycle promote, and four
    /// thirds of the bytes that are promoted in the time of a cycle, at the measured rates: so the
    /// cycle ends with a third of its time to spare. The headroom is at least an eighth, and at
    /// most three quarters, of the growth from the live bytes to the goal; at most a quarter if the
    /// hard limit sets the goal, because then marking that begins early is repeated often. Before
    /// anything is measured it is the eighth.
    fn set_trigger(&self) {
        let (live, goal) = (self.old_live.load(Ordering::Relaxed), self.goal.load(Ordering::Relaxed));
        let growth = goal.saturating_sub(live);
        let expected =
            self.promoted.load(Ordering::Relaxed).saturating_mul(self.major_millis.load(Ordering::Relaxed) + 1);
        // The two pauses of a major cycle promote everything, and cells are larger than objects.
        let pauses = self.survivors.load(Ordering::Relaxed).saturating_mul(5) / 2;
        let marking = (expected / 3).saturating_mul(4);
        let most = if goal < self.ceiling() { growth / 4 * 3 } else { growth / 4 };
        let headroom = pauses.saturating_add(marking).clamp(growth / 8, most);
        self.trigger.store(goal - headroom, Ordering::Relaxed);
    }

    fn ceiling(&self) -> usize {
        self.ceiling.load(Ordering::Relaxed)
    }

    /// Sets what the hard limit leaves to old objects.
    pub(crate) fn set_ceiling(&self, bytes: usize) {
        if self.ceiling.swap(bytes, Ordering::Relaxed) != bytes {
            self.set_goal();
        }
    }

    /// Sets the young budget that the hard limit leaves.
    pub(crate) fn set_affordable(&self, bytes: usize) {
        self.affordable.store(bytes, Ordering::Relaxed);
    }

    /// Records the end of a major cycle: the bytes found live, the number of objects, the bytes of
    /// the old generation now, and how long the cycle took.
    pub(crate) fn major_ended(&self, live: usize, objects: usize, old_bytes: usize, time: Duration) {
        self.old_live.store(live, Ordering::Relaxed);
        self.old_objects.store(objects, Ordering::Relaxed);
        self.old_bytes.store(old_bytes, Ordering::Relaxed);
        self.major_millis.store(time.as_millis() as usize, Ordering::Relaxed);
        self.set_goal();
    }

    /// Records the bytes of the old generation.
    pub(crate) fn note_old_bytes(&self, bytes: usize) {
        self.old_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Returns the size in bytes that the old generation should not exceed.
    pub(crate) fn goal(&self) -> usize {
        self.goal.load(Ordering::Relaxed)
    }

    /// Returns by how many bytes the old generation, which has `old_bytes` now, has grown since the
    /// last major cycle.
    pub(crate) fn old_growth(&self, old_bytes: usize) -> usize {
        old_bytes.saturating_sub(self.old_live.load(Ordering::Relaxed))
    }

    /// Resets what is counted between two pauses. The caller leads a pause.
    pub(crate) fn begin_nursery(&self) {
        self.fresh_bytes.store(0, Ordering::Relaxed);
        self.fresh_external.store(0, Ordering::Relaxed);
        self.full_sets.store(0, Ordering::Relaxed);
        self.limit_reported.store(false, Ordering::Relaxed);
        self.much_remembered.store(false, Ordering::Relaxed);
    }

    /// Records how many bytes survived a minor collection, and how many were promoted. Earlier
    /// collections count less and less. The caller leads the pause.
    pub(crate) fn count_survivors(&self, bytes: usize, promoted: usize) {
        for (figure, bytes) in [(&self.survivors, bytes), (&self.to_promote, promoted)] {
            let expected = figure.load(Ordering::Relaxed) / 4 * 3;
            figure.store(expected.max(bytes), Ordering::Relaxed);
        }
    }

    /// Returns the bytes that are expected to survive the next minor collection.
    pub(crate) fn expected_survivors(&self) -> usize {
        self.survivors.load(Ordering::Relaxed)
    }

    /// Counts bytes that were handed out to young objects. Returns whether the young budget is used
    /// up.
    pub(crate) fn count_fresh(&self, bytes: usize) -> bool {
        self.fresh_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.wants_minor()
    }

    /// Returns the bytes allocated since the last collection: in chunks that are full, and in large
    /// runs.
    pub(crate) fn fresh_bytes(&self) -> usize {
        self.fresh_bytes.load(Ordering::Relaxed)
    }

    /// Returns whether to report a refused allocation: once between two collections, because a
    /// program that can go on tries again and again.
    pub(crate) fn tell_limit(&self) -> bool {
        !self.limit_reported.swap(true, Ordering::Relaxed)
    }

    /// Records that the entries of mutators that have detached fill a remembered set.
    pub(crate) fn note_much_remembered(&self) {
        // The next mutator to attach reads it. Both threads hold the registry lock.
        self.much_remembered.store(true, Ordering::Relaxed);
    }

    pub(crate) fn set_auto(&self, auto: bool) {
        self.auto.store(auto, Ordering::Relaxed);
    }

    /// Counts the bytes that were promoted since the last pause, which ended `time` ago.
    pub(crate) fn count_promoted(&self, bytes: usize, time: Duration) {
        let now = bytes.saturating_mul(1000) / (time.as_micros() as usize).max(100);
        let before = self.promoted.load(Ordering::Relaxed);
        self.promoted.store(before - before / 8 + now / 8, Ordering::Relaxed);
        self.set_trigger();
    }

    /// Returns whether the old generation, with the bytes that are expected to be promoted now,
    /// will be far over the goal.
    pub(crate) fn will_be_far_over_goal(&self) -> bool {
        self.is_far_over_goal(self.old_bytes.load(Ordering::Relaxed) + self.survivors.load(Ordering::Relaxed))
    }

    /// Returns whether `old_bytes` are far over the goal ([assist.bound]): by half of what the goal
    /// is over what lived, and by a tenth of the goal at least. Where a limit sets the goal, it is
    /// the tenth.
    pub(crate) fn is_far_over_goal(&self, old_bytes: usize) -> bool {
        let (goal, live) = (self.goal.load(Ordering::Relaxed), self.old_live.load(Ordering::Relaxed));
        let is_limited = goal >= self.ceiling().min(self.soft_limit());
        let half = if is_limited { 0 } else { goal.saturating_sub(live) / 2 };
        old_bytes > goal.saturating_add(half.max(goal / 10))
    }

    /// Returns how many blocks the next minor collection is expected to promote into, if that is so
    /// much that they should be backed ahead of time.
    pub(crate) fn expected_blocks(&self) -> Option<usize> {
        let bytes = self.to_promote.load(Ordering::Relaxed);
        (bytes > MUCH).then(|| promotion_reserve(bytes))
    }

    /// Returns whether marking should begin, where objects hold `external` bytes outside the heap.
    /// Nothing has to be marked where nothing has grown: without a floor of growth, the trigger of
    /// a small heap is what lives.
    pub(crate) fn wants_major(&self, external: usize) -> bool {
        let bytes = self.old_bytes.load(Ordering::Relaxed).saturating_add(external);
        bytes >= self.trigger.load(Ordering::Relaxed) && bytes > self.old_live.load(Ordering::Relaxed)
    }

    /// Returns whether `old_bytes` exceed the goal.
    pub(crate) fn is_over_goal(&self, old_bytes: usize) -> bool {
        old_bytes > self.goal.load(Ordering::Relaxed)
    }

    /// Returns whether the old generation exceeds the goal.
    pub(crate) fn has_passed_goal(&self) -> bool {
        self.is_over_goal(self.old_bytes.load(Ordering::Relaxed))
    }

    /// Returns how many mutators may use a core, where so many wait for a major cycle: no fewer
    /// than do. A dormant one does not, nor one that waits, but which of those are both is not
    /// known.
    pub(crate) fn at_work(&self, waiting: usize) -> usize {
        self.awake.load(Ordering::Relaxed).min(self.attached.load(Ordering::Relaxed).saturating_sub(waiting))
    }

    /// Returns the young budget: the bytes between two minor collections.
    pub(crate) fn young_budget(&self) -> usize {
        let usual = self.usual_budget();
        let wanted = (usual / WHOLE).saturating_mul(self.nursery_part.load(Ordering::Relaxed));
        wanted.min(self.affordable.load(Ordering::Relaxed).max(Headroom::smallest_budget(usual)))
    }

    /// Returns the young budget far from the hard limit, where nothing speaks for another size of
    /// the nursery.
    pub(crate) fn usual_budget(&self) -> usize {
        self.nursery_bytes.load(Ordering::Relaxed).saturating_mul(self.nurseries.load(Ordering::Relaxed))
    }

    /// Sets the size of the nursery, in 64ths of the usual one, and whether all survivors are
    /// promoted. The caller leads a pause.
    pub(crate) fn fit_nursery(&self, part: usize, promotes_at_once: bool) {
        self.nursery_part.store(part, Ordering::Relaxed);
        self.promotes_at_once.store(promotes_at_once, Ordering::Relaxed);
    }

    /// Returns whether the next minor collection promotes all survivors, as nearly all of them will
    /// survive another one.
    pub(crate) fn promotes_at_once(&self) -> bool {
        self.promotes_at_once.load(Ordering::Relaxed)
    }

    /// Returns what bounds the nursery under a hard limit, below which so many bytes are left. It
    /// takes its size again to be promoted, and for survivors.
    pub(crate) fn nursery_bounds(&self, limit: usize, available: usize) -> Bounds {
        let usual = self.usual_budget();
        let by_setting = self.max_nursery_bytes.load(Ordering::Relaxed) / self.nursery_bytes.load(Ordering::Relaxed);
        let by_limit = (limit / 8).min(available / 4).min(self.affordable.load(Ordering::Relaxed)) / usual;
        Bounds { usual, most: by_setting.min(by_limit).max(1), goal: self.copied_goal.load(Ordering::Relaxed) }
    }

    /// Sets the young budget for the mutators that are awake. If they shared one nursery,
    /// collections would be more frequent in proportion to their number, and each would copy the
    /// objects that all of them are working on. Mutators beyond the number of cores wait for a core
    /// with such objects in hand, so up to twice the cores count; a larger budget would not stay in
    /// the caches. The budget is at most an eighth of the hard limit.
    ///
    /// A dormant mutator allocates nothing, and counts when it is awake again. The caller has the
    /// registry lock.
    pub(crate) fn share_nursery(&self, attached: usize, awake: usize, config: &Config) {
        self.attached.store(attached, Ordering::Relaxed);
        self.awake.store(awake, Ordering::Relaxed);
        let affordable = config.hard_limit.unwrap_or(usize::MAX) / 8 / self.nursery_bytes.load(Ordering::Relaxed);
        self.nurseries.store(awake.min(2 * config.cores).min(affordable).max(1), Ordering::Relaxed);
    }

    /// Returns whether the young budget is used up.
    pub(crate) fn wants_minor(&self) -> bool {
        self.fresh_bytes.load(Ordering::Relaxed) >= self.young_budget() && self.is_auto()
    }

    /// Returns whether the program may allocate on though the young budget is used up: it has not
    /// exceeded it by a usual budget, or by `overdraft` if that is more, nor by more than `most`,
    /// nor by what the hard limit leaves.
    pub(crate) fn bears_more(&self, overdraft: usize, most: usize) -> bool {
        let budget = self.young_budget();
        let affordable = self.affordable.load(Ordering::Relaxed).saturating_sub(budget);
        let overdraft = overdraft.max(self.usual_budget()).min(affordable).min(most);
        self.fresh_bytes.load(Ordering::Relaxed) < budget.saturating_add(overdraft)
    }

    /// Counts that a remembered set is full, and the collection could be put off. Returns how often
    /// that was since the last one.
    pub(crate) fn count_full_set(&self) -> usize {
        self.full_sets.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts a collection that is put off.
    pub(crate) fn count_put_off(&self) {
        self.put_off.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many collections were put off.
    pub(crate) fn put_off(&self) -> u64 {
        self.put_off.load(Ordering::Relaxed)
    }

    /// Counts bytes outside the heap that a young object holds. Returns whether they are worth a
    /// minor collection: since the last collection, young objects have taken as many bytes as the
    /// old generation may grow to without a major cycle, or as the hard limit leaves to a nursery.
    pub(crate) fn count_external(&self, bytes: usize) -> bool {
        let before = self.fresh_external.fetch_add(bytes, Ordering::Relaxed);
        before.saturating_add(bytes) >= self.most_external()
    }

    /// Returns whether young objects hold so much outside the heap that a minor collection is due:
    /// see [`count_external`](Self::count_external).
    pub(crate) fn holds_much(&self) -> bool {
        let bytes = self.fresh_external.load(Ordering::Relaxed);
        bytes >= self.most_external() && bytes > 0
    }

    fn most_external(&self) -> usize {
        let affordable = self.affordable.load(Ordering::Relaxed).max(LEAST_EXTERNAL);
        self.growth_floor.load(Ordering::Relaxed).min(affordable)
    }

    /// Returns whether the entries of mutators that have detached fill a remembered set.
    pub(crate) fn remembers_much(&self) -> bool {
        self.much_remembered.load(Ordering::Relaxed)
    }

    pub(crate) fn is_auto(&self) -> bool {
        self.auto.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_marking_costs_little_the_old_generation_grows_less() {
        let pace = Pacing::new(&Config::default());
        let live = 200 << 20;
        for (objects, percent) in [(10_000_000, 100), (200_000, 36), (1000, 25)] {
            pace.major_ended(live, objects, live, Duration::from_millis(1));
            assert_eq!((pace.goal() - live) / (live / 100), percent, "{objects} objects");
        }
        pace.major_ended(1 << 20, 1000, 1 << 20, Duration::from_millis(1));
        assert_eq!(pace.goal(), Config::default().thresholds.growth_floor);
    }

    #[test]
    fn mutators_have_a_nursery_each_up_to_twice_the_cores() {
        let config = Config { cores: 2, ..Config::default() };
        let pace = Pacing::new(&config);
        for (mutators, nurseries) in [(0, 1), (1, 1), (3, 3), (4, 4), (16, 4)] {
            pace.share_nursery(mutators + 3, mutators, &config);
            assert_eq!(pace.young_budget(), nurseries * config.thresholds.nursery_bytes, "{mutators} mutators");
        }
        let config = Config { hard_limit: Some(64 << 20), ..config };
        pace.share_nursery(16, 16, &config);
        assert_eq!(pace.young_budget(), 8 << 20, "an eighth of the limit");
    }
}
