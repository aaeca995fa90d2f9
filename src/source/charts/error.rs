//! Why a chart cannot be had, and what to do.

use super::archive::ArchiveError;

/// Why a chart cannot be had: which, from where, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("chart {chart} of {repository} {fault}")]
pub struct ChartError {
    /// Its name and the version that was asked for.
    pub chart: String,
    /// The repository's address, without credentials.
    pub repository: String,
    /// What is wrong.
    pub fault: ChartFault,
}

/// What is wrong with a chart, its repository or the way there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChartFault {
    /// Nobody allowed to ask this host.
    #[error("is not fetched, for that is not allowed: allow it with --fetch-charts={allow}")]
    NotAllowed {
        /// The hosts to allow.
        allow: String,
    },
    /// Its repository says that the archive is on a host that nobody allowed to ask.
    #[error("is not fetched, for its archive is on {host}: allow that too, with --fetch-charts={allow}")]
    ArchiveElsewhere {
        /// The other host.
        host: String,
        /// The hosts to allow.
        allow: String,
    },
    /// It is to be fetched without TLS.
    #[error(
        "is not fetched without encryption (`insecure`): allow that for this host with --fetch-charts={allow}"
    )]
    PlainHttp {
        /// The hosts to allow.
        allow: String,
    },
    /// The repository's address.
    #[error("is not fetched: the address of the repository must be http://, https:// or oci:// and a host")]
    Address,
    /// The repository's address has a user or a password.
    #[error(
        "is not fetched: the address has credentials, which are not used: take them out, and log in with `helm repo add \
         --username` or `helm registry login`"
    )]
    Credentials,
    /// The chart's name.
    #[error("is not fetched: this cannot be the name of a chart")]
    Name,
    /// The chart's version.
    #[error("is not fetched: its version must be a version or a range, such as 1.2.3 or >=1.2 <2")]
    Version,
    /// The digest that it should have.
    #[error("is not fetched: the digest that it should have is not the SHA-256 of such a chart")]
    Digest,
    /// Helm is missing or too old.
    #[error("is not fetched: {0}")]
    Helm(String),
    /// The repository does not have it.
    #[error(
        "was not found there: it may have been removed; use a version that is there, or keep a copy in the repository"
    )]
    NotFound,
    /// The repository wants to know who asks.
    #[error("is not given without a login, or not to this user: {login}")]
    Login {
        /// The command that logs in, in backticks.
        login: String,
    },
    /// Its content is not what it should be.
    #[error(
        "has the digest sha256:{found}, and sha256:{expected} is expected: it was replaced; find out by whom before you \
         use it"
    )]
    DigestDiffers {
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The host cannot be reached.
    #[error("cannot be fetched: {0}")]
    Unreachable(Unreachable),
    /// More than helm may read or write.
    #[error("is not fetched: it, or the index of its repository, is larger than {} MiB", super::DOWNLOAD_CAP / 1024 / 1024)]
    TooLarge,
    /// It took too long.
    #[error("cannot be fetched: it took longer than {} s; try again", super::TIME_LIMIT.as_secs())]
    TimedOut,
    /// The repository's index.
    #[error("cannot be fetched: the index of its repository is not an index of charts")]
    Index,
    /// What came is no chart that may be unpacked.
    #[error("cannot be used: {0}")]
    Archive(ArchiveError),
    /// No file or folder of drift's own could be made.
    #[error("cannot be fetched: {0}")]
    Io(String),
    /// Something else, which helm says.
    #[error("cannot be fetched: helm failed; run {command} to see why")]
    Other {
        /// The command that does the same, in backticks.
        command: String,
    },
}

/// Why a host does not answer as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// The name is not known.
    #[error("there is no host of this name; correct the address, or see whether DNS works here")]
    NoSuchHost,
    /// Nobody listens there, or nothing leads there.
    #[error("the host refuses the connection, or cannot be reached from here")]
    Refused,
    /// It does not answer in time.
    #[error("the host does not answer in time; try again")]
    TimedOut,
    /// Its certificate is not trusted.
    #[error(
        "the certificate of the host is not trusted; see to it that its authority is known to this system"
    )]
    Certificate,
    /// It does not speak TLS.
    #[error("the host answers without TLS; a registry without TLS is marked `insecure: true`")]
    NoTls,
    /// It was asked too often.
    #[error("the host was asked too often; log in to it, or try again later")]
    TooOften,
    /// It has an error of its own.
    #[error("the host failed (5xx); try again later")]
    Failed,
}
