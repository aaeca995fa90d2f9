//! `drift run` on GitHub, from a change made by hand to the commit that ends it: the binary, a real Git remote, and a
//! stand-in for GitHub that GitHub's own description of its API judges.

mod ending;
mod faults;
mod hub;
mod interrupted;
mod token;
