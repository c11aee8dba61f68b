//! One thread: a machine, a purse, letters, and its part in the board.

use std::{
    panic::resume_unwind,
    sync::{Arc, Barrier, mpsc::Receiver},
    thread,
};

use gc_core::{Collect, Gc, Heap, Root, blocking};

use super::{
    super::{
        machine::{Estate, Machine, Stay},
        program::{Op, Place},
    },
    board::Board,
    letters::{Letter, Mail},
    objects::{Maker, Purse},
    program::{Act, Deal, Fate, Parcel, Pin, Step, What},
};
use crate::ledger::Ledger;

/// The board, for every thread.
pub(super) type SharedBoard = Arc<Root<Gc<'static, Board<'static>>>>;

/// More letters than this are not kept.
const KEPT: usize = 6;

pub(super) struct Worker {
    heap: Heap,
    machine: Machine,
    board: SharedBoard,
    purse: Root<Purse<'static>>,
    mail: Mail,
    kept: Vec<Letter>,
    maker: Maker,
    raised: u64,
}

/// What a thread leaves.
pub(super) struct Done {
    pub(super) number: usize,
    pub(super) estate: Estate,
    pub(super) purse: Root<Purse<'static>>,
    pub(super) kept: Vec<Letter>,
    pub(super) inbox: Receiver<Letter>,
    /// How often it has raised each counter.
    pub(super) raised: u64,
}

impl Worker {
    /// Attaches this thread.
    pub(super) fn new(heap: Heap, board: SharedBoard, purse: Root<Purse<'static>>, mail: Mail, ledger: Ledger) -> Self {
        let (machine, maker) = (Machine::new(heap.clone(), false), Maker::new(mail.number, ledger));
        Self { heap, machine, board, purse, mail, kept: Vec::new(), maker, raised: 0 }
    }

    /// Waits until all are attached.
    pub(super) fn wait(&mut self, all: &Barrier) {
        blocking::barrier(self.machine.parts().0, all);
    }

    /// Ends a step.
    pub(super) fn between_steps(&mut self, stay: Stay) {
        self.machine.between_steps(stay);
    }

    /// Detaches.
    pub(super) fn end(self) -> Done {
        let Self { machine, purse, mail, kept, raised, .. } = self;
        Done { number: mail.number, estate: machine.end(), purse, kept, inbox: mail.inbox, raised }
    }

    /// One step, and what must hold after it.
    pub(super) fn step(&mut self, step: Step) {
        match step.what {
            What::Private(op) => self.machine.step(op),
            What::Shared(act) => self.act(act),
        }
        if step.safepoint {
            self.machine.step(Op::Safepoint);
        }
        if self.machine.check() {
            let m = &*self.machine.parts().0;
            self.purse.borrow(m).iter().for_each(|coin| coin.whole());
            let board = self.board.get(m);
            (0..5).for_each(|place| board.read(m, place, 0x9E37));
        }
    }

    fn act(&mut self, act: Act) {
        let Self { heap, machine, board: shared, purse, mail, maker, .. } = self;
        let (mutator, estate) = machine.parts();
        let m = &*mutator;
        let board = shared.get(m);
        match act {
            Act::Pin { place, pin, times } => {
                for _ in 0..times {
                    let before = board.at(place);
                    maker.notice(m, before).into_iter().for_each(|notice| board.pin(m, notice, place, pin));
                }
            }
            Act::Fill => board.fill(m, maker),
            Act::Read { place, steps } => board.read(m, place, steps),
            Act::Mark { place, mark } => board.mark(m, place, mark),
            Act::Tie { place, tie } => board.tie(m, place, tie, maker),
            Act::Recall { which, place } => {
                board.recall(m, which).into_iter().for_each(|notice| board.pin(m, notice, place, Pin::Set));
            }
            Act::Raise { by, times } => {
                for _ in 0..times {
                    board.raise(m, by.and_then(|place| board.at(place)));
                }
                self.raised += u64::from(times);
            }
            Act::Deal { place, deal } => board.deal(m, purse.get_mut(m), place, deal, maker),
            Act::Juggle { place, times } => {
                let purse = purse.get_mut(m);
                let deals = [Deal::Swap, Deal::Push, Deal::Exchange, Deal::Put, Deal::Safe, Deal::Pop, Deal::Get];
                for (turn, deal) in (0..times).zip(deals.into_iter().cycle()) {
                    board.deal(m, purse, place.wrapping_add(turn / 7 % 2), deal, maker);
                }
            }
            Act::Send { to, parcel } => {
                let letter = match parcel {
                    Parcel::Coin => purse.get_mut(m).pop().map(|coin| Letter::Coin(m.root(coin))),
                    Parcel::Coins(count) => {
                        let purse = purse.get_mut(m);
                        let coins: Purse<'_> = purse.drain(..count.min(purse.len())).collect();
                        Some(Letter::Coins(m.root(coins)))
                    }
                    Parcel::Notice(place) => board.at(place).map(|notice| Letter::Notice(m.root(notice))),
                    Parcel::Many(place) => {
                        mail.send(to, Letter::many(m, board, place, 40));
                        // Whoever has them by now drops them while this thread, whose table they are in, makes and drops others.
                        let mut few = [(); 7].map(|()| Letter::many(m, board, place, 1));
                        (0..80).for_each(|turn| few[turn % 7] = Letter::many(m, board, place, 1));
                        None
                    }
                    Parcel::Bundle(place) => Some(Letter::bundle(m, board, place, maker)),
                    Parcel::Lend(root) => estate.lend(root).map(|lent| Letter::Lent { owner: mail.number, lent }),
                };
                letter.into_iter().for_each(|letter| mail.send(to, letter));
            }
            Act::Receive { fate } => self.receive(fate),
            Act::Open { kept, place } => {
                if let Some(index) = (kept as usize).checked_rem(self.kept.len()) {
                    let letter = self.kept.swap_remove(index);
                    self.open(letter, place);
                }
            }
            Act::Refile => *purse = purse.clone_in(m),
            Act::Blocked { place, turns } => {
                let (many, bundle) = (Letter::many(m, board, place, turns), Letter::bundle(m, board, place, maker));
                mutator.blocked(|| {
                    many.drop_slowly();
                    drop(bundle);
                    thread::yield_now();
                });
            }
            Act::Visit { place, to, collect } => {
                let visit = || visit(heap, shared, maker.lend(), place, collect);
                let visited = mutator.blocked(|| thread::scope(|scope| scope.spawn(visit).join()));
                mail.send(to, visited.unwrap_or_else(|payload| resume_unwind(payload)));
                self.raised += 1;
            }
        }
    }

