//! The methods of slices, which vectors, boxed slices and queues lend; and boxed slices themselves.

use super::{
    elements::Element,
    table::{Fuzzed, Source, Table, operations, run, run_both},
    user::{below, chance, decide, index, span, user},
};

impl<T: Element> Table for [T] {
    type Element = T;
    operations! {
        "index_mut": |v, s| { let i = index(v.len()); v[i] = s.one() };
        "index_mut of a range": |v, s| { let range = span(v.len()); v[range].fill_with(|| s.by_user()) };
        "get_mut": |v, s| v.get_mut(below(9)).map(|e| *e = s.one());
        "get_mut of a range": |v, s| v.get_mut(span(9)).map(|part| part.fill_with(|| s.by_user()));
        "get_disjoint_mut": |v, _| v.get_disjoint_mut([below(9), below(9)]).map(|[a, b]| std::mem::swap(a, b));
        "first_mut": |v, s| v.first_mut().map(|e| *e = s.one());
        "last_mut": |v, s| v.last_mut().map(|e| *e = s.one());
        "split_first_mut": |v, s| v.split_first_mut().map(|(e, rest)| { rest.fill_with(|| s.by_user()); *e = s.one() });
        "split_last_mut": |v, s| v.split_last_mut().map(|(e, rest)| { rest.reverse(); *e = s.one() });
        "first_chunk_mut": |v, s| v.first_chunk_mut::<2>().map(|chunk| *chunk = [s.one(), s.one()]);
        "last_chunk_mut": |v, s| v.last_chunk_mut::<2>().map(|chunk| *chunk = [s.one(), s.one()]);
        "split_first_chunk_mut": |v, s| v.split_first_chunk_mut::<2>().map(|(chunk, _)| chunk.fill_with(|| s.by_user()));
        "split_last_chunk_mut": |v, s| v.split_last_chunk_mut::<2>().map(|(_, chunk)| chunk.fill_with(|| s.by_user()));
        "as_chunks_mut": |v, s| run_both(v.as_chunks_mut::<2>().0.iter_mut().map(|chunk| *chunk = [s.one(), s.one()]));
        "as_rchunks_mut": |v, s| run_both(v.as_rchunks_mut::<2>().1.iter_mut().map(|chunk| chunk.fill_with(|| s.by_user())));
        "iter_mut": |v, s| run_both(v.iter_mut().map(|e| *e = s.by_user()));
        "iter_mut().into_slice": |v, s| { let mut i = v.iter_mut(); i.next(); i.into_slice().fill_with(|| s.by_user()) };
        "into_iter of &mut": |v, s| { for e in v { *e = s.by_user(); } };
        "chunks_mut": |v, s| run_both(v.chunks_mut(3).map(|chunk| chunk.fill_with(|| s.by_user())));
        "chunks_exact_mut": |v, s| run_both(v.chunks_exact_mut(3).map(|chunk| chunk.fill_with(|| s.by_user())));
        "chunks_exact_mut().into_remainder": |v, s| v.chunks_exact_mut(3).into_remainder().fill_with(|| s.by_user());
        "rchunks_mut": |v, s| run_both(v.rchunks_mut(3).map(|chunk| chunk.fill_with(|| s.by_user())));
        "rchunks_exact_mut": |v, s| run_both(v.rchunks_exact_mut(3).map(|chunk| chunk.fill_with(|| s.by_user())));
        "chunk_by_mut": |v, s| run_both(v.chunk_by_mut(|a, b| a <= b).map(|chunk| chunk.fill_with(|| s.by_user())));
        "split_mut": |v, s| run_both(v.split_mut(|_| decide()).map(|part| part.fill_with(|| s.by_user())));
        "split_inclusive_mut": |v, s| run_both(v.split_inclusive_mut(|_| decide()).map(|part| part.fill_with(|| s.by_user())));
        "rsplit_mut": |v, s| run_both(v.rsplit_mut(|_| decide()).map(|part| part.fill_with(|| s.by_user())));
        "splitn_mut": |v, s| run(v.splitn_mut(3, |_| decide()).map(|part| part.fill_with(|| s.by_user())));
        "rsplitn_mut": |v, s| run(v.rsplitn_mut(3, |_| decide()).map(|part| part.fill_with(|| s.by_user())));
        "split_at_mut": |v, s| { let (a, b) = v.split_at_mut(index(v.len())); a.reverse(); b.fill_with(|| s.by_user()) };
        "split_at_mut_checked": |v, _| v.split_at_mut_checked(below(9)).map(|(a, b)| { a.reverse(); b.sort() });
        "split_off_mut": |v, s| { let mut rest = v; rest.split_off_mut(..below(9)).map(|part| part.fill_with(|| s.by_user())) };
        "split_off_first_mut": |v, s| { let mut rest = v; rest.split_off_first_mut().map(|e| *e = s.by_user()) };
        "split_off_last_mut": |v, s| { let mut rest = v; rest.split_off_last_mut().map(|e| *e = s.by_user()) };
        "swap": |v, _| v.swap(index(v.len()), index(v.len()));
        "reverse": |v, _| v.reverse();
        "rotate_left": |v, _| v.rotate_left(index(v.len()));
        "rotate_right": |v, _| v.rotate_right(index(v.len()));
        "fill": |v, s| v.fill(s.one());
        "fill_with": |v, s| v.fill_with(|| s.by_user());
        "clone_from_slice": |v, s| v.clone_from_slice(&s.as_many(v.len()));
        "swap_with_slice": |v, s| v.swap_with_slice(&mut s.as_many(v.len()));
        "copy_within": |v, s| T::copy_within(v, s);
        "copy_from_slice": |v, s| T::copy_from_slice(v, s);
        "sort": |v, _| v.sort();
        "sort_by": |v, _| v.sort_by(|a, b| { user(); b.cmp(a) });
        "sort_by_key": |v, _| v.sort_by_key(|_| { user(); below(9) });
        "sort_by_cached_key": |v, _| v.sort_by_cached_key(|_| { user(); below(9) });
        "sort_unstable": |v, _| v.sort_unstable();
        "sort_unstable_by": |v, _| v.sort_unstable_by(|a, b| b.cmp(a));
        "sort_unstable_by_key": |v, _| v.sort_unstable_by_key(|_| { user(); below(9) });
        "select_nth_unstable": |v, _| v.select_nth_unstable(index(v.len())).0.reverse();
        "select_nth_unstable_by": |v, _| v.select_nth_unstable_by(index(v.len()), |a, b| b.cmp(a)).2.reverse();
        "select_nth_unstable_by_key": |v, _| v.select_nth_unstable_by_key(index(v.len()), |_| { user(); below(9) }).0.len();
        "read": |v, _| (v.contains(&v[0]), v.is_sorted(), v.partition_point(|_| decide()), v.binary_search(&v[0]), v.to_vec());
    }
}

