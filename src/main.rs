//! The `firstline` program: parses the command line, runs the command, prints what went wrong.

use std::process::ExitCode;

fn main() -> ExitCode {
    firstline::cli::main()
}
