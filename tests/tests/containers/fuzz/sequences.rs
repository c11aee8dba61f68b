//! Vectors, queues and lists.

use std::collections::{LinkedList, VecDeque};

use super::{
    elements::Element,
    table::{Fuzzed, Source, Table, operations, run, run_both},
    user::{below, chance, decide, index, span, user},
};

impl<T: Element> Table for Vec<T> {
    type Element = T;
    operations! {
        "append": |v, s| v.append(&mut s.few());
        "clear": |v, _| v.clear();
        "clone": |v, _| *v = v.clone();
        "clone_from": |v, s| v.clone_from(&s.many(below(40)));
        "dedup": |v, _| v.dedup();
        "dedup_by": |v, _| v.dedup_by(|_, _| decide());
        "dedup_by_key": |v, _| v.dedup_by_key(|_| { user(); below(2) });
        "drain": |v, _| { let range = span(v.len()); run_both(v.drain(range)) };
        "drain(..)": |v, _| run_both(v.drain(..));
        "extend": |v, s| v.extend(s.lying());
        "extend by a vector": |v, s| v.extend(s.few());
        "extend by a drain": |v, s| v.extend(s.few().drain(..).inspect(|_| user()));
        "extend(&)": |v, s| T::extend_vec(v, s);
        "extend_from_slice": |v, s| v.extend_from_slice(&s.few());
        "extend_from_within": |v, _| { let range = span(v.len().min(20)); v.extend_from_within(range) };
        "extract_if": |v, _| { let range = span(v.len()); run(v.extract_if(range, |_| decide())) };
        "insert": |v, s| v.insert(index(v.len()), s.one());
        "insert_mut": |v, s| *v.insert_mut(index(v.len()), s.one()) = s.by_user();
        "pop": |v, _| v.pop();
        "pop_if": |v, _| v.pop_if(|_| decide());
        "push": |v, s| v.push(s.by_user());
        "push_mut": |v, s| *v.push_mut(s.one()) = s.by_user();
        "remove": |v, _| v.remove(index(v.len()));
        "reserve": |v, _| v.reserve(below(40));
        "reserve_exact": |v, _| v.reserve_exact(below(40));
        "reserve too much": |v, _| v.reserve(usize::MAX);
        "resize": |v, s| v.resize(below(40), s.one());
        "resize_with": |v, s| v.resize_with(below(40), || s.by_user());
        "retain": |v, _| v.retain(|_| decide());
        "retain_mut": |v, s| v.retain_mut(|e| { *e = s.by_user(); decide() });
        "shrink_to": |v, _| v.shrink_to(below(40));
        "shrink_to_fit": |v, _| v.shrink_to_fit();
        "spare_capacity_mut": |v, s| v.spare_capacity_mut().iter_mut().take(3).for_each(|e| { e.write(s.by_user()); });
        "splice": |v, s| { let range = span(v.len()); run_both(v.splice(range, s.lying())) };
        "splice by a vector": |v, s| { let range = span(v.len()); run_both(v.splice(range, s.few())) };
        "split_off": |v, _| { let rest = v.split_off(index(v.len())); if chance(2) { *v = rest } };
        "swap_remove": |v, _| v.swap_remove(index(v.len()));
        "truncate": |v, _| v.truncate(below(20));
        "try_reserve": |v, _| (v.try_reserve(below(40)).is_ok(), v.try_reserve(usize::MAX).is_err());
        "try_reserve_exact": |v, _| (v.try_reserve_exact(below(40)).is_ok(), v.try_reserve_exact(usize::MAX).is_err());
        "into_iter of &mut Vec": |v, s| { for e in &mut *v { *e = s.by_user(); } };
        "into_iter": |v, _| run_both(std::mem::take(v).into_iter());
        "into_iter().as_mut_slice": |v, s| {
            let mut rest = std::mem::take(v).into_iter();
            rest.next();
            rest.as_mut_slice().fill_with(|| s.by_user());
            *v = rest.collect()
        };
        "from_iter": |v, s| *v = s.lying().collect();
        "collected in place": |v, _| *v = std::mem::take(v).into_iter().filter(|_| decide()).map(|e| e.clone()).collect();
        "collected in place, in part": |v, _| {
            let mut rest = std::mem::take(v).into_iter();
            rest.next();
            *v = rest.map_while(|e| decide().then_some(e)).collect()
        };
        "through a queue": |v, _| { let mut q = std::collections::VecDeque::from(std::mem::take(v)); q.rotate_left(q.len() / 2); *v = q.into() };
        "as_mut_slice": |v, s| v.as_mut_slice().fill_with(|| s.by_user());
        "swap": |v, s| std::mem::swap(v, &mut s.few());
    }
}

