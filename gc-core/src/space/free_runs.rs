//! The free runs of pages of the large part, by what is behind them.
//!
//! | a run is | its memory is |
//! |---|---|
//! | in use | charged; it is in no list here |
//! | dirty | charged: an object that takes it finds pages |
//! | leaving | charged, and about to be given back by the thread that took it off the list |
//! | clean | given back; it is charged before it is in use again |
//! | bare | never committed, or the system has refused to; it is charged and committed before it is in use |
//!
//! - **[free-runs.joined]** Neighbours of one kind are one run. A run that is taken is the best fit of its kind, dirty ones first.
//! - **[free-runs.leaving]** A leaving run is on no list: it is not taken before its memory was given back, so nothing that is
//!   written there is lost.
//!
//! All of it is used under the lock of the large part, except that what is leaving is given back, and what is bare is committed,
//! without a lock. The model is `models/protocols/free_runs.rs`.

use std::collections::{BTreeMap, BTreeSet};

use crate::sync::mutant;

/// What is behind a free run. The order is the one in which they are taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    Dirty,
    Clean,
    Bare,
}

/// Pages without a gap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    pub(crate) page: u32,
    pub(crate) pages: u32,
}

/// The free runs.
pub(crate) struct FreeRuns {
    /// First page → pages and kind.
    by_page: BTreeMap<u32, (u32, Kind)>,
    /// The same runs by kind, pages and first page, to find the best fit.
    by_size: BTreeSet<(Kind, u32, u32)>,
    /// The numbers of pages.
    dirty: usize,
    leaving: usize,
}

impl FreeRuns {
    /// Creates the runs of a part of so many pages, none of which was used.
    pub(crate) fn new(pages: u32) -> Self {
        let mut runs = Self { by_page: BTreeMap::new(), by_size: BTreeSet::new(), dirty: 0, leaving: 0 };
        if pages > 0 {
            runs.insert(Span { page: 0, pages }, Kind::Bare);
        }
        runs
    }

    /// Returns the number of dirty pages.
    pub(crate) fn dirty(&self) -> usize {
        self.dirty
    }

    /// Returns the number of free pages that are charged.
    pub(crate) fn charged(&self) -> usize {
        self.dirty + self.leaving
    }

    /// Takes a run, if there is one, and if `charge` charges it where it is not dirty.
    pub(crate) fn take(&mut self, pages: u32, charge: impl FnOnce() -> bool) -> Option<(u32, Kind)> {
        let (kind, found, page) = [Kind::Dirty, Kind::Clean, Kind::Bare]
            .into_iter()
            .find_map(|kind| self.by_size.range((kind, pages, 0)..).next().copied().filter(|&(fit, ..)| fit == kind))?;
        if kind != Kind::Dirty && !charge() {
            return None;
        }
        self.remove(page);
        if found > pages {
            self.insert(Span { page: page + pages, pages: found - pages }, kind);
        }
        Some((page, kind))
    }

    /// Lists a run that is not in use, and joins it with its neighbours of the same kind.
    pub(crate) fn insert(&mut self, run: Span, kind: Kind) {
        let Span { mut page, mut pages } = run;
        let before = self.by_page.range(..page).next_back().map(|(&start, &run)| (start, run));
        if let Some((start, (before, before_kind))) = before
            && before_kind == kind
            && start + before == page
        {
            self.remove(start);
            page = start;
            pages += before;
        }
        if let Some(&(behind, behind_kind)) = self.by_page.get(&(page + pages))
            && behind_kind == kind
        {
            self.remove(page + pages);
            pages += behind;
        }
        self.by_page.insert(page, (pages, kind));
        self.by_size.insert((kind, pages, page));
        if kind == Kind::Dirty {
            self.dirty += pages as usize;
        }
    }

    fn remove(&mut self, page: u32) {
        if let Some((pages, kind)) = self.by_page.remove(&page) {
            self.by_size.remove(&(kind, pages, page));
            if kind == Kind::Dirty {
                self.dirty -= pages as usize;
            }
        }
    }

