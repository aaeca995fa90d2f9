//! Branches of this repository set without a remote.

use std::time::Duration;

use git2::ErrorCode;

use super::push::{intended_refs, stale_error};
use super::ref_lock::{RefLock, lock_file};
use super::{CommitId, GitError, PushError, PushReport, RefUpdate, Repository};

/// How long a branch that is locked is waited for: a writer needs milliseconds.
const LOCK_PAUSES: [Duration; 8] = {
    let ms = Duration::from_millis;
    [ms(5), ms(10), ms(20), ms(40), ms(80), ms(160), ms(320), ms(640)]
};

/// No program holds a branch for so long.
const ABANDONED: Duration = Duration::from_secs(60);

impl Repository {
    /// Sets branches of this repository: all are locked, compared with what is expected, and then written.
    ///
    /// A kill between two writes leaves the first ones written. Each was meant, and none was written without its
    /// check, so the next run derives the rest again; give what others refer to first (a proposal before the
    /// ledger line that names it). A kill while the locks are held leaves `<branch>.lock` files, as Git does:
    /// the next run removes those of drift ([`RefLock`]), and those of other programs when they are a minute old.
    ///
    /// Not by `git update-ref --stdin`: whether a branch is locked or has moved is told by its messages alone, where
    /// libgit2 has codes, and killed while it holds locks it leaves the same files.
    pub(super) fn update_local_refs(&self, updates: &[RefUpdate]) -> Result<PushReport, PushError> {
        let mut open = Vec::new();
        for update in updates {
            let found = self.reference(&full_ref_name(&update.branch))?;
            if found == update.new {
                continue;
            }
            if found != update.expected {
                return Err(stale_error(update, found.as_ref()));
            }
            self.refuse_checked_out(&update.branch)?;
            open.push(update);
        }
        if !open.is_empty() {
            self.write(&open)?;
        }
        Ok(PushReport { branches: intended_refs(updates), up_to_date: open.is_empty() })
    }

    fn write(&self, updates: &[&RefUpdate]) -> Result<(), PushError> {
        let fail = |e: git2::Error| self.wrap_error("set the branches", &e);
        let names: Vec<String> = updates.iter().map(|u| full_ref_name(&u.branch)).collect();
        let _turn = RefLock::acquire(self, &names)?;
        let mut transaction = self.inner.transaction().map_err(fail)?;
        for (update, name) in updates.iter().zip(&names) {
            self.lock(&mut transaction, name)?;
            let found = self.reference(name)?;
            if found != update.expected {
                return Err(stale_error(update, found.as_ref()));
            }
            match &update.new {
                Some(new) => transaction.set_target(name, self.commit_oid(new)?, None, "drift"),
                None => transaction.remove(name),
            }
            .map_err(fail)?;
        }
        transaction.commit().map_err(|e| fail(e).into())
    }

    /// Locks a branch; another program that writes it at this moment is waited for.
    fn lock(&self, transaction: &mut git2::Transaction<'_>, name: &str) -> Result<(), GitError> {
        for pause in LOCK_PAUSES {
            match transaction.lock_ref(name) {
                Err(error) if error.code() == ErrorCode::Locked => std::thread::sleep(pause),
                other => return other.map_err(|e| self.not_locked(name, &e)),
            }
        }
        if let Some(lock) = self.stale_lock(name) {
            // Gone already, or not ours to remove: locking tells.
            let _ = std::fs::remove_file(lock);
        }
        transaction.lock_ref(name).map_err(|e| self.not_locked(name, &e))
    }

    /// The lock file of a branch, if it is so old that its program must have been killed. Its age is told by a new file
    /// beside it: clocks of file systems and programs differ.
    fn stale_lock(&self, name: &str) -> Option<std::path::PathBuf> {
        let lock = lock_file(self.inner.commondir(), name);
        let made = std::fs::metadata(&lock).ok()?.modified().ok()?;
        let now = tempfile::tempfile_in(self.inner.commondir()).ok()?.metadata().ok()?.modified().ok()?;
        (now.duration_since(made).ok()? > ABANDONED).then_some(lock)
    }

    /// A branch must not point to what is not there.
    fn commit_oid(&self, id: &CommitId) -> Result<git2::Oid, GitError> {
        self.find_commit(id.oid()).map(|c| c.id())
    }

    fn not_locked(&self, name: &str, error: &git2::Error) -> GitError {
        if error.code() != ErrorCode::Locked {
            return self.wrap_error("lock a branch", error);
        }
        let lock = lock_file(self.inner.commondir(), name);
        let why = format!(
            "{} exists: another program writes this branch, or was killed; remove it then",
            lock.display()
        );
        GitError::Failed { doing: "lock a branch".to_owned(), path: self.path().to_owned(), why }
    }

    /// A branch that a work tree has checked out is not moved under it. A bare repository has no work tree.
    fn refuse_checked_out(&self, branch: &str) -> Result<(), PushError> {
        let checked_out = |path: &std::path::Path| {
            Err(PushError::CheckedOut { branch: branch.to_owned(), path: path.to_owned() })
        };
        if let Some(root) = self.main_root()
            && self.head_of(self.inner.commondir()) == Some(branch.to_owned())
        {
            return checked_out(&root);
        }
        let names = self.inner.worktrees().map_err(|e| self.wrap_error("list the work trees", &e))?;
        for name in names.iter().filter_map(Result::ok).flatten() {
            let folder = self.inner.commondir().join("worktrees").join(name);
            if self.head_of(&folder) == Some(branch.to_owned()) {
                let place = self.inner.find_worktree(name).map(|w| w.path().to_owned());
                return checked_out(&place.unwrap_or(folder));
            }
        }
        Ok(())
    }

    /// The main work tree, also when this is a linked one.
    fn main_root(&self) -> Option<std::path::PathBuf> {
        let common = self.inner.commondir();
        match self.root() {
            Some(root) if !self.inner.is_worktree() => Some(root.to_owned()),
            _ if common.file_name().is_some_and(|n| n == ".git") => {
                common.parent().map(std::path::Path::to_owned)
            }
            _ => None,
        }
    }

    fn head_of(&self, folder: &std::path::Path) -> Option<String> {
        let head = std::fs::read_to_string(folder.join("HEAD")).ok()?;
        head.trim_end().strip_prefix("ref: refs/heads/").map(str::to_owned)
    }
}

fn full_ref_name(branch: &str) -> String {
    format!("refs/heads/{branch}")
}
