//! The `drift` program: see the library's `cli`.

/// Reading and comparing is many small pieces of memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    drift::cli::main()
}
