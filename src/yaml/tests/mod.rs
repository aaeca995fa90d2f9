mod editing;
mod random;
mod reading;
