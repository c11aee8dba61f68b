//! The free runs of the large part, by what is behind them.
//!
//! | a run is | its memory is |
//! |---|---|
//! | in use | charged; it is in no list here |
//! | dirty | charged: an object that takes it finds pages |
//! | leaving | charged, and about to be given back by the thread that took it off the list |
//! | clean | given back; it is charged before it is in use again |
//! | bare | never committed, or the system has refused to; it is charged and committed before it is in use |
//!
//! - **[free-runs.joined]** Neighbours of one kind are one run. A run that is taken is the best fit
//!   of its kind, dirty ones first.
//! - **[free-runs.pages]** Runs consist of lines of [`LINE`] bytes, but memory is charged,
//!   committed and given back in pages. So clean, bare and leaving runs are whole pages. The rest
//!   of a page of which an object has a part is dirty, and stays.
//! - **[free-runs.packed]** An object that takes clean or bare pages begins in the dirty run before
//!   them and may end in the one behind them. So objects that are made one after the other lie one
//!   behind the other, without a gap. What a clean or bare run and the dirty ones beside it have
//!   together is the run's *reach*, by which the best fit is found.
//! - **[free-runs.leaving]** A leaving run is on no list: it is not taken before its memory was
//!   given back, so nothing that is written there is lost.
//!
//! All of it is used under the lock of the large part, except that what is leaving is given back,
//! and what is bare is committed, without a lock. The model is `models/protocols/free_runs.rs`.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    memory::address_map::{LINE, PAGE},
    sync::mutant,
};

/// What is behind a free run. The order is the one in which they are taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    Dirty,
    Clean,
    Bare,
}

/// Lines without a gap, in bytes from the start of the large part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) bytes: usize,
}

impl Span {
    /// Returns the span from `start` to `end`.
    pub(crate) fn between(start: usize, end: usize) -> Self {
        Self { start, bytes: end - start }
    }

    pub(crate) fn end(self) -> usize {
        self.start + self.bytes
    }

    /// Returns the pages that lie inside.
    fn pages(self) -> Self {
        let (start, end) = (self.start.next_multiple_of(PAGE), self.end() / PAGE * PAGE);
        Self::between(start, end.max(start))
    }
}

/// A run that was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    pub(crate) start: usize,
    /// The pages of it that have to be committed. They are taken whole, though the object may end
    /// in the last one: what is behind the object can be used when they are committed, and is
    /// [inserted](FreeRuns::insert) then.
    pub(crate) bare: Option<Span>,
}

/// A run that is listed.
struct Listed {
    bytes: usize,
    kind: Kind,
    /// The most bytes of an object that takes the run ([free-runs.packed]). A dirty run has its own
    /// bytes only.
    reach: usize,
}

/// The free runs.
pub(crate) struct FreeRuns {
    by_start: BTreeMap<usize, Listed>,
    /// The same runs by kind, reach and start, to find the best fit.
    by_size: BTreeSet<(Kind, usize, usize)>,
    /// The bytes of dirty runs, and those of them that can be given back: whole pages.
    dirty: usize,
    dirty_pages: usize,
    /// The bytes of leaving runs.
    leaving: usize,
}

impl FreeRuns {
    /// Creates the runs of a part of so many bytes, none of which was used.
    pub(crate) fn new(bytes: usize) -> Self {
        let (by_start, by_size) = (BTreeMap::new(), BTreeSet::new());
        let mut runs = Self { by_start, by_size, dirty: 0, dirty_pages: 0, leaving: 0 };
        runs.insert(Span { start: 0, bytes }, Kind::Bare);
        runs
    }

    /// Returns the bytes of dirty runs.
    pub(crate) fn dirty(&self) -> usize {
        self.dirty
    }

    /// Returns the bytes of dirty and leaving runs.
    #[cfg(any(test, gc_loom))]
    pub(crate) fn charged(&self) -> usize {
        self.dirty + self.leaving
    }

    /// Returns the bytes that are charged, and can be given back or are about to be.
    pub(crate) fn releasable(&self) -> usize {
        self.dirty_pages + self.leaving
    }