impl<T: Element> Fuzzed for Vec<T> {
    const NAME: &'static str = "Vec";
    const MORE: &'static [&'static str] = <[T]>::NAMES;

    fn operate_more(&mut self, n: usize, source: &Source<'_, T>) {
        <[T]>::operate(self, n, source);
    }

    fn make(source: &Source<'_, T>) -> Self {
        source.many(below(30))
    }

    fn read(&self) -> bool {
        self.iter().for_each(T::read);
        true
    }

    fn size(&self) -> usize {
        self.len()
    }
}

impl<T: Element> Table for VecDeque<T> {
    type Element = T;
    operations! {
        "append": |v, s| v.append(&mut s.few().into());
        "as_mut_slices": |v, s| { let (a, b) = v.as_mut_slices(); a.reverse(); b.fill_with(|| s.by_user()) };
        "back_mut": |v, s| v.back_mut().map(|e| *e = s.by_user());
        "clear": |v, _| v.clear();
        "clone": |v, _| *v = v.clone();
        "clone_from": |v, s| v.clone_from(&s.many(below(40)).into());
        "drain": |v, _| { let range = span(v.len()); run_both(v.drain(range)) };
        "drain(..)": |v, _| run_both(v.drain(..));
        "extend": |v, s| v.extend(s.lying());
        "extend by a vector": |v, s| v.extend(s.few());
        "extend by a drain": |v, s| v.extend(s.few().drain(..).inspect(|_| user()));
        "extend(&)": |v, s| T::extend_deque(v, s);
        "front_mut": |v, s| v.front_mut().map(|e| *e = s.by_user());
        "get_mut": |v, s| v.get_mut(below(9)).map(|e| *e = s.by_user());
        "index_mut": |v, s| { let i = index(v.len()); v[i] = s.one() };
        "insert": |v, s| v.insert(index(v.len()), s.one());
        "insert_mut": |v, s| *v.insert_mut(index(v.len()), s.one()) = s.by_user();
        "iter_mut": |v, s| run_both(v.iter_mut().map(|e| *e = s.by_user()));
        "into_iter of &mut": |v, s| { for e in &mut *v { *e = s.by_user(); } };
        "make_contiguous": |v, _| v.make_contiguous().reverse();
        "pop_back": |v, _| v.pop_back();
        "pop_back_if": |v, _| v.pop_back_if(|_| decide());
        "pop_front": |v, _| v.pop_front();
        "pop_front_if": |v, _| v.pop_front_if(|_| decide());
        "push_back": |v, s| v.push_back(s.by_user());
        "push_back_mut": |v, s| *v.push_back_mut(s.one()) = s.by_user();
        "push_front": |v, s| v.push_front(s.by_user());
        "push_front_mut": |v, s| *v.push_front_mut(s.one()) = s.by_user();
        "range_mut": |v, s| { let range = span(v.len()); run_both(v.range_mut(range).map(|e| *e = s.by_user())) };
        "remove": |v, _| v.remove(index(v.len()));
        "reserve": |v, _| v.reserve(below(40));
        "reserve_exact": |v, _| v.reserve_exact(below(40));
        "reserve too much": |v, _| v.reserve(usize::MAX);
        "resize": |v, s| v.resize(below(40), s.one());
        "resize_with": |v, s| v.resize_with(below(40), || s.by_user());
        "retain": |v, _| v.retain(|_| decide());
        "retain_mut": |v, s| v.retain_mut(|e| { *e = s.by_user(); decide() });
        "rotate_left": |v, _| v.rotate_left(index(v.len()));
        "rotate_right": |v, _| v.rotate_right(index(v.len()));
        "shrink_to": |v, _| v.shrink_to(below(40));
        "shrink_to_fit": |v, _| v.shrink_to_fit();
        "split_off": |v, _| { let rest = v.split_off(index(v.len())); if chance(2) { *v = rest } };
        "swap": |v, _| v.swap(index(v.len()), index(v.len()));
        "swap_remove_back": |v, _| v.swap_remove_back(index(v.len()));
        "swap_remove_front": |v, _| v.swap_remove_front(index(v.len()));
        "truncate": |v, _| v.truncate(below(20));
        "try_reserve": |v, _| (v.try_reserve(below(40)).is_ok(), v.try_reserve(usize::MAX).is_err());
        "try_reserve_exact": |v, _| (v.try_reserve_exact(below(40)).is_ok(), v.try_reserve_exact(usize::MAX).is_err());
        "into_iter": |v, _| run_both(std::mem::take(v).into_iter());
        "from_iter": |v, s| *v = s.lying().collect();
        "collected from itself": |v, _| *v = std::mem::take(v).into_iter().filter(|_| decide()).collect();
        "through a vector": |v, _| { let mut vec = Vec::from(std::mem::take(v)); vec.retain(|_| decide()); *v = vec.into() };
    }
}

