//! When to collect.
//!
//! Figures and settings, read in slow paths and set at any time; none guards other memory, so all are Relaxed, and a stale one
//! delays a collection.

use core::time::Duration;

use crate::{
    memory::BLOCK,
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
};

use super::config::{Config, Thresholds};

/// When to collect: read in slow paths, set at any time.
pub(crate) struct Pace {
    nursery_bytes: AtomicUsize,
    /// The young budget is so many nurseries.
    nurseries: AtomicUsize,
    copied_goal: AtomicUsize,
    /// How many mutators are attached.
    attached: AtomicUsize,
    /// In 1/64: how much of the young budget is used before it is collected.
    used_part: AtomicUsize,
    promote_all_every: AtomicU32,
    growth_percent: AtomicU32,
    growth_floor: AtomicUsize,
    soft_limit: AtomicUsize,
    pub(crate) auto: AtomicBool,
    /// Bytes of the old generation at which a full collection begins.
    pub(crate) goal: AtomicUsize,
    /// Bytes of the old generation at which marking begins, so that it ends before the goal.
    trigger: AtomicUsize,
    /// Bytes that become old in a millisecond.
    promoted: AtomicUsize,
    /// Milliseconds that the last full collection took, from its beginning to its end.
    full_millis: AtomicUsize,
    /// Bytes of the old generation, large objects included.
    pub(crate) old_bytes: AtomicUsize,
    /// Bytes of the old generation after the last full collection.
    pub(crate) old_live: AtomicUsize,
    /// Young collections since everything was promoted.
    pub(crate) young_collections: AtomicU32,
    /// How often this heap was stopped.
    stops: AtomicU64,
    /// The last stop of this heap among those of the process: see `CellWord`.
    stop: AtomicU64,
    /// Twice the number of collections, plus one while one runs.
    pub(crate) collections: AtomicU64,
    /// Bytes allocated since the last collection, in chunks that are full and large runs.
    pub(crate) fresh_bytes: AtomicUsize,
    /// Bytes that are expected to survive the next young collection.
    pub(crate) survivors: AtomicUsize,
    /// Bytes that young objects hold elsewhere, as far as mutators have said since the last collection.
    pub(crate) fresh_external: AtomicUsize,
    /// Whether the hard limit was reported since the last collection.
    pub(crate) limit_told: AtomicBool,
    /// Whether mutators that have detached remembered more than a buffer holds.
    pub(crate) much_remembered: AtomicBool,
    /// Whether roots were dropped elsewhere than on their owner since the last mutator detached: see `nested_roots`.
    pub(crate) roots_dropped: AtomicBool,
}

/// See `Pace::used_part`.
const WHOLE: usize = 64;
/// Survivors of one collection that are worth having memory ready for.
const MUCH: usize = 64 << 10;

/// A number for a stop that no other one in the process has, up to `memory::LAST_STOP`.
fn next_stop() -> u64 {
    static STOPS: AtomicU64 = AtomicU64::new(0);
    // Relaxed: a number that nobody else has.
    STOPS.fetch_add(1, Ordering::Relaxed) + 1
}

impl Pace {
    pub(crate) fn new(config: &Config) -> Self {
        let Thresholds { nursery_bytes, copied_goal, promote_all_every, growth_percent, growth_floor } =
            config.thresholds;
        Self {
            nursery_bytes: AtomicUsize::new(nursery_bytes),
            nurseries: AtomicUsize::new(1),
            attached: AtomicUsize::new(0),
            copied_goal: AtomicUsize::new(copied_goal),
            used_part: AtomicUsize::new(WHOLE),
            promote_all_every: AtomicU32::new(promote_all_every),
            growth_percent: AtomicU32::new(growth_percent),
            growth_floor: AtomicUsize::new(growth_floor),
            soft_limit: AtomicUsize::new(config.soft_limit.unwrap_or(usize::MAX)),
            auto: AtomicBool::new(config.auto),
            // Before anything was measured, an eighth of the way is left.
            goal: AtomicUsize::new(growth_floor.min(config.soft_limit.unwrap_or(usize::MAX))),
            trigger: AtomicUsize::new(0),
            promoted: AtomicUsize::new(0),
            full_millis: AtomicUsize::new(0),
            old_bytes: AtomicUsize::new(0),
            old_live: AtomicUsize::new(0),
            young_collections: AtomicU32::new(0),
            stops: AtomicU64::new(1),
            stop: AtomicU64::new(next_stop()),
            collections: AtomicU64::new(0),
            fresh_bytes: AtomicUsize::new(0),
            survivors: AtomicUsize::new(0),
            fresh_external: AtomicUsize::new(0),
            limit_told: AtomicBool::new(false),
            much_remembered: AtomicBool::new(false),
            roots_dropped: AtomicBool::new(false),
        }
    }

