//! Progress bars, on a terminal only.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar for `total` bytes; hidden when nobody looks.
pub(super) fn bytes(total: u64) -> ProgressBar {
    bar(total, "{wide_bar} {bytes}/{total_bytes} {eta} {msg}")
}

/// A bar for `total` things; hidden when nobody looks.
pub(super) fn count(total: u64) -> ProgressBar {
    bar(total, "{wide_bar} {pos}/{len} {eta} {msg}")
}

/// How many bytes have come of a stream that does not say its length; hidden when nobody looks.
pub(super) fn stream() -> ProgressBar {
    let bar = bar(0, "{spinner} {bytes} {bytes_per_sec}");
    bar.unset_length();
    bar
}

fn bar(total: u64, template: &str) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
