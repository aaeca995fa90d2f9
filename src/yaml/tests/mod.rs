mod details;
mod editing;
mod edits;
mod random;
mod reading;
mod simple;
mod together;
