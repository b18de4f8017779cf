//! Records and rows of every system, in JSON, CSV and XML.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| firstline_fuzz::import_as_named(data));
