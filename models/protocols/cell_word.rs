//! The lock of a cell, between mutators that read and write: `object::cell_word`.
//!
//! `Heap::touch` stands for a write to the content, `Heap::look` for a read.

use crate::{
    Arc, Heap, check, must_fail,
    object::cell_word::{CellUser, CellWord},
    sync::mutant,
    thread,
};

struct Cell {
    word: CellWord,
    content: Heap,
}

fn user(number: u32) -> CellUser {
    CellUser::new(1, false, number)
}

fn write(cell: &Cell, number: u32) {
    while cell.word.try_write(user(number)).is_err() {
        thread::yield_now();
    }
    cell.content.touch();
    cell.word.end_write(false);
}

fn read(cell: &Cell, number: u32) {
    while cell.word.try_read(user(number)).is_err() {
        thread::yield_now();
    }
    cell.content.look();
    cell.word.end_read(false);
}

fn against_a_writer(other: fn(&Cell, u32)) {
    check(move || {
        let cell = Arc::new(Cell { word: CellWord::new(), content: Heap::new() });
        // A guard was forgotten before the last stop.
        cell.word.try_write(CellUser::new(0, false, 9)).unwrap();
        let there = cell.clone();
        let thread = thread::spawn(move || other(&there, 1));
        write(&cell, 2);
        thread.join().unwrap();
    });
}

fn two_writers() {
    against_a_writer(write);
}

fn reader_and_writer() {
    against_a_writer(read);
}

fn log_and_readers() {
    check(|| {
        let cell = Arc::new(Cell { word: CellWord::new(), content: Heap::new() });
        let there = cell.clone();
        let thread = thread::spawn(move || read(&there, 1));
        while cell.word.try_write(user(2)).is_err() {
            thread::yield_now();
        }
        assert!(!cell.word.is_logged());
        cell.word.set_logged(true);
        cell.word.end_write(false);
        thread.join().unwrap();
        assert!(cell.word.is_logged());
        cell.word.try_write(user(1)).unwrap();
    });
}

#[test]
fn two_writers_never_overlap() {
    two_writers();
}

#[test]
fn a_reader_and_a_writer_never_overlap() {
    reader_and_writer();
}

#[test]
fn a_log_bit_survives_readers() {
    log_and_readers();
}

/// Shuttle runs one thread at a time, so it cannot see what only the order of memory accesses shows.
#[cfg(not(gc_shuttle))]
#[test]
fn mutant_a_relaxed_unlock_is_found() {
    must_fail("cell_word::mutant_a_relaxed_unlock_is_found", mutant::RELAXED_UNLOCK, two_writers);
}

#[test]
fn mutant_a_writer_among_readers_is_found() {
    must_fail("cell_word::mutant_a_writer_among_readers_is_found", mutant::WRITER_AMONG_READERS, reader_and_writer);
}
