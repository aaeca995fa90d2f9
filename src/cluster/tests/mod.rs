//! The cluster module against a server on loopback that misbehaves in every way we know of.

mod connect;
mod discovery;
mod dry_run;
mod lists;
mod mock;
mod openapi;
mod snapshot;
