//! The tests through the outside: the built program, a real server over a real socket, real files.
//!
//! Tests that use public data sets run when `../shared/data` is there, and say so when it is not.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop; tests own their clock and say what they skip"
)]

mod access;
mod api;
mod architecture;
mod bad_input;
mod cli;
mod corpus;
mod corrections;
mod crash;
mod damage;
mod decisions;
mod disk_full;
mod faults;
mod feedback;
mod hidden;
mod learning;
mod overload;
mod problems;
mod readme;
mod real_data;
mod rules;
mod search;
mod similar;
mod support;
mod systems;
mod upkeep;
