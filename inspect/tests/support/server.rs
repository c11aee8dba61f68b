//! A heap of gc-core's with a cache in it that keeps sessions.

use gc_core::{Gc, Mutator, Trace};

#[derive(Trace)]
pub struct Session<'gc> {
    pub user: Gc<'gc, str>,
    pub history: Vec<u64>,
}

#[derive(Trace)]
pub struct Cache<'gc> {
    pub sessions: Vec<Gc<'gc, Session<'gc>>>,
}

/// A cache of so many sessions, of which every `identified`th has an identity.
pub fn cache<'m>(m: &'m Mutator, count: u64, identified: u64) -> Gc<'m, Cache<'m>> {
    let sessions = (0..count).map(|number| {
        let user = m.alloc_str(&format!("secret user {number}"));
        let session = m.alloc(Session { user, history: vec![0; 100] });
        if number % identified == 0 {
            Gc::id(session, m);
        }
        session
    });
    m.alloc(Cache { sessions: sessions.collect() })
}