    /// Counts a stop of this heap. Returns its number among those of the process. The world is stopped; the caller leads.
    pub(crate) fn count_stop(&self) -> u64 {
        let stop = next_stop();
        // Relaxed, both: mutators and the marker learn it in stops only.
        self.stops.fetch_add(1, Ordering::Relaxed);
        self.stop.store(stop, Ordering::Relaxed);
        stop
    }

    /// How often this heap was stopped.
    pub(crate) fn stops(&self) -> u64 {
        // Relaxed: as for `count_stop`.
        self.stops.load(Ordering::Relaxed)
    }

    /// The last stop of this heap among those of the process.
    pub(crate) fn stop(&self) -> u64 {
        // Relaxed: as for `count_stop`.
        self.stop.load(Ordering::Relaxed)
    }

    // Relaxed, all of them: settings and figures that guard no other memory; a stale one delays a collection.
    pub(crate) fn thresholds(&self) -> Thresholds {
        Thresholds {
            nursery_bytes: self.nursery_bytes.load(Ordering::Relaxed),
            copied_goal: self.copied_goal.load(Ordering::Relaxed),
            promote_all_every: self.promote_all_every.load(Ordering::Relaxed),
            growth_percent: self.growth_percent.load(Ordering::Relaxed),
            growth_floor: self.growth_floor.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn set_thresholds(&self, thresholds: Thresholds) {
        self.nursery_bytes.store(thresholds.nursery_bytes, Ordering::Relaxed);
        self.copied_goal.store(thresholds.copied_goal, Ordering::Relaxed);
        self.promote_all_every.store(thresholds.promote_all_every, Ordering::Relaxed);
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

    /// Sets the goal from what was live after the last full collection: live × (1 + growth), a quarter of that growth
    /// above the soft limit.
    pub(crate) fn set_goal(&self) {
        let live = self.old_live.load(Ordering::Relaxed);
        let thresholds = self.thresholds();
        let percent = |percent: u32| (live / 100).saturating_mul(percent as usize);
        let goal = live.saturating_add(percent(thresholds.growth_percent)).max(thresholds.growth_floor);
        let soft = self.soft_limit();
        let above = live.saturating_add(percent(thresholds.growth_percent.div_ceil(4))).saturating_add(BLOCK);
        let goal = if goal > soft { soft.max(above.min(goal)) } else { goal };
        self.goal.store(goal, Ordering::Relaxed);
        self.set_trigger();
    }

    /// Sets when marking begins: so early that, at the rates that were measured, it ends with a third of what it takes to spare. Between
    /// an eighth and three quarters of the way from what lives to the goal are left for it.
    fn set_trigger(&self) {
        let (live, goal) = (self.old_live.load(Ordering::Relaxed), self.goal.load(Ordering::Relaxed));
        let growth = goal.saturating_sub(live);
        let expected =
            self.promoted.load(Ordering::Relaxed).saturating_mul(self.full_millis.load(Ordering::Relaxed) + 1);
        // The two pauses of a full collection promote everything, and cells are larger than objects.
        let pauses = self.survivors.load(Ordering::Relaxed).saturating_mul(5) / 2;
        let marking = (expected / 3).saturating_mul(4);
        let headroom = pauses.saturating_add(marking).clamp(growth / 8, growth / 4 * 3);
        self.trigger.store(goal - headroom, Ordering::Relaxed);
    }

    /// How long a full collection took.
    pub(crate) fn full_took(&self, time: Duration) {
        self.full_millis.store(time.as_millis() as usize, Ordering::Relaxed);
    }

    /// So many bytes became old since the last pause, so long ago.
    pub(crate) fn count_promoted(&self, bytes: usize, time: Duration) {
        let now = bytes.saturating_mul(1000) / (time.as_micros() as usize).max(100);
        let before = self.promoted.load(Ordering::Relaxed);
        self.promoted.store(before - before / 8 + now / 8, Ordering::Relaxed);
        self.set_trigger();
    }

    /// Whether the old generation will be a tenth larger than it should ever get, with what is expected to be promoted now.
    pub(crate) fn is_far_over_goal(&self) -> bool {
        let expected = self.old_bytes.load(Ordering::Relaxed) + self.survivors.load(Ordering::Relaxed);
        self.is_over_goal(expected, 10)
    }

    /// Whether so much becomes old that memory for it should be there before.
    pub(crate) fn promotes_much(&self) -> bool {
        self.survivors.load(Ordering::Relaxed) > MUCH && self.promoted.load(Ordering::Relaxed) > 0
    }

    /// Whether marking should begin, with so many bytes elsewhere that objects hold.
    pub(crate) fn wants_full(&self, external: usize) -> bool {
        self.old_bytes.load(Ordering::Relaxed).saturating_add(external) >= self.trigger.load(Ordering::Relaxed)
    }

    /// Whether the old generation is larger than it should ever get, by more than so many percent of the goal.
    pub(crate) fn is_over_goal(&self, old_bytes: usize, percent: usize) -> bool {
        let goal = self.goal.load(Ordering::Relaxed);
        old_bytes > goal.saturating_add(goal / 100 * percent)
    }

    pub(crate) fn attached(&self) -> usize {
        self.attached.load(Ordering::Relaxed)
    }

    /// Bytes between two young collections.
    pub(crate) fn young_budget(&self) -> usize {
        self.nursery_bytes.load(Ordering::Relaxed).saturating_mul(self.nurseries.load(Ordering::Relaxed))
    }

    /// Fits the part of the young budget that is used to what a collection copied. By bytes, not by the clock: the same program is
    /// collected at the same points.
    pub(crate) fn fit_nursery(&self, survived: usize, remembered: usize) {
        let copied = survived.saturating_add(remembered.saturating_mul(32)).max(1);
        let goal = self.copied_goal.load(Ordering::Relaxed);
        let part = self.used_part.load(Ordering::Relaxed);
        let wanted = (part as u128 * goal as u128 / copied as u128).min(WHOLE as u128) as usize;
        self.used_part.store(wanted.clamp(part / 2, part * 2).clamp(WHOLE / 4, WHOLE), Ordering::Relaxed);
    }

    /// Sets the young budget for so many mutators: threads that share one nursery would be collected as much more often, and
    /// each time would copy what all of them have in the works. Threads in excess of the cores wait for each other with that in hand, so
    /// twice the cores count; more would not stay in caches. Not more than an eighth of the hard limit.
    pub(crate) fn share_nursery(&self, mutators: usize, config: &Config) {
        self.attached.store(mutators, Ordering::Relaxed);
        let affordable = config.hard_limit.unwrap_or(usize::MAX) / 8 / self.nursery_bytes.load(Ordering::Relaxed);
        self.nurseries.store(mutators.min(2 * config.cores).min(affordable).max(1), Ordering::Relaxed);
    }

    /// Whether the young budget is used up.
    pub(crate) fn wants_young(&self) -> bool {
        let budget = self.young_budget() / WHOLE * self.used_part.load(Ordering::Relaxed);
        self.fresh_bytes.load(Ordering::Relaxed) >= budget && self.is_auto()
    }

    /// Counts bytes that a young object holds elsewhere. Whether they are so many that a young collection is worth it: by then the old
    /// generation would have been collected, if it had grown by as much.
    pub(crate) fn count_external(&self, bytes: usize) -> bool {
        let before = self.fresh_external.fetch_add(bytes, Ordering::Relaxed);
        before.saturating_add(bytes) >= self.growth_floor.load(Ordering::Relaxed)
    }

    /// Whether mutators that have detached remembered as much as a buffer holds.
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
    fn mutators_have_a_nursery_each_up_to_twice_the_cores() {
        let config = Config { cores: 2, ..Config::default() };
        let pace = Pace::new(&config);
        for (mutators, nurseries) in [(0, 1), (1, 1), (3, 3), (4, 4), (16, 4)] {
            pace.share_nursery(mutators, &config);
            assert_eq!(pace.young_budget(), nurseries * config.thresholds.nursery_bytes, "{mutators} mutators");
        }
        let config = Config { hard_limit: Some(64 << 20), ..config };
        pace.share_nursery(16, &config);
        assert_eq!(pace.young_budget(), 8 << 20, "an eighth of the limit");
    }
}
