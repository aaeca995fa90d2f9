//! Values that are made when they are looked at.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// A value that is there, or that is made when it is first looked at.
///
/// Most of what Git declares is looked at once, and a tree of all of it would be most of the memory of a run.
pub struct Later<T> {
    made: OnceLock<T>,
    make: Option<Arc<dyn Fn() -> T + Send + Sync>>,
}

impl<T> Later<T> {
    /// A value that `make` makes, the same each time.
    pub fn new(make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        Self { made: OnceLock::new(), make: Some(Arc::new(make)) }
    }

    /// As much of a value as is needed until it is let go; `make` makes the whole.
    pub fn outlined(value: T, make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        Self { made: OnceLock::from(value), ..Self::new(make) }
    }

    /// Lets go of a value or an outline that can be made again.
    pub fn forget(&mut self) {
        if self.make.is_some() {
            self.made.take();
        }
    }
}

impl<T: Clone> Later<T> {
    /// A value of the caller's own; what was not looked at before is not kept.
    #[must_use]
    pub fn fresh(&self) -> T {
        match (self.made.get(), &self.make) {
            (None, Some(make)) => make(),
            _ => T::clone(self),
        }
    }
}

impl<T> Deref for Later<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.made.get_or_init(|| {
            let make = self.make.as_ref().expect("what cannot be made is there from the start");
            make()
        })
    }
}

impl<T> From<T> for Later<T> {
    fn from(value: T) -> Self {
        Self { made: OnceLock::from(value), make: None }
    }
}

impl<T: Default> Default for Later<T> {
    fn default() -> Self {
        T::default().into()
    }
}

impl<T: Clone> Clone for Later<T> {
    fn clone(&self) -> Self {
        Self { made: self.made.clone(), make: self.make.clone() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Later<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Later;

    #[test]
    fn a_value_is_made_when_it_is_looked_at_and_again_when_it_was_let_go() {
        let times = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&times);
        let mut later = Later::outlined(9, move || count.fetch_add(1, Ordering::Relaxed));
        assert_eq!((*later, later.fresh(), times.load(Ordering::Relaxed)), (9, 9, 0));
        later.forget();
        assert_eq!((*later, *later), (0, 0));
        assert_eq!(later.fresh(), 0, "what is there is copied");
        later.forget();
        assert_eq!((later.fresh(), later.fresh(), *later), (1, 2, 3), "only a look keeps it");
        let mut there = Later::from(7);
        there.forget();
        assert_eq!((*there, there.fresh()), (7, 7), "what cannot be made again stays");
    }
}
