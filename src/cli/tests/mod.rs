//! What holds for every command.

mod secret_leak;
