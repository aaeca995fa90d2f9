//! Parallel work, on a pool of threads or on threads of its own.

use std::cmp::Ordering;
use std::panic::resume_unwind;
use std::sync::LazyLock;
use std::thread::{self, available_parallelism};

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// More threads are not faster: network or disk is the limit.
const MOST: usize = 8;

/// Fewer items are sorted on one thread.
const FEW: usize = 1000;

/// `None` where no thread could be made.
static POOL: LazyLock<Option<ThreadPool>> = LazyLock::new(|| {
    let threads = available_parallelism().map_or(2, usize::from).clamp(1, MOST);
    ThreadPoolBuilder::new().num_threads(threads).build().ok()
});

/// How many things are done at the same time: as many as there are processors, and at most 8.
#[must_use]
pub fn thread_count() -> usize {
    POOL.as_ref().map_or(1, ThreadPool::current_num_threads)
}

/// Does the work on every item, at most [`thread_count`] at the same time; the results are in the order of the items.
pub fn parallel_map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync + Send) -> Vec<R> {
    match &*POOL {
        Some(pool) if items.len() > 1 => pool.install(|| items.par_iter().map(work).collect()),
        _ => items.iter().map(work).collect(),
    }
}

/// Does the work on every item, each on a thread of its own, or here where none can be made; the results are in the order
/// of the items. For work that waits, or that blocks on a runtime: a thread of the pool might take up a second such
/// piece of work while it waits for the first.
pub fn map_on_own_threads<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let work = &work;
    thread::scope(|scope| {
        let start = |item| thread::Builder::new().spawn_scoped(scope, move || work(item)).map_err(|_| item);
        let started: Vec<_> = items.iter().map(start).collect();
        let result = |thread: Result<thread::ScopedJoinHandle<'_, R>, &T>| match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(item) => work(item),
        };
        started.into_iter().map(result).collect()
    })
}

/// Sorts the items, equal ones in their order.
pub fn sort_by<T: Send>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering + Sync + Send) {
    match &*POOL {
        Some(pool) if items.len() > FEW => pool.install(|| items.par_sort_by(compare)),
        _ => items.sort_by(compare),
    }
}

#[cfg(test)]
mod tests {
    use super::{map_on_own_threads, parallel_map, sort_by, thread_count};

    #[test]
    fn equal_items_stay_in_their_order() {
        for count in [0, 1, 10, 5000] {
            let items: Vec<(usize, usize)> = (0..count).map(|at| (at * 7919 % 101, at)).collect();
            let (mut sorted, mut expected) = (items.clone(), items);
            sort_by(&mut sorted, |left, right| left.0.cmp(&right.0));
            expected.sort_by_key(|item| item.0);
            assert_eq!(sorted, expected);
        }
    }

    #[test]
    fn results_keep_order_even_when_nested() {
        let twice = |items: &[usize]| parallel_map(items, |item| item * 2);
        assert_eq!(twice(&[]), Vec::<usize>::new());
        assert_eq!(twice(&[1]), [2]);
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(twice(&items), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        let nested = parallel_map(&[1, 2, 3], |item| twice(&[*item, 10 * item]));
        assert_eq!(nested, [[2, 20], [4, 40], [6, 60]]);
        assert!((1..=8).contains(&thread_count()));
    }

    #[test]
    fn own_threads_may_wait_for_each_other() {
        let barrier = std::sync::Barrier::new(20);
        let waited = map_on_own_threads(&(0..20).collect::<Vec<usize>>(), |item| {
            barrier.wait();
            parallel_map(&[1, 2], |factor| item * factor).iter().sum::<usize>()
        });
        assert_eq!(waited, (0..20).map(|item| item * 3).collect::<Vec<_>>());
        assert_eq!(map_on_own_threads(&[], |item: &usize| *item), Vec::<usize>::new());
    }
}
