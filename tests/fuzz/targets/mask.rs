//! Masking: whatever the text, it ends, and what is masked stays masked.

#![no_main]

use firstline::import::{MaskCounts, mask_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let once = mask_text(text, &mut MaskCounts::new());
    let twice = mask_text(&once, &mut MaskCounts::new());
    assert_eq!(once, twice);
});