pub type Boxed<T> = Box<[T]>;

impl<T: Element> Table for Boxed<T> {
    type Element = T;
    operations! {
        "clone_from": |v, s| v.clone_from(&s.as_many(v.len()).into_boxed_slice());
        "clone": |v, _| *v = v.clone();
        "take": |v, _| std::mem::take(v).into_vec().pop();
        "into_vec": |v, s| { let mut vec = std::mem::take(v).into_vec(); vec.push(s.by_user()); *v = vec.into() };
        "into_iter": |v, _| run_both(std::mem::take(v).into_iter());
        "from_iter": |v, s| *v = s.lying().collect();
        "extended in place": |v, s| *v = std::mem::take(v).into_iter().chain(s.few()).filter(|_| decide()).collect();
        "into_iter of &mut Box": |v, s| { for e in &mut *v { *e = s.by_user(); } };
    }
}

impl<T: Element> Fuzzed for Boxed<T> {
    const NAME: &'static str = "Box<[T]>";
    const MORE: &'static [&'static str] = <[T]>::NAMES;

    fn operate_more(&mut self, n: usize, source: &Source<'_, T>) {
        if !chance(4) || self.is_empty() {
            <[T]>::operate(self, n, source)
        } else {
            <[T]>::operate(&mut self[1..], n, source)
        }
    }

    fn make(source: &Source<'_, T>) -> Self {
        source.many(below(30)).into()
    }

    fn read(&self) -> bool {
        self.iter().for_each(T::read);
        true
    }

    fn size(&self) -> usize {
        self.len()
    }
}

impl<T: Element> Table for Box<T> {
    type Element = T;
    operations! {
        "deref_mut": |v, s| **v = s.by_user();
        "as_mut": |v, s| *v.as_mut() = s.by_user();
        "borrow_mut": |v, s| { let place: &mut T = std::borrow::BorrowMut::borrow_mut(v); *place = s.by_user() };
        "clone_from": |v, s| v.clone_from(&Box::new(s.one()));
        "clone": |v, _| *v = v.clone();
        "replace": |v, s| std::mem::replace(v, Box::new(s.by_user()));
        "replace the content": |v, s| std::mem::replace(&mut **v, s.by_user());
        "swap": |v, s| std::mem::swap(v, &mut Box::new(s.by_user()));
        "take": |v, _| std::mem::take(v);
        "move out": |v, _| { let content = *std::mem::take(v); user(); **v = content };
    }
}

impl<T: Element> Fuzzed for Box<T> {
    const NAME: &'static str = "Box<T>";

    fn make(source: &Source<'_, T>) -> Self {
        Box::new(source.one())
    }

    fn read(&self) -> bool {
        T::read(self);
        true
    }

    fn size(&self) -> usize {
        1
    }
}
