//! The `drift` program: see the library's `cli`.

fn main() -> std::process::ExitCode {
    drift::cli::main()
}
