//! `firstline similar`: past tickets that were the same trouble.

use std::path::Path;

use anyhow::bail;

use super::args::SimilarArgs;
use super::{Exit, Output, output, ticket};
use crate::similar::SimilarHit;
use crate::{Audience, Engine, Settings, SimilarQuery, TicketId, TicketText};

pub(super) fn run(
    folder: &Path,
    settings: Settings,
    args: &SimilarArgs,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let min_similarity = args.min_similarity.unwrap_or(SimilarQuery::MIN_SIMILARITY);
    if !(0.0..=1.0).contains(&min_similarity) {
        bail!("--min-similarity is a number from 0 to 1");
    }
    let engine = Engine::open_reading(folder, settings)?;
    let query = |text| SimilarQuery {
        limit: usize::from(args.limit),
        min_similarity,
        ..SimilarQuery::text(text)
    };
    let answer = match &args.id {
        Some(id) => {
            let id = TicketId::new(id)?;
            engine.similar_to(&id, query(TicketText::default()), &Audience::Everything)?
        }
        None => engine.similar(&query(ticket::read(&args.ticket)?), &Audience::Everything)?,
    };
    let exit = Exit::of_found(!answer.hits.is_empty());
    if output.is_json {
        output.json(&answer)?;
        return Ok(exit);
    }
    for hit in &answer.hits {
        print_hit(hit, output)?;
    }
    output.line(&format!(
        "{} similar tickets in {} us",
        answer.total, answer.took_us
    ))?;
    output::warnings(&answer.warnings);
    Ok(exit)
}

/// One ticket with what resolved it.
pub(super) fn print_hit(hit: &SimilarHit, output: &mut Output) -> anyhow::Result<()> {
    let subject = output.bold(&hit.subject);
    let category = hit.category.as_deref().unwrap_or("-");
    output.line(&format!(
        "{:.2} {subject}  [{}, {category}]",
        hit.similarity, hit.id
    ))?;
    if let Some(resolution) = &hit.resolution {
        let more = if hit.resolution_is_cut { " ..." } else { "" };
        output.line(&format!(
            "     resolved: {}{more}",
            resolution.replace('\n', "\n     ")
        ))?;
    }
    let shared: Vec<&str> = hit
        .shared_terms
        .iter()
        .map(|shared| shared.term.as_str())
        .collect();
    output.line(&format!("     both: {}", shared.join(", ")))
}
