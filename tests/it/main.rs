//! Tests of `drift` on real programs: one binary, so that the control plane and the forge start once.
//!
//! What it takes to run them is in `tests/parts/bring`; how to leave some out, in CONTRIBUTING.md.

mod action;
mod audit;
mod cache;
mod cluster;
mod command_line;
mod commands;
mod config_schema;
mod confined;
mod declared;
mod deploy;
mod docs;
mod embedded;
mod encrypted;
mod examples;
mod explain;
mod forge;
mod forgotten;
mod git;
mod github;
mod history;
mod hunt;
mod input;
mod kinds;
mod layers;
mod leftovers;
mod limits;
mod matrix;
mod missing;
mod missing_parts;
mod mistakes;
mod ordinary;
mod refused_entries;
mod releases;
mod report_schema;
mod reported;
mod reports;
mod run;
mod source;
mod support;
mod support_works;
mod unmanaged;
mod verdicts;
mod verify;
mod writers;
