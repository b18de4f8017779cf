//! Confluence's space export.

#![no_main]

use firstline::import::System;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| firstline_fuzz::import(Some(System::Confluence), data));
