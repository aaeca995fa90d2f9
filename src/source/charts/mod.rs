//! Charts that a registry or a Helm repository keeps, brought to this machine where the person who runs drift allows it.
//!
//! The real helm does the fetching, with that person's own logins; what comes is verified by its digest, unpacked within
//! bounds, and never run.

mod archive;
mod cache;
mod credentials;
mod error;
mod fetcher;
mod helm_program;
mod index;
mod policy;
mod reference;

use std::time::Duration;

pub use archive::ArchiveError;
pub(super) use cache::sha256_hex;
pub use error::{ChartError, ChartFault, Unreachable};
pub use fetcher::{ChartFetcher, FetchedChart};
pub(super) use helm_program::Helm;
pub use policy::{AllowedHost, AllowedHosts, NoHost};

/// The most bytes of one index or archive that helm may write.
const DOWNLOAD_CAP: u64 = 64 * 1024 * 1024;
/// How long one call of helm may take.
const TIME_LIMIT: Duration = Duration::from_secs(120);