impl<T: Element> Fuzzed for VecDeque<T> {
    const NAME: &'static str = "VecDeque";
    const MORE: &'static [&'static str] = <[T]>::NAMES;

    fn operate_more(&mut self, n: usize, source: &Source<'_, T>) {
        let (front, back) = self.as_mut_slices();
        if chance(3) { back.operate(n, source) } else { front.operate(n, source) }
    }

    fn make(source: &Source<'_, T>) -> Self {
        let mut queue: Self = source.many(below(20)).into();
        source.few().into_iter().for_each(|element| queue.push_front(element));
        queue
    }

    fn read(&self) -> bool {
        self.iter().for_each(T::read);
        self.iter().rev().for_each(T::read);
        true
    }

    fn size(&self) -> usize {
        self.len()
    }
}

impl<T: Element> Table for LinkedList<T> {
    type Element = T;
    operations! {
        "append": |v, s| { let mut other = Self::from_iter(s.few()); v.append(&mut other); other.push_back(s.one()) };
        "back_mut": |v, s| v.back_mut().map(|e| *e = s.by_user());
        "clear": |v, _| v.clear();
        "clone": |v, _| *v = v.clone();
        "clone_from": |v, s| v.clone_from(&s.many(below(40)).into_iter().collect());
        "extend": |v, s| v.extend(s.lying());
        "extend by a list": |v, s| v.extend(Self::from_iter(s.few()));
        "extend(&)": |v, s| T::extend_list(v, s);
        "extract_if": |v, _| run(v.extract_if(|_| decide()));
        "front_mut": |v, s| v.front_mut().map(|e| *e = s.by_user());
        "iter_mut": |v, s| run_both(v.iter_mut().map(|e| *e = s.by_user()));
        "into_iter of &mut": |v, s| { for e in &mut *v { *e = s.by_user(); } };
        "pop_back": |v, _| v.pop_back();
        "pop_front": |v, _| v.pop_front();
        "push_back": |v, s| v.push_back(s.by_user());
        "push_back_mut": |v, s| *v.push_back_mut(s.one()) = s.by_user();
        "push_front": |v, s| v.push_front(s.by_user());
        "push_front_mut": |v, s| *v.push_front_mut(s.one()) = s.by_user();
        "split_off": |v, _| { let rest = v.split_off(index(v.len())); if chance(2) { *v = rest } };
        "into_iter": |v, _| run_both(std::mem::take(v).into_iter());
        "from_iter": |v, s| *v = s.lying().collect();
        "collected from itself": |v, _| *v = std::mem::take(v).into_iter().filter(|_| decide()).collect();
    }
}

impl<T: Element> Fuzzed for LinkedList<T> {
    const NAME: &'static str = "LinkedList";

    fn make(source: &Source<'_, T>) -> Self {
        source.many(below(30)).into_iter().collect()
    }

    fn read(&self) -> bool {
        self.iter().for_each(T::read);
        self.iter().rev().for_each(T::read);
        assert_eq!(self.iter().count(), self.len());
        true
    }

    fn size(&self) -> usize {
        self.len()
    }
}
