//! `firstline similar`: past tickets that were the same trouble.

use std::path::Path;

use anyhow::bail;

use super::args::{SimilarArgs, WantedArg};
use super::{Exit, Output, output, ticket};
use crate::index::{FacetField, Filters, YES};
use crate::model::Time;
use crate::similar::{Explanation, SimilarAnswer, SimilarHit};
use crate::{Audience, Engine, Settings, SimilarQuery, TicketId, TicketText};

pub(super) fn run(
    folder: &Path,
    settings: Settings,
    args: &SimilarArgs,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let min_similarity = args.min_similarity;
    if min_similarity.is_some_and(|floor| !(0.0..=1.0).contains(&floor)) {
        bail!("--min-similarity is a number from 0 to 1");
    }
    let engine = Engine::open_reading(folder, settings)?;
    let query = |text| SimilarQuery {
        limit: usize::from(args.limit),
        min_similarity,
        filters: filters(args),
        wants_tickets: args.kind != WantedArg::Article,
        wants_articles: args.kind != WantedArg::Ticket,
        explain: args.explain,
        ..SimilarQuery::text(text)
    };
    let answer = match &args.id {
        Some(id) => {
            let id = TicketId::new(id)?;
            engine.similar_to(&id, query(TicketText::default()), &Audience::Everything)?
        }
        None => engine.similar(&query(ticket::read(&args.ticket)?), &Audience::Everything)?,
    };
    let exit = Exit::of_found(!answer.hits.is_empty() || !answer.articles.is_empty());
    if output.is_json {
        output.json(&answer)?;
    } else {
        print(&answer, output)?;
    }
    Ok(exit)
}

fn filters(args: &SimilarArgs) -> Filters {
    let mut filters = Filters::default();
    filters.require(FacetField::Category, &args.category);
    filters.require(FacetField::Queue, &args.queue);
    filters.require(FacetField::Product, &args.product);
    filters.require(FacetField::Status, &args.status);
    if args.only_resolved {
        filters.require(FacetField::Resolved, &[YES.to_owned()]);
    }
    if args.created_from.is_some() || args.created_before.is_some() {
        let seconds = |time: Option<Time>, open| time.map_or(open, Time::unix_seconds);
        filters.require_created(
            seconds(args.created_from, i64::MIN)..seconds(args.created_before, i64::MAX),
        );
    }
    filters
}

fn print(answer: &SimilarAnswer, output: &mut Output) -> anyhow::Result<()> {
    for hit in &answer.hits {
        print_hit(hit, output)?;
        if let Some(explanation) = &hit.explanation {
            print_explanation(explanation, output)?;
        }
    }
    for article in &answer.articles {
        let title = output.bold(&article.title);
        output.line(&format!(
            "{:.2} {title}  [{}]",
            article.similarity, article.id
        ))?;
        if let Some(passage) = &article.passage {
            output.line(&format!("     {passage}"))?;
        }
        if let Some(explanation) = &article.explanation {
            print_explanation(explanation, output)?;
        }
    }
    if answer.resolutions.len() < answer.hits.len() {
        for fix in answer.resolutions.iter().filter(|fix| fix.n_tickets > 1) {
            output.line(&format!(
                "resolved {}: {}",
                fix.n_tickets,
                fix.tickets.join(", ")
            ))?;
        }
    }
    for duplicate in &answer.duplicates {
        output.line(&format!(
            "duplicate? {:.2} {}  [{}]",
            duplicate.similarity, duplicate.subject, duplicate.id
        ))?;
    }
    let articles = match answer.articles.len() {
        0 => String::new(),
        n => format!(", {n} articles"),
    };
    output.line(&format!(
        "{} similar tickets{articles} in {} us",
        answer.total, answer.took_us
    ))?;
    output::warnings(&answer.warnings);
    Ok(())
}

fn print_explanation(explanation: &Explanation, output: &mut Output) -> anyhow::Result<()> {
    for term in &explanation.terms {
        output.line(&format!(
            "     {:>8.3}  {} ({}: {} of {} words, weight {:.3})",
            term.score, term.term, term.field, term.occurrences, term.length, term.weight
        ))?;
    }
    let lift = explanation.lift;
    output.line(&format!(
        "     {:>8.3}  words, of {:.3}; x {:.3} = 1 + category {:.3} + queue {:.3} + time {:.3}",
        explanation.words,
        explanation.self_score,
        lift.factor(),
        lift.category,
        lift.queue,
        lift.recency
    ))
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
