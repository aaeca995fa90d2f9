//! Values that are computed on first access.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// A value that is present, or computed on first access.
///
/// Most of what Git declares is looked at once, and a tree of all of it would be most of the memory of a run.
pub struct Lazy<T> {
    value: OnceLock<T>,
    compute_value: Option<Arc<dyn Fn() -> T + Send + Sync>>,
}

impl<T> Lazy<T> {
    /// A value that `make` makes, the same each time.
    pub fn new(make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        Self { value: OnceLock::new(), compute_value: Some(Arc::new(make)) }
    }

    /// A partial value that is used until it is discarded; `make` computes the full one.
    pub fn with_preview(value: T, make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        Self { value: OnceLock::from(value), ..Self::new(make) }
    }

    /// Drops a value or preview that can be computed again.
    pub fn discard(&mut self) {
        if self.compute_value.is_some() {
            self.value.take();
        }
    }
}

impl<T: Clone> Lazy<T> {
    /// An owned value; does not cache it.
    #[must_use]
    pub fn compute(&self) -> T {
        match (self.value.get(), &self.compute_value) {
            (None, Some(make)) => make(),
            _ => T::clone(self),
        }
    }
}

impl<T> Deref for Lazy<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.get_or_init(|| {
            let make = self.compute_value.as_ref().expect("what cannot be made is there from the start");
            make()
        })
    }
}

impl<T> From<T> for Lazy<T> {
    fn from(value: T) -> Self {
        Self { value: OnceLock::from(value), compute_value: None }
    }
}

impl<T: Default> Default for Lazy<T> {
    fn default() -> Self {
        T::default().into()
    }
}

impl<T: Clone> Clone for Lazy<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), compute_value: self.compute_value.clone() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Lazy<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Lazy;

    #[test]
    fn value_computed_on_demand_and_after_discard() {
        let times = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&times);
        let mut later = Lazy::with_preview(9, move || count.fetch_add(1, Ordering::Relaxed));
        assert_eq!((*later, later.compute(), times.load(Ordering::Relaxed)), (9, 9, 0));
        later.discard();
        assert_eq!((*later, *later), (0, 0));
        assert_eq!(later.compute(), 0, "what is there is copied");
        later.discard();
        assert_eq!((later.compute(), later.compute(), *later), (1, 2, 3), "only a look keeps it");
        let mut there = Lazy::from(7);
        there.discard();
        assert_eq!((*there, there.compute()), (7, 7), "what cannot be made again stays");
    }
}
