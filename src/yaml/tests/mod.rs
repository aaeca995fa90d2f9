mod reading;
mod editing;
