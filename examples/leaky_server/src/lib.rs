//! A server with a leak: a cache of sessions with two indexes, of which one is not told when a session goes.
//!
//! Its threads handle requests that they make up themselves: what matters here is the memory. The book's chapter *Where does the memory go*
//! finds the leak; `cargo run -p leaky_server` prints the steps.

#![forbid(unsafe_code)]

use std::collections::VecDeque;

use gc_core::{Gc, GcCell, Heap, Mutator, Root, Trace, blocking, collections::HashMap};

/// What the server keeps of a user between requests.
#[derive(Trace)]
pub struct Session<'gc> {
    /// What the user's browser sends with each request.
    pub token: u64,
    /// The name of the user.
    pub user: Gc<'gc, str>,
    /// The form that is half filled in. This is memory outside the heap, which the session owns.
    pub form: Vec<u8>,
    /// The pages that the user has seen.
    pub visited: GcCell<Vec<Gc<'gc, Page<'gc>>>>,
}

/// A page that was shown.
#[derive(Trace)]
pub struct Page<'gc> {
    /// Its address.
    pub path: Gc<'gc, str>,
    /// How long it was looked at, in milliseconds.
    pub shown_ms: u32,
}

/// The sessions, of which the cache keeps the latest.
#[derive(Trace)]
pub struct Sessions<'gc> {
    by_token: HashMap<u64, Gc<'gc, Session<'gc>>>,
    by_user: HashMap<String, Gc<'gc, Session<'gc>>>,
    /// The tokens, the oldest first.
    order: VecDeque<u64>,
    capacity: usize,
    /// Whether the second index is told, too, when a session goes.
    is_fixed: bool,
}

impl<'gc> Sessions<'gc> {
    fn add(&mut self, session: Gc<'gc, Session<'gc>>) {
        self.by_token.insert(session.token, session);
        self.by_user.insert(session.user.to_string(), session);
        self.order.push_back(session.token);
        if self.order.len() > self.capacity {
            self.evict();
        }
    }

    fn evict(&mut self) {
        let Some(token) = self.order.pop_front() else { return };
        let Some(session) = self.by_token.remove(&token) else { return };
        // The leak: without this line the second index keeps all sessions that there ever were.
        if self.is_fixed {
            self.by_user.remove(&*session.user);
        }
    }
}

/// The state that all threads share.
pub struct Server {
    sessions: Root<Gc<'static, GcCell<Sessions<'static>>>>,
}

impl Server {
    /// A server that keeps the latest `capacity` sessions, and with the leak the others, too.
    pub fn leaky(m: &Mutator, capacity: usize) -> Self {
        Self::new(m, capacity, false)
    }

    /// A server that keeps the latest `capacity` sessions.
    pub fn fixed(m: &Mutator, capacity: usize) -> Self {
        Self::new(m, capacity, true)
    }

    fn new(m: &Mutator, capacity: usize, is_fixed: bool) -> Self {
        let (by_token, by_user, order) = (HashMap::new(), HashMap::new(), VecDeque::new());
        let sessions = m.alloc(GcCell::new(Sessions { by_token, by_user, order, capacity, is_fixed }));
        Self { sessions: m.root(sessions) }
    }

    /// Handles the first visit of a user: makes a session, and shows four pages.
    pub fn visit(&self, m: &mut Mutator, number: u64) {
        let session = m.alloc(Session {
            token: number.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            user: m.alloc_str(&format!("user {number}")),
            form: vec![0; 200],
            visited: GcCell::default(),
        });
        for (shown_ms, path) in (0..).zip(["/", "/login", "/basket", "/pay"]) {
            // The answer is garbage when it is sent.
            m.alloc_str(&format!("200 OK {path} {}", session.user.repeat(8)));
            let page = m.alloc(Page { path: m.alloc_str(path), shown_ms });
            session.visited.borrow_mut(m).push(page);
        }
        self.sessions.get(m).borrow_mut(m).add(session);
        m.safepoint();
    }

    /// Handles the visits of these users, on four threads.
    pub fn visits(&self, heap: &Heap, m: &mut Mutator, users: core::ops::Range<u64>) {
        blocking::scope(m, |scope| {
            for thread in 0..THREADS {
                let users = users.clone().skip(thread as usize).step_by(THREADS as usize);
                scope.spawn(move || {
                    let mut m = heap.attach().expect("the thread has no mutator yet");
                    users.for_each(|number| self.visit(&mut m, number));
                });
            }
        });
    }

    /// How many sessions the cache has.
    pub fn len(&self, m: &Mutator) -> usize {
        self.sessions.get(m).borrow(m).by_token.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self, m: &Mutator) -> bool {
        self.len(m) == 0
    }
}

const THREADS: u64 = 4;