    /// Takes dirty runs off the list, so that their memory can be given back without a lock: the largest first, until `keep`
    /// dirty pages are left, and no more than `most` pages. [`put_clean`](Self::put_clean) lists them again.
    pub(crate) fn take_surplus(&mut self, keep: usize, most: usize) -> Vec<Span> {
        let mut surplus = self.dirty.saturating_sub(keep).min(most);
        let mut taken = Vec::new();
        while surplus > 0 {
            let largest = self.by_size.range(..(Kind::Clean, 0, 0)).next_back().copied();
            let Some((_, found, page)) = largest else { break };
            // The rest of a run stays at its lower end.
            let pages = found.min(u32::try_from(surplus).unwrap_or(u32::MAX));
            if !mutant::LEAVING_RUNS_STAY_LISTED.is_planted() {
                self.remove(page);
                if found > pages {
                    self.insert(Span { page, pages: found - pages }, Kind::Dirty);
                }
            }
            taken.push(Span { page: page + found - pages, pages });
            surplus -= pages as usize;
            self.leaving += pages as usize;
        }
        taken
    }

    /// Lists runs whose memory was given back.
    pub(crate) fn put_clean(&mut self, runs: &[Span]) {
        for &run in runs {
            self.leaving -= run.pages as usize;
            self.insert(run, Kind::Clean);
        }
    }
}

#[cfg(all(test, not(gc_loom)))]
mod tests {
    use super::*;

    fn yes() -> bool {
        true
    }

    #[test]
    fn what_is_leaving_is_charged_and_not_taken() {
        let mut runs = FreeRuns::new(10);
        assert_eq!(runs.take(10, yes), Some((0, Kind::Bare)));
        runs.insert(Span { page: 0, pages: 10 }, Kind::Dirty);
        assert_eq!(runs.take_surplus(4, 100), [Span { page: 4, pages: 6 }], "the upper end");
        assert_eq!((runs.dirty(), runs.charged()), (4, 10));
        assert_eq!(runs.take(5, yes), None, "all others are on their way");
        assert_eq!(runs.take(4, || unreachable!("it is charged")), Some((0, Kind::Dirty)));
        runs.put_clean(&[Span { page: 4, pages: 6 }]);
        assert_eq!((runs.dirty(), runs.charged()), (0, 0));
        assert_eq!(runs.take(5, || false), None, "refused");
        assert_eq!(runs.take(5, yes), Some((4, Kind::Clean)));
    }

    #[test]
    fn no_more_pages_leave_at_a_time_than_are_asked_for() {
        let mut runs = FreeRuns::new(64);
        assert_eq!(runs.take(64, yes), Some((0, Kind::Bare)));
        for page in (0..64).step_by(4) {
            runs.insert(Span { page, pages: 3 }, Kind::Dirty);
        }
        let mut left = 48;
        while left > 7 {
            let leaving = runs.take_surplus(7, 8);
            let pages: u32 = leaving.iter().map(|run| run.pages).sum();
            assert_eq!(pages as usize, (left - 7).min(8));
            left -= pages as usize;
            runs.put_clean(&leaving);
            assert_eq!((runs.dirty(), runs.charged()), (left, left));
        }
        assert_eq!(runs.take_surplus(7, 8), []);
        // The neighbours in use keep them apart: each piece is one that was freed, or its upper part.
        assert!(runs.by_page.values().all(|&(pages, _)| pages <= 3));
    }

    #[test]
    fn a_run_that_the_system_refused_to_commit_is_bare_again() {
        let mut runs = FreeRuns::new(8);
        assert_eq!(runs.take(3, yes), Some((0, Kind::Bare)));
        runs.insert(Span { page: 0, pages: 3 }, Kind::Bare);
        assert_eq!(runs.take(8, yes), Some((0, Kind::Bare)), "joined with the rest");
    }
}