    /// Takes a run for an object of so many bytes, a multiple of [`LINE`], if there is one, and if
    /// `charge` charges its pages where it is not dirty.
    pub(crate) fn take(&mut self, bytes: usize, charge: impl FnOnce(usize) -> bool) -> Option<Found> {
        debug_assert!(bytes.is_multiple_of(LINE) && bytes > 0);
        if let Some(run) = self.best_fit(Kind::Dirty, bytes) {
            self.remove(run.start);
            self.insert(Span::between(run.start + bytes, run.end()), Kind::Dirty);
            return Some(Found { start: run.start, bare: None });
        }
        let kinds = [Kind::Clean, Kind::Bare].into_iter();
        let (kind, run) = kinds.filter_map(|kind| Some((kind, self.best_fit(kind, bytes)?))).next()?;
        let start = self.dirty_before(run).map_or(run.start, |before| before.start);
        let (end, behind) = (start + bytes, self.dirty_behind(run));
        let pages = Span::between(run.start, end.next_multiple_of(PAGE).min(run.end()));
        if !charge(pages.bytes) {
            return None;
        }
        self.remove(run.start);
        self.remove(start);
        self.insert(Span::between(pages.end(), run.end()), kind);
        if let Some(behind) = behind
            && end > run.end()
        {
            self.remove(behind.start);
            self.insert(Span::between(end, behind.end()), Kind::Dirty);
        } else if kind == Kind::Clean {
            self.insert(Span::between(end, pages.end()), Kind::Dirty);
        }
        Some(Found { start, bare: (kind == Kind::Bare).then_some(pages) })
    }

    fn best_fit(&self, kind: Kind, bytes: usize) -> Option<Span> {
        let &(found, reach, start) = self.by_size.range((kind, bytes, 0)..).next()?;
        let bytes = if kind == Kind::Dirty { reach } else { self.by_start.get(&start)?.bytes };
        (found == kind).then_some(Span { start, bytes })
    }

    fn reach(&self, run: Span, kind: Kind) -> usize {
        let beside = || [self.dirty_before(run), self.dirty_behind(run)].into_iter().flatten();
        run.bytes + if kind == Kind::Dirty { 0 } else { beside().map(|run| run.bytes).sum() }
    }

    /// Finds anew what the clean and bare runs beside a dirty run reach, which was listed or taken
    /// off the list.
    fn reach_beside(&mut self, dirty: Span) {
        for (run, kind) in [self.before(dirty), self.behind(dirty)].into_iter().flatten() {
            if kind != Kind::Dirty {
                let reach = self.reach(run, kind);
                let Some(listed) = self.by_start.get_mut(&run.start) else { continue };
                let before = core::mem::replace(&mut listed.reach, reach);
                self.by_size.remove(&(kind, before, run.start));
                self.by_size.insert((kind, reach, run.start));
            }
        }
    }

    /// Returns the run that ends where `run` begins, if it is dirty.
    fn dirty_before(&self, run: Span) -> Option<Span> {
        self.before(run).filter(|&(_, kind)| kind == Kind::Dirty).map(|(run, _)| run)
    }

    fn dirty_behind(&self, run: Span) -> Option<Span> {
        self.behind(run).filter(|&(_, kind)| kind == Kind::Dirty).map(|(run, _)| run)
    }

    fn before(&self, run: Span) -> Option<(Span, Kind)> {
        let (&start, &Listed { bytes, kind, .. }) = self.by_start.range(..run.start).next_back()?;
        (start + bytes == run.start).then_some((Span { start, bytes }, kind))
    }

    fn behind(&self, run: Span) -> Option<(Span, Kind)> {
        let &Listed { bytes, kind, .. } = self.by_start.get(&run.end())?;
        Some((Span { start: run.end(), bytes }, kind))
    }

