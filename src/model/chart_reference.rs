//! A chart that is kept in a registry or a Helm repository.

/// A chart that is kept elsewhere: what a HelmRelease, an OCIRepository or an Application names. Its texts are a
/// repository's or a cluster's, so nothing of them is believed before it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChartReference {
    /// Where it is kept.
    pub repository: ChartRepository,
    /// Its name there; of a registry the rest of the path, `charts/web`.
    pub name: String,
    /// An exact version, or a range as Helm reads it (`>=1.2 <2`, `1.x`); empty: the newest that is no pre-release.
    pub version: String,
    /// What its content must be, where that is known: the controller reports it.
    pub digest: Option<ChartDigest>,
}

/// Where charts are kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChartRepository {
    /// A registry: `oci://HOST/PATH`.
    Oci {
        /// The address, without the chart's name.
        url: String,
        /// Whether it is to be asked without TLS (`insecure: true` of Flux). The caller must allow that, unless the host
        /// is this machine.
        plain_http: bool,
    },
    /// A folder of a web server with an `index.yaml`.
    Helm {
        /// The address, `http` or `https`.
        url: String,
    },
}

/// The SHA-256 of a chart, in 64 hexadecimal digits, with or without `sha256:`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChartDigest {
    /// Of its manifest in a registry: `status.artifact.revision` of an OCIRepository, `ociDigest` in `status.history` of
    /// a HelmRelease.
    Manifest(String),
    /// Of its archive: `status.artifact.digest` of a HelmChart that merges no values files, `digest` of an index.
    Archive(String),
}
