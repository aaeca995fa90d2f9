//! What the module promises, on repositories that the `git` program makes.
