//! Rules of Kubernetes, each with its source.

mod defaults;
mod list_types;
mod quantities;
