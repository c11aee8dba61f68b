//! What `--gc-stats` prints.

use std::fmt;

use gc_core::Stats;

pub(crate) struct Report(pub(crate) Stats);

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(stats) = self;
        let [by_age, promoting, full] = stats.collections;
        let pauses: u64 = stats.collections.iter().sum();
        let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1e3;
        let mean = milliseconds(stats.pause_total) / (pauses.max(1) as f64);
        writeln!(f, "gc: collections  {by_age} young by age, {promoting} young promoting all, {full} full")?;
        writeln!(
            f,
            "gc: pauses       {:.2} ms in all, {mean:.3} ms on average, {:.3} ms the longest",
            milliseconds(stats.pause_total),
            milliseconds(stats.pause_max),
        )?;
        writeln!(f, "gc: allocated    {}", Bytes(stats.bytes_allocated))?;
        writeln!(f, "gc: copied       {} within the young generation", Bytes(stats.bytes_copied))?;
        writeln!(
            f,
            "gc: promoted     {}, {} objects, to the old generation",
            Bytes(stats.bytes_promoted),
            stats.objects_promoted,
        )?;
        writeln!(f, "gc: freed        {}", Bytes(stats.bytes_freed))?;
        writeln!(f, "gc: peak         {} of memory", Bytes(stats.memory_peak as u64))
    }
}

/// A number of bytes in the unit that suits it.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes) = *self;
        let (mut amount, mut unit) = (bytes as f64, 0);
        while amount >= 1024.0 && unit + 1 < UNITS.len() {
            amount /= 1024.0;
            unit += 1;
        }
        if unit == 0 { write!(f, "{bytes} B") } else { write!(f, "{amount:.1} {}", UNITS[unit]) }
    }
}

const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_a_unit() {
        let shown: Vec<_> = [0, 1023, 1024, 5 << 20, u64::MAX].map(|bytes| Bytes(bytes).to_string()).into();
        assert_eq!(shown, ["0 B", "1023 B", "1.0 KiB", "5.0 MiB", "16777216.0 TiB"]);
    }
}
