//! Who is told of deaths, and who is handed the dead: a reference queue and finalization queues, and what must come of them.

use std::collections::HashMap;

use gc_core::{FinalizationQueue, Heap, Mutator, ReferenceQueue};

use super::{
    graph::{Graph, Id, Mark, Reached},
    objects::{Owner, Ref, Small},
};

/// The queues of one mutator, and what waits to come out of them.
pub(super) struct Deaths {
    news: ReferenceQueue<u64>,
    /// What each value that is to come is attached to.
    watched: HashMap<u64, Mark>,
    watches: u64,
    smalls: FinalizationQueue<Small<'static>>,
    owners: FinalizationQueue<Owner<'static>>,
    /// What is registered, or was and waits to be taken.
    registered: Vec<Mark>,
}

impl Deaths {
    pub(super) fn new(heap: &Heap) -> Self {
        Self {
            news: ReferenceQueue::new(heap),
            watched: HashMap::new(),
            watches: 0,
            smalls: FinalizationQueue::new(heap),
            owners: FinalizationQueue::new(heap),
            registered: Vec::new(),
        }
    }

    /// What lives until it is taken.
    pub(super) fn registered(&self) -> impl Iterator<Item = Id> {
        self.registered.iter().map(|mark| mark.target)
    }

    /// Takes what the reference queue tells: of nothing that is reached, and never twice.
    pub(super) fn hear(&mut self, graph: &Graph, certain: &Reached) {
        while let Some(number) = self.news.poll() {
            let mark = self.watched.remove(&number).expect("a death that is watched for, and not told of before");
            assert!(!certain.objects.contains(&mark.target) || graph.is_stale(mark), "{mark:?} is alive");
        }
    }

    /// Whether an object is registered, and was not handed over and came back since.
    pub(super) fn is_registered_once(&self, graph: &Graph, id: Id) -> bool {
        let mut marks = self.registered.iter().filter(|mark| mark.target == id);
        marks.next().is_some_and(|&mark| !graph.is_stale(mark)) && marks.next().is_none()
    }

    /// After a full collection: the news of the dead have come, and at least so many can be taken to be finalized.
    pub(super) fn check(&self, graph: &Graph, certain: &Reached, least: usize, is_dead: impl Fn(Id) -> bool) {
        let untold = self.watched.values().find(|mark| is_dead(mark.target));
        assert_eq!(untold, None, "a death that nobody was told of");
        let may_be = |mark: &&Mark| !certain.objects.contains(&mark.target) || graph.is_stale(**mark);
        let (most, waiting) = (self.registered.iter().filter(may_be).count(), self.smalls.len() + self.owners.len());
        assert!((least..=most).contains(&waiting), "{waiting} to be finalized, and not {least} to {most}");
    }

    /// Whether nothing can be taken to be finalized.
    pub(super) fn is_empty(&self) -> bool {
        self.smalls.is_empty() && self.owners.is_empty()
    }

    /// Whether nothing is to come any more.
    pub(super) fn is_over(&self) -> bool {
        self.watched.is_empty() && self.registered.is_empty()
    }

    pub(super) fn watch<'gc>(&mut self, m: &'gc Mutator, object: Ref<'gc>, mark: Mark) {
        let number = self.watches;
        match object {
            Ref::Small(object) => self.news.watch(m, object, number),
            Ref::Owner(object) => self.news.watch(m, object, number),
            Ref::BigOwner(object) => self.news.watch(m, object, number),
            Ref::Row(object) => self.news.watch(m, object, number),
            Ref::Text(object) => self.news.watch(m, object, number),
            Ref::Scout(object) => self.news.watch(m, object, number),
            _ => return,
        }
        self.watches += 1;
        self.watched.insert(number, mark);
    }

    /// Takes back what is attached to an object, which is all that has not been told of.
    pub(super) fn unwatch<'gc>(&mut self, m: &'gc Mutator, object: Ref<'gc>, id: Id) {
        let mut taken = match object {
            Ref::Small(object) => self.news.unwatch(m, object),
            Ref::Owner(object) => self.news.unwatch(m, object),
            Ref::BigOwner(object) => self.news.unwatch(m, object),
            Ref::Row(object) => self.news.unwatch(m, object),
            Ref::Text(object) => self.news.unwatch(m, object),
            Ref::Scout(object) => self.news.unwatch(m, object),
            _ => return,
        };
        let mut expected: Vec<u64> =
            self.watched.iter().filter(|(_, mark)| mark.target == id).map(|(&number, _)| number).collect();
        taken.sort_unstable();
        expected.sort_unstable();
        assert_eq!(taken, expected, "what was attached to object {id}");
        taken.iter().for_each(|number| _ = self.watched.remove(number));
    }

    /// Registers an object. It is registered already unless it came back since.
    pub(super) fn register<'gc>(&mut self, m: &'gc Mutator, object: Ref<'gc>, mark: Mark) {
        let new = match object {
            Ref::Small(object) => self.smalls.register(m, object),
            Ref::Owner(object) => self.owners.register(m, object),
            _ => return,
        };
        assert_eq!(self.is_registered(m, object), Some(true));
        if new {
            assert!(!self.registered.contains(&mark), "{mark:?} is registered");
            self.registered.push(mark);
        } else {
            assert!(self.registered().any(|id| id == mark.target), "{mark:?} is not registered");
        }
    }

    pub(super) fn unregister<'gc>(&mut self, m: &'gc Mutator, object: Ref<'gc>, mark: Mark) {
        let was = match object {
            Ref::Small(object) => self.smalls.unregister(m, object),
            Ref::Owner(object) => self.owners.unregister(m, object),
            _ => return,
        };
        assert_eq!(self.is_registered(m, object), Some(false));
        if was {
            // The newest: what was registered before may have been handed over.
            let found = self.registered.iter().rposition(|other| other.target == mark.target);
            self.registered.remove(found.expect("it was registered"));
        } else {
            assert!(!self.registered.contains(&mark), "{mark:?} is registered");
        }
    }

    fn is_registered<'gc>(&self, m: &'gc Mutator, object: Ref<'gc>) -> Option<bool> {
        match object {
            Ref::Small(object) => Some(self.smalls.is_registered(m, object)),
            Ref::Owner(object) => Some(self.owners.is_registered(m, object)),
            _ => None,
        }
    }

    /// Takes an object that is to be finalized. Its death has been told of.
    pub(super) fn take<'gc>(&mut self, m: &'gc Mutator, graph: &Graph, certain: &Reached) -> Option<(Id, Ref<'gc>)> {
        let small = || self.smalls.poll(m).map(|object| (object.id, Ref::Small(object)));
        let (id, object) = small().or_else(|| self.owners.poll(m).map(|object| (object.id, Ref::Owner(object))))?;
        // The oldest: what was registered later may still be.
        let found = self.registered.iter().position(|mark| mark.target == id).expect("it was registered");
        let mark = self.registered.remove(found);
        assert!(!certain.objects.contains(&id) || graph.is_stale(mark), "{mark:?} is alive, and finalized");
        self.hear(graph, certain);
        assert!(
            self.watched.values().all(|watched| *watched != mark),
            "{mark:?} is finalized before its death is told"
        );
        Some((id, object))
    }
}
