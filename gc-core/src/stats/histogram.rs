//! A histogram of durations: eight buckets to a doubling, so a percentile is exact to an eighth.

use core::time::Duration;

/// How often durations of each length were seen. Adding one takes constant time; reading a
/// percentile reads 288 counts.
///
/// A percentile is the upper bound of its bucket, at most an eighth too large. The maximum is
/// exact.
///
/// ```
/// # let heap = gc_core::Heap::builder().build()?;
/// # let mut m = heap.attach()?;
/// m.collect(gc_core::Collect::Young);
/// let pauses = heap.pauses();
/// assert!(pauses.count() == 1 && pauses.percentile(50.0) <= pauses.max().mul_f64(1.125));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: [u64; BUCKETS],
    count: u64,
    total: Duration,
    max: Duration,
}

/// Buckets for up to 2³⁸ ns, more than four minutes. Longer durations count in the last bucket.
const BUCKETS: usize = 8 * 36;

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], count: 0, total: Duration::ZERO, max: Duration::ZERO }
    }
}

fn bucket(nanos: u64) -> usize {
    if nanos < 8 {
        return nanos as usize;
    }
    let doubling = nanos.ilog2() as usize;
    let eighth = (nanos >> (doubling - 3)) as usize & 7;
    ((doubling - 2) * 8 + eighth).min(BUCKETS - 1)
}

/// Returns the largest value that falls into a bucket.
fn top(bucket: usize) -> u64 {
    if bucket < 8 {
        return bucket as u64;
    }
    let (doubling, eighth) = (bucket / 8 + 2, bucket as u64 % 8);
    ((8 + eighth + 1) << (doubling - 3)) - 1
}

impl Histogram {
    pub(crate) fn add(&mut self, value: Duration) {
        self.counts[bucket(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX))] += 1;
        self.count += 1;
        self.total += value;
        self.max = self.max.max(value);
    }

    /// Returns how many durations were added.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// m.collect(gc_core::Collect::Young);
    /// assert!(heap.pauses().count() > 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the sum of the durations, which is exact.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// m.collect(gc_core::Collect::Young);
    /// assert!(heap.pauses().total() >= heap.pauses().max());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn total(&self) -> Duration {
        self.total
    }

    /// Returns the longest duration, which is exact.
    ///
    /// ```
    /// # let heap = gc_core::Heap::builder().build()?;
    /// # let mut m = heap.attach()?;
    /// m.collect(gc_core::Collect::Young);
    /// assert!(heap.pauses().max() > std::time::Duration::ZERO);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn max(&self) -> Duration {
        self.max
    }

    /// Returns the duration that `percent` of all durations do not exceed, with `percent` from 0 to
    /// 100; zero if none was added.
    ///
    /// ```
    /// assert!(gc_core::Histogram::default().percentile(99.9).is_zero());
    /// ```
    #[must_use]
    pub fn percentile(&self, percent: f64) -> Duration {
        let wanted = (self.count as f64 * percent / 100.0).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, &count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Duration::from_nanos(top(index)).min(self.max);
            }
        }
        self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_a_bucket_whose_top_is_at_most_an_eighth_above() {
        for nanos in (0..100).chain((3..36).flat_map(|p| [(1 << p) - 1, 1 << p, (1 << p) + (1 << (p - 2))])) {
            let top = top(bucket(nanos));
            assert!(top >= nanos && top - nanos <= nanos / 8, "{nanos}: {top}");
        }
    }

    #[test]
    fn percentiles_are_of_what_was_added() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(99.0), Duration::ZERO);
        for micros in 1..=100 {
            histogram.add(Duration::from_micros(micros));
        }
        let p50 = histogram.percentile(50.0).as_micros();
        assert!((50..=57).contains(&p50), "{p50}");
        assert_eq!((histogram.count(), histogram.max()), (100, Duration::from_micros(100)));
        assert_eq!(histogram.percentile(100.0), Duration::from_micros(100));
    }
}
