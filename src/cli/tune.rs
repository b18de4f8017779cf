//! `firstline tune`: better settings of similar tickets from a desk's own judgments.

use std::path::Path;

use super::args::TuneArgs;
use super::eval::Desk;
use super::{Exit, Output};
use crate::eval::{self, JudgedSet, Tuning};
use crate::model::Kind;
use crate::{Settings, config};

pub(super) fn run(
    folder: &Path,
    settings: Settings,
    args: &TuneArgs,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let mut set = JudgedSet::read_similar(&args.set, None)?;
    let start = settings.similar;
    let desk = Desk::open(folder, settings, &args.set, &mut set, Kind::Ticket)?;
    let tuning = eval::tune(&desk.engine, &set, &start, args.past_only)?;
    if output.is_json {
        output.json(&tuning)?;
    } else {
        print(&tuning, output)?;
    }
    if args.write && tuning.gains {
        let added = config::add_similar(folder, &tuning.settings)?;
        if !output.is_json {
            output.line(&format!(
                "added to {}:",
                folder.join(config::FILE_NAME).display()
            ))?;
            output.line(added.trim_end())?;
        }
    }
    Ok(Exit::of_found(tuning.gains))
}

fn print(tuning: &Tuning, output: &mut Output) -> anyhow::Result<()> {
    let (learned, checked) = (tuning.learned, tuning.checked);
    output.line(&format!(
        "learned from {:>5} queries: nDCG@10 {:.2} -> {:.2} in {} trials",
        tuning.learned_from, learned.before, learned.after, tuning.n_trials
    ))?;
    output.line(&format!(
        "held out     {:>5} queries: nDCG@10 {:.2} -> {:.2}, standard error of the gain {:.2}",
        tuning.held_out, checked.before, checked.after, tuning.standard_error
    ))?;
    let verdict = if tuning.gains {
        "the settings gain on queries that they were not learned from:"
    } else {
        "no gain on queries that they were not learned from; nothing is written"
    };
    output.line(verdict)?;
    if tuning.gains {
        output.line(config::similar_section(&tuning.settings).trim_end())?;
    }
    Ok(())
}