    /// The next letter, if there is one.
    fn receive(&mut self, fate: Fate) {
        let Ok(letter) = self.mail.inbox.try_recv() else { return };
        let (m, estate) = self.machine.parts();
        match (letter, fate) {
            (Letter::Lent { owner, lent }, _) if owner == self.mail.number => estate.come_home(lent),
            (Letter::Lent { owner, lent }, fate) => {
                lent.look(m);
                let to = if let Fate::Forward(to) = fate { to } else { owner };
                self.mail.send(to, Letter::Lent { owner, lent });
            }
            (letter, Fate::Forward(to)) => self.mail.send(to, letter),
            (letter, Fate::Open(place)) => self.open(letter, place),
            (letter, Fate::Keep) => self.keep(letter),
            (letter, Fate::Renew(place)) => {
                let (letter, old) = letter.renewed(m);
                self.keep(letter);
                old.into_iter().for_each(|old| self.discard(old, place));
            }
        }
    }

    fn keep(&mut self, letter: Letter) {
        self.kept.push(letter);
        if self.kept.len() > KEPT {
            let oldest = self.kept.remove(0);
            self.open(oldest, Place::Here);
        }
    }

    /// Takes out what is in a letter, and drops its root.
    fn open(&mut self, mut letter: Letter, place: Place) {
        let Self { machine, board, purse, maker, .. } = self;
        let m = &*machine.parts().0;
        let board = board.get(m);
        match &mut letter {
            Letter::Coin(root) => purse.get_mut(m).push(root.get(m)),
            Letter::Coins(root) => purse.get_mut(m).append(root.get_mut(m)),
            Letter::Notice(root) => {
                let notice = root.get(m);
                notice.whole();
                board.pin(m, notice, notice.serial() as u32, Pin::Next);
                root.set(m, maker.notice(m, None).unwrap_or(notice));
            }
            Letter::Many(roots) => roots.iter().for_each(|root| root.get(m).whole()),
            Letter::Bundle(root) => {
                let bundle = root.get_mut(m);
                bundle.notices.iter().copied().chain(bundle.top.get()).for_each(|notice| notice.whole());
                bundle.top.set(m, maker.notice(m, None));
                bundle.notices.truncate(1);
                bundle.notices.extend(bundle.top.get());
            }
            Letter::Lent { .. } => unreachable!("it is looked at and goes on"),
        }
        self.discard(letter, place);
    }

    fn discard(&mut self, letter: Letter, place: Place) {
        match place {
            Place::Here => drop(letter),
            Place::OtherThread => thread::spawn(|| letter.drop_slowly()).join().expect("dropping a root never panics"),
            Place::Blocked => self.machine.parts().0.blocked(|| letter.drop_slowly()),
            Place::Detached => self.machine.detached(|| letter.drop_slowly()),
        }
    }
}

/// What a visitor does. The coins that it takes away go on in a letter.
fn visit(heap: &Heap, shared: &SharedBoard, mut maker: Maker, place: u32, collect: u32) -> Letter {
    let mut m = heap.attach().expect("this thread is new");
    let mut purse = m.root(Purse::new());
    for deal in [Deal::Take, Deal::Recast, Deal::Pop, Deal::Recast] {
        shared.get(&m).deal(&m, purse.get_mut(&m), place, deal, &mut maker);
        m.safepoint();
    }
    shared.get(&m).raise(&m, maker.notice(&m, None));
    match collect {
        0 => drop(m.collect(Collect::Young)),
        1 => drop(m.collect(Collect::Full)),
        _ => {}
    }
    Letter::Coins(purse)
}
