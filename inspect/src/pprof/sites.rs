//! gc-core's allocation sites as a profile.

use gc_core::observe::sites::{SiteTrace, Snapshot};

use super::{Frame, Profile, Row};

/// A row for each site, type, backtrace and generation with something alive. What was allocated is known of all generations together, so
/// the first of these rows has it.
///
/// ```
/// use gc_core::{Heap, observe::sites::{self, SitesConfig}};
/// use gc_inspect::pprof::Profile;
///
/// let heap = Heap::builder().sites(SitesConfig::exact()).build()?;
/// let m = heap.attach()?;
/// m.alloc(1_u64);
/// let profile = Profile::from(&sites::snapshot(&m));
/// assert_eq!((profile.rows[0].type_name.as_str(), profile.rows[0].alloc_objects), ("u64", 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl From<&Snapshot> for Profile {
    fn from(snapshot: &Snapshot) -> Self {
        // Exact tracking is a sample of each byte: readers take a period of 0 for none.
        let mut profile = Self::new(snapshot.sample_bytes().max(1));
        for trace in snapshot.traces() {
            let allocated = trace.allocated();
            let mut rows: Vec<_> = (0..3)
                .map(|generation| (generation, trace.live_in(generation)))
                .filter(|(_, live)| live.objects > 0 || live.bytes > 0)
                .map(|(generation, live)| Row {
                    stack: Vec::new(),
                    type_name: trace.type_name().into(),
                    generation: generation.to_string(),
                    inuse_objects: live.objects,
                    inuse_space: live.bytes,
                    ..Row::default()
                })
                .collect();
            if rows.is_empty() {
                rows.push(Row { type_name: trace.type_name().into(), ..Row::default() });
            }
            (rows[0].alloc_objects, rows[0].alloc_space) = (allocated.objects, allocated.bytes);
            for row in &mut rows {
                row.stack = stack(trace);
            }
            profile.rows.append(&mut rows);
        }
        profile
    }
}

/// The backtrace, if its functions have names; otherwise the site, and the addresses below it.
fn stack(trace: &SiteTrace) -> Vec<Frame> {
    let frames = trace.backtrace();
    let mut stack = Vec::new();
    if frames.iter().all(|frame| frame.function().is_none()) {
        let site = trace.site();
        stack.push(Frame { function: site.to_string(), file: site.file().into(), line: site.line() });
    }
    stack.extend(frames.iter().map(|frame| Frame {
        function: frame.function().map_or_else(|| format!("{:#x}", frame.address()), str::to_owned),
        file: frame.file().unwrap_or("").into(),
        line: frame.line().unwrap_or(0),
    }));
    stack
}
