//! Exit codes.

/// 2: usage or configuration, nothing was read.
pub(super) const USAGE: u8 = 2;

/// 3: something could not be read or done.
pub(super) const INCOMPLETE: u8 = 3;
