//! What `--gc-stats`, `--gc-sites` and `--gc-snapshot` print.

use std::fmt;

use gc_core::{
    Stats,
    observe::{
        Graph,
        sites::{GroupBy, Snapshot},
    },
};

pub(crate) struct Report(pub(crate) Stats);

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(stats) = self;
        let collections = stats.collections;
        let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1e3;
        let mean = milliseconds(stats.pause_total) / (collections.total().max(1) as f64);
        writeln!(
            f,
            "gc: collections  {} young by age, {} young promoting all, {} full",
            collections.young, collections.promote, collections.full,
        )?;
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

/// The lines of the program that made the most live instances, and the places in the source of the machine whose objects take the most memory.
pub(crate) struct Sites<'s> {
    pub(crate) lines: &'s [lox::LineCount],
    pub(crate) sites: &'s Snapshot,
}

impl fmt::Display for Sites<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for lox::LineCount { line, live, made } in self.lines.iter().take(10) {
            writeln!(f, "gc: line {line:<7} {live} instances alive, of {made}")?;
        }
        let statistics = self.sites.statistics(GroupBy::Site);
        let live = self.sites.live();
        writeln!(
            f,
            "gc: sites        {} objects, {}, of {} places",
            live.objects,
            Bytes(live.bytes),
            statistics.len()
        )?;
        for statistic in statistics.iter().take(10) {
            writeln!(f, "gc:              {statistic}")?;
        }
        Ok(())
    }
}

/// What a snapshot has, by the names of the program.
pub(crate) struct Alive<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) instances: &'a [lox::Instances],
    pub(crate) globals: &'a [(usize, String)],
}

impl fmt::Display for Alive<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { graph, instances, globals } = self;
        let types = graph.by_type();
        let objects: u64 = types.iter().map(|total| total.objects).sum();
        let bytes = types.iter().map(|total| total.total()).sum();
        writeln!(f, "gc: snapshot     {objects} objects, {}", Bytes(bytes))?;
        for lox::Instances { class, count, path } in instances.iter() {
            let class = class.as_deref().unwrap_or("classes that no global variable holds");
            writeln!(f, "gc: instances    {count} of {class}, one by {path}")?;
        }
        for (index, name) in globals.iter() {
            writeln!(f, "gc: global       globals[{index}] is {name}")?;
        }
        Ok(())
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
