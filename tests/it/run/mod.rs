//! `drift run` from a change made by hand to the commit that ends it: on a real API server, with the repository itself or
//! a real Gitea as forge.

mod faults;
mod gitea;
mod killed;
mod local;
mod many;
mod place;
mod signed;
