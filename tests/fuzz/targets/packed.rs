//! Archives, Word documents, workbooks, gzip.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| firstline_fuzz::import(None, data));
