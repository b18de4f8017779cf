//! Markdown, HTML, pages of Confluence's HTML export.

#![no_main]

use firstline::import::System;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| firstline_fuzz::import(Some(System::Markdown), data));
