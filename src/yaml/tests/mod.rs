mod batch_edit;
mod details;
mod editing;
mod edits;
mod fast_reader;
mod random;
mod reading;
