//! `firstline search`: articles for a query.

use std::collections::BTreeSet;
use std::path::Path;

use super::args::SearchArgs;
use super::{Exit, Output, output};
use crate::search::{SearchHit, Snippet};
use crate::{Audience, Engine, SearchQuery, Settings};

pub(super) fn run(
    folder: &Path,
    settings: Settings,
    args: &SearchArgs,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let engine = Engine::open_reading(folder, settings)?;
    let limit = usize::from(args.limit);
    let query = SearchQuery {
        limit,
        ..SearchQuery::text(args.words.join(" "))
    };
    let audience = Audience::of(args.role, &BTreeSet::new());
    let answer = engine.search(&query, &audience)?;
    let exit = Exit::of_found(!answer.hits.is_empty());
    if output.is_json {
        output.json(&answer)?;
        return Ok(exit);
    }
    for (index, hit) in answer.hits.iter().enumerate() {
        print_hit(index + 1, hit, output)?;
    }
    let bound = if answer.total_is_lower_bound {
        "at least "
    } else {
        ""
    };
    output.line(&format!(
        "{bound}{} articles in {} us",
        answer.total, answer.took_us
    ))?;
    output::warnings(&answer.remarks());
    output::warnings(&answer.warnings);
    Ok(exit)
}

/// One article with its passage.
pub(super) fn print_hit(rank: usize, hit: &SearchHit, output: &mut Output) -> anyhow::Result<()> {
    let title = output.bold(&hit.title);
    let category = hit.category.as_deref().unwrap_or("-");
    output.line(&format!(
        "{rank:2}. {title}  [{}, {category}, {:.2}]",
        hit.id, hit.score
    ))?;
    output.line(&format!(
        "    {}",
        marked(&hit.snippet).replace('\n', "\n    ")
    ))
}

/// The passage with what matched between stars.
fn marked(snippet: &Snippet) -> String {
    let mut text = String::with_capacity(snippet.text.len() + 8);
    for (index, c) in snippet.text.chars().enumerate() {
        if snippet
            .highlights
            .iter()
            .any(|mark| mark.start == index || mark.end == index)
        {
            text.push('*');
        }
        text.push(c);
    }
    let n_chars = snippet.text.chars().count();
    if snippet.highlights.iter().any(|mark| mark.end == n_chars) {
        text.push('*');
    }
    text
}
