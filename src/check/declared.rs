//! What Git declares, of a check.

use std::collections::BTreeSet;

use super::duplicates::note_duplicates;
use super::schemas::Schemas;
use crate::model::{Desired, ObjectKey, is_secret};
use crate::source::RenderOutput;

/// What Git declares, of a check.
pub(super) struct Declared {
    pub(super) rendered: RenderOutput,
    /// How many sources or parts of them could not be rendered.
    pub(super) unrendered: usize,
    /// The keys of Secrets that are left out.
    pub(super) skipped: BTreeSet<ObjectKey>,
}

impl Declared {
    /// Names objects that are declared twice, once it is known what is the same.
    pub(super) fn note_duplicates(&mut self, schemas: &Schemas) {
        let duplicates = std::mem::take(&mut self.rendered.duplicates);
        let incomplete = note_duplicates(&mut self.rendered.objects, duplicates, schemas);
        self.rendered.incomplete.extend(incomplete);
    }
}

/// Takes the Secrets out, and gives their keys.
pub(super) fn take_secrets(rendered: &mut RenderOutput) -> BTreeSet<ObjectKey> {
    let (secrets, others): (Vec<Desired>, Vec<Desired>) =
        std::mem::take(&mut rendered.objects).into_iter().partition(|object| is_secret(&object.id));
    rendered.objects = others;
    secrets.into_iter().map(|object| object.id.key()).collect()
}
