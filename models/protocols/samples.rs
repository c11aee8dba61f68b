//! A session of sampling ends while a mutator takes a sample and a pause follows its object: `registered::table`, `registered::sample`.
//!
//! No sample of the session is left, whichever thread comes first ([sites.forgotten]), and no entry that is of no more use.

use core::{
    panic::Location,
    ptr::{self, NonNull},
};
use std::sync::Arc as StdArc;

use crate::{
    Arc, check,
    memory::{AddressMap, OLD, YOUNG},
    must_fail,
    registered::{
        Generations, Table,
        sample::{ONE, Record, Totals, Weighed},
    },
    space::large::RunTable,
    sync::mutant,
    thread,
};

struct World {
    table: Table,
    totals: StdArc<Totals>,
}

impl World {
    /// `known`: the identity of the object at this address, if it is not 0, is known, so that its entry stays.
    fn new(known: usize) -> Arc<Self> {
        let world = Self { table: Table::new(), totals: StdArc::new(Totals::new()) };
        if let Some(object) = NonNull::new(ptr::without_provenance_mut(known)) {
            // SAFETY: nothing is read at the address.
            unsafe { world.table.with_entry(generations(), object, |entry| entry.is_known = true) };
        }
        Arc::new(world)
    }

    /// What a mutator does that has an object at this address.
    fn sample(&self, address: usize) {
        let record =
            StdArc::new(Record::new(self.totals.clone(), Some(Location::caller()), "an object", Box::default()));
        let sample = record.sample(Weighed { objects: ONE, bytes: 16 }, 10).expect("there is room");
        let object = NonNull::new(ptr::without_provenance_mut(address)).unwrap();
        // SAFETY: nothing is read at the address.
        unsafe { self.table.add_sample(generations(), object, sample) };
    }

    /// What a thread does that ends the session. It need not run a mutator.
    fn stop(&self) {
        self.totals.end();
        self.table.forget_samples();
    }

    fn check(&self, known: usize) {
        assert_eq!(self.table.len(), usize::from(known != 0), "an entry is left that is of no use, or one has gone");
        assert_eq!(self.totals.samples(), 0, "a sample is left");
    }
}

fn generations() -> Generations<'static> {
    Generations { map: AddressMap::new(), runs: &RunTable }
}

/// A mutator takes a sample.
fn sampling(known: usize) {
    check(move || {
        let world = World::new(known);
        let other = {
            let world = world.clone();
            thread::spawn(move || world.sample(OLD))
        };
        world.stop();
        other.join().unwrap();
        world.check(known);
    });
}

/// A pause takes the entries out of the table and puts them back. Its leader has the world stopped; the thread that ends the session is not
/// part of that.
fn following(known: usize) {
    check(move || {
        let world = World::new(known);
        world.sample(YOUNG);
        let leader = {
            let world = world.clone();
            thread::spawn(move || {
                let entries = world.table.take_young();
                world.table.put_back(generations(), entries.into_iter());
            })
        };
        world.stop();
        leader.join().unwrap();
        world.check(known);
    });
}

#[test]
fn a_sample_is_met_or_not_kept() {
    sampling(0);
    sampling(OLD);
}

#[test]
fn a_sample_that_is_followed_is_met_or_not_kept() {
    following(0);
    following(YOUNG);
}

#[test]
fn mutant_a_session_that_is_looked_at_early_is_found() {
    must_fail("samples::mutant_a_session_that_is_looked_at_early_is_found", mutant::SESSION_IS_LOOKED_AT_EARLY, || {
        sampling(OLD)
    });
}

#[test]
fn mutant_samples_that_are_put_back_are_found() {
    must_fail("samples::mutant_samples_that_are_put_back_are_found", mutant::SAMPLES_ARE_PUT_BACK, || following(YOUNG));
}
