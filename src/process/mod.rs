//! Child programs: exactly the environment they are given, a working folder, limits, a time-out, caps on their
//! output, and the whole process group ended with them.

mod bounded_child;
mod confinement;
mod program;
mod run;

#[cfg(test)]
mod tests;

pub use bounded_child::{bounded_arguments, run_if_bounded};
pub use confinement::{Confinement, exec_if_confined};
pub use program::{Output, ProcessError, Program};
