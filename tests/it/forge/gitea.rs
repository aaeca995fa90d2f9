//! Proposals on a real Gitea.
