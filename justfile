# The commands of CONTRIBUTING.md under short names. `just --list` shows them.

# Compile everything, tests and benches too.
check:
    cargo check --all-targets

# Unit tests: needs nothing but Rust.
test-lib:
    cargo test --lib

# All tests, on real programs: `just test`, or an area of them: `just test matrix::`.
test *filter:
    cargo test {{ if filter == "" { "" } else { "--test it -- " + filter } }}

# What a change must pass: `just gate`, or single steps of it: `just gate fmt clippy`.
gate *steps:
    .ci/run {{ steps }}

# The whole loop on embedded data.
demo:
    cargo run -- demo