    /// Lists a run that is not in use, and joins it with its neighbours of the same kind. It may be
    /// empty.
    pub(crate) fn insert(&mut self, run: Span, kind: Kind) {
        if run.bytes == 0 {
            return;
        }
        let (mut start, mut end) = (run.start, run.end());
        if let Some((before, its)) = self.before(run)
            && its == kind
        {
            self.unlist(before.start);
            start = before.start;
        }
        if let Some((behind, its)) = self.behind(run)
            && its == kind
        {
            self.unlist(behind.start);
            end = behind.end();
        }
        let run = Span::between(start, end);
        let reach = self.reach(run, kind);
        self.by_start.insert(start, Listed { bytes: run.bytes, kind, reach });
        self.by_size.insert((kind, reach, start));
        if kind == Kind::Dirty {
            self.dirty += run.bytes;
            self.dirty_pages += run.pages().bytes;
            self.reach_beside(run);
        }
    }

    /// Takes a run off the list, if one begins there.
    fn remove(&mut self, start: usize) {
        if let Some((run, Kind::Dirty)) = self.unlist(start) {
            self.reach_beside(run);
        }
    }

    /// Does the same, except that what the runs beside it reach stays as it was.
    fn unlist(&mut self, start: usize) -> Option<(Span, Kind)> {
        let Listed { bytes, kind, reach } = self.by_start.remove(&start)?;
        let run = Span { start, bytes };
        self.by_size.remove(&(kind, reach, start));
        if kind == Kind::Dirty {
            self.dirty -= bytes;
            self.dirty_pages -= run.pages().bytes;
        }
        Some((run, kind))
    }

    /// Takes pages of dirty runs off the list, so that their memory can be given back without a
    /// lock: of the largest runs first, until `keep` dirty bytes are left, and no more than `most`
    /// bytes. [`put_clean`](Self::put_clean) lists them again.
    pub(crate) fn take_surplus(&mut self, keep: usize, most: usize) -> Vec<Span> {
        let mut surplus = self.dirty.saturating_sub(keep).min(most) / PAGE * PAGE;
        let mut taken = Vec::new();
        // A run without a whole page stays, and is looked at once.
        let mut below = (Kind::Clean, 0, 0);
        while surplus > 0 {
            let largest = self.by_size.range((Kind::Dirty, PAGE, 0)..below).next_back().copied();
            let Some((_, bytes, start)) = largest else { break };
            below = (Kind::Dirty, bytes, start);
            let run = Span { start, bytes };
            let pages = run.pages();
            // The rest of a run stays at its lower end.
            let leaving = Span::between(pages.end() - pages.bytes.min(surplus), pages.end());
            if leaving.bytes == 0 {
                continue;
            }
            if !mutant::LEAVING_RUNS_STAY_LISTED.is_planted() {
                self.remove(start);
                self.insert(Span::between(start, leaving.start), Kind::Dirty);
                self.insert(Span::between(leaving.end(), run.end()), Kind::Dirty);
            }
            taken.push(leaving);
            surplus -= leaving.bytes;
            self.leaving += leaving.bytes;
        }
        taken
    }

    /// Lists runs whose memory was given back.
    pub(crate) fn put_clean(&mut self, runs: &[Span]) {
        for &run in runs {
            self.leaving -= run.bytes;
            self.insert(run, Kind::Clean);
        }
    }
}

#[cfg(all(test, not(gc_loom)))]
mod tests {
    use super::*;

    fn yes(_: usize) -> bool {
        true
    }

    fn span(start: usize, bytes: usize) -> Span {
        Span { start, bytes }
    }

    /// Runs of so many pages, all of which are dirty.
    fn dirty(pages: usize) -> FreeRuns {
        let mut runs = FreeRuns::new(pages * PAGE);
        assert_eq!(runs.take(pages * PAGE, yes), Some(Found { start: 0, bare: Some(span(0, pages * PAGE)) }));
        runs.insert(span(0, pages * PAGE), Kind::Dirty);
        runs
    }

