//! Rules of Kubernetes, each with its source.

mod list_types;
mod quantities;