    #[test]
    fn what_is_leaving_is_charged_and_not_taken() {
        let mut runs = dirty(10);
        assert_eq!(runs.take_surplus(4 * PAGE, 100 * PAGE), [span(4 * PAGE, 6 * PAGE)], "the upper end");
        assert_eq!((runs.dirty, runs.charged()), (4 * PAGE, 10 * PAGE));
        assert_eq!(runs.take(5 * PAGE, yes), None, "all others are on their way");
        let charged = |_| unreachable!("it is charged");
        assert_eq!(runs.take(4 * PAGE, charged), Some(Found { start: 0, bare: None }));
        runs.put_clean(&[span(4 * PAGE, 6 * PAGE)]);
        assert_eq!((runs.dirty, runs.charged()), (0, 0));
        assert_eq!(runs.take(5 * PAGE, |_| false), None, "refused");
        assert_eq!(runs.take(5 * PAGE, yes), Some(Found { start: 4 * PAGE, bare: None }));
    }

    #[test]
    fn no_more_pages_leave_at_a_time_than_are_asked_for() {
        let mut runs = FreeRuns::new(64 * PAGE);
        assert!(runs.take(64 * PAGE, yes).is_some());
        for page in (0..64).step_by(4) {
            runs.insert(span(page * PAGE, 3 * PAGE), Kind::Dirty);
        }
        let mut left = 48;
        while left > 7 {
            let leaving = runs.take_surplus(7 * PAGE, 8 * PAGE);
            let bytes: usize = leaving.iter().map(|run| run.bytes).sum();
            assert_eq!(bytes / PAGE, (left - 7).min(8));
            left -= bytes / PAGE;
            runs.put_clean(&leaving);
            assert_eq!((runs.dirty, runs.charged()), (left * PAGE, left * PAGE));
        }
        assert_eq!(runs.take_surplus(7 * PAGE, 8 * PAGE), []);
        // The neighbours in use keep them apart: each piece is one that was freed, or its upper part.
        assert!(runs.by_start.values().all(|run| run.bytes <= 3 * PAGE));
    }

    #[test]
    fn a_run_that_the_system_refused_to_commit_is_bare_again() {
        let mut runs = FreeRuns::new(8 * PAGE);
        assert!(runs.take(3 * PAGE, yes).is_some());
        runs.insert(span(0, 3 * PAGE), Kind::Bare);
        let whole = Found { start: 0, bare: Some(span(0, 8 * PAGE)) };
        assert_eq!(runs.take(8 * PAGE, yes), Some(whole), "joined with the rest");
    }

    /// Objects of two pages and a line, on pages that are bare, or clean: each page is charged
    /// once.
    #[test]
    fn objects_lie_one_behind_the_other() {
        const BYTES: usize = 2 * PAGE + LINE;
        for kind in [Kind::Bare, Kind::Clean] {
            let mut runs = dirty(16);
            runs.remove(0);
            runs.insert(span(0, 16 * PAGE), kind);
            let mut charged = 0;
            for n in 0..7 {
                let charge = |bytes| {
                    charged += bytes;
                    true
                };
                let found = runs.take(BYTES, charge).unwrap();
                assert_eq!(found.start, n * BYTES);
                if let Some(bare) = found.bare {
                    runs.insert(Span::between(found.start + BYTES, bare.end()), Kind::Dirty);
                }
            }
            assert_eq!((charged, runs.dirty), (15 * PAGE, 15 * PAGE - 7 * BYTES), "{kind:?}");
            // The hole between the first and the third: its only whole page leaves, and is taken together with what is beside it.
            runs.insert(span(BYTES, BYTES), Kind::Dirty);
            let leaving = runs.take_surplus(0, usize::MAX);
            assert_eq!(leaving, [span(3 * PAGE, PAGE)]);
            assert_eq!(runs.releasable(), PAGE);
            runs.put_clean(&leaving);
            assert_eq!(runs.releasable(), 0, "what is left shares its pages with objects");
            let again = runs.take(BYTES, |bytes| bytes == PAGE);
            assert_eq!(again, Some(Found { start: BYTES, bare: None }));
        }
    }

    /// A run is found by what it and the dirty ones beside it have, among any number in which there
    /// is no room.
    #[test]
    fn the_best_fit_counts_what_is_beside_it() {
        const OBJECT: usize = 3 * PAGE + LINE;
        let mut runs = FreeRuns::new(1024 * PAGE);
        let object = |n: usize| span(n * OBJECT, OBJECT);
        for n in 0..100 {
            let found = runs.take(OBJECT, yes).unwrap();
            assert_eq!(found.start, object(n).start);
            runs.insert(Span::between(object(n).end(), found.bare.unwrap().end()), Kind::Dirty);
        }
        for n in (0..90).step_by(2) {
            runs.insert(object(n), Kind::Dirty);
        }
        // This hole has a line more than the others, and no more pages. The last one is much larger.
        runs.insert(object(92), Kind::Dirty);
        runs.insert(span(object(93).start, LINE), Kind::Dirty);
        runs.insert(span(object(95).start, 4 * OBJECT), Kind::Dirty);
        let leaving = runs.take_surplus(0, usize::MAX);
        assert_eq!(leaving.iter().filter(|run| run.bytes == 2 * PAGE).count(), 44);
        runs.put_clean(&leaving);
        let found = runs.take(OBJECT + LINE, |bytes| bytes == 2 * PAGE);
        assert_eq!(found, Some(Found { start: object(92).start, bare: None }));
        let next = runs.take(OBJECT + LINE, yes);
        assert_eq!(next, Some(Found { start: object(95).start, bare: None }), "there is no other one");
        assert_eq!(runs.take(OBJECT, yes), Some(Found { start: 0, bare: None }), "the first of many");
    }

    /// However objects come and go, each line is in one run, and what is charged are the pages with
    /// objects or dirty lines.
    #[test]
    fn every_line_is_accounted_for() {
        const PAGES: usize = 200;
        let mut runs = FreeRuns::new(PAGES * PAGE);
        let (mut used, mut charged) = (Vec::<Span>::new(), 0);
        let mut random = 7_u64;
        let mut below = |n: usize| {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (random >> 33) as usize % n
        };
        for step in 0..4000 {
            match below(5) {
                0..=2 => {
                    let bytes = PAGE + below(5 * PAGE / LINE) * LINE;
                    let charge = |bytes| {
                        charged += bytes;
                        true
                    };
                    if let Some(found) = runs.take(bytes, charge) {
                        used.push(span(found.start, bytes));
                        let end = found.bare.map_or(0, Span::end).max(found.start + bytes);
                        runs.insert(Span::between(found.start + bytes, end), Kind::Dirty);
                    } else if !used.is_empty() {
                        runs.insert(used.swap_remove(below(used.len())), Kind::Dirty);
                    }
                }
                3 if !used.is_empty() => runs.insert(used.swap_remove(below(used.len())), Kind::Dirty),
                _ => {
                    let leaving = runs.take_surplus(below(PAGES) * PAGE, below(PAGES) * PAGE);
                    runs.put_clean(&leaving);
                    charged -= leaving.iter().map(|run| run.bytes).sum::<usize>();
                }
            }
            let free = runs.by_start.iter().map(|(&start, run)| (span(start, run.bytes), Some(run.kind)));
            let mut all: Vec<_> = used.iter().map(|&run| (run, None)).chain(free).collect();
            all.sort_by_key(|(run, _)| run.start);
            let mut end = 0;
            for (run, kind) in all {
                assert_eq!((run.start, run.bytes > 0), (end, true), "step {step}: a gap or an overlap");
                assert!(
                    matches!(kind, None | Some(Kind::Dirty)) || run.pages() == run,
                    "step {step}: half a page is clean"
                );
                end = run.end();
            }
            assert_eq!(end, PAGES * PAGE);
            let in_use: usize = used.iter().map(|run| run.bytes).sum();
            assert_eq!(in_use + runs.charged(), charged, "step {step}");
            let listed =
                |(&start, run): (&usize, &Listed)| (run.kind, runs.reach(span(start, run.bytes), run.kind), start);
            assert!(runs.by_start.iter().map(listed).collect::<BTreeSet<_>>() == runs.by_size, "step {step}");
        }
        assert!(used.len() > 10);
    }
}
