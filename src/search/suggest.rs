//! What somebody may be about to type: articles whose titles go on from there.

use super::BUDGET;
use super::expand::Expander;
use super::synonyms::Synonyms;
use crate::index::{
    Error, FieldWeight, Filters, Form, QueryTerm, QueryTerms, Ranking, Scored, TextField, View,
    Weighting, rank,
};

/// How the words of a beginning are weighted; only titles are searched.
const WEIGHTING: Weighting = Weighting {
    title_weight: 1.0,
    k3: 1.0,
    idf_power: 1.0,
    max_terms: 20,
    first_line_weight: 2.0,
    b: 0.75,
};

/// Endings of the last word at most.
const MAX_ENDINGS: usize = 8;

/// A beginning of fewer letters is not completed.
const MIN_LETTERS: usize = 2;

/// In a shorter beginning no slip is forgiven.
const MIN_FORGIVEN_LETTERS: usize = 4;

/// What an ending counts beside 1 for the word as it is.
const ENDING: f32 = 0.8;

/// The articles whose titles have the words of `text`, the last of which may be unfinished; those
/// that have all of them first.
///
/// # Errors
/// An error of the file system.
pub fn suggest(view: &View, text: &str, limit: usize) -> Result<Vec<Scored>, Error> {
    let mut terms = QueryTerms::read(view, text)?;
    let mut expander = Expander {
        view,
        text,
        synonyms: &Synonyms::default(),
        expansions: Vec::new(),
    };
    complete(view, text, &mut terms)?;
    expander.spell(&mut terms)?;
    terms.weigh(view, WEIGHTING);
    let clauses = terms.clauses();
    if clauses.is_empty() {
        return Ok(Vec::new());
    }
    let fields = [FieldWeight {
        field: TextField::Title,
        weight: 1.0,
        b: 0.75,
        max_clauses: usize::MAX,
    }];
    // Who has the only word has all of them.
    let all = if clauses.len() > 1 { &*clauses } else { &[] };
    let mut ranking = Ranking {
        clauses: &clauses,
        required: all,
        excluded: &[],
        constrained: TextField::Title,
        fields: &fields,
        filters: &Filters::default(),
        limit,
        count_to: 0,
        facets: &[],
        budget: BUDGET,
    };
    let mut scored = rank(view, &ranking)?.scored;
    if scored.len() < limit && !all.is_empty() {
        ranking.required = &[];
        let rest = rank(view, &ranking)?.scored;
        let is_new = |other: &Scored| scored.iter().all(|known| known.seq != other.seq);
        let rest: Vec<Scored> = rest.into_iter().filter(is_new).collect();
        scored.extend(rest);
        scored.truncate(limit);
    }
    Ok(scored)
}

/// Lets titles have the last word with any ending, unless it is followed by a space. A slip of the
/// finger in it is forgiven when nothing begins with it as it is.
fn complete(view: &View, text: &str, terms: &mut QueryTerms) -> Result<(), Error> {
    let start = text
        .char_indices()
        .rev()
        .take_while(|(_, c)| c.is_alphanumeric())
        .last()
        .map_or(text.len(), |(at, _)| at);
    let typed = text.get(start..).unwrap_or_default().to_lowercase();
    let n_letters = typed.chars().count();
    if n_letters < MIN_LETTERS {
        return Ok(());
    }
    // What is a stop word so far may become another word.
    let is_last = |term: &QueryTerm| term.range.end == text.len();
    let place = terms.terms.iter().position(is_last).unwrap_or_else(|| {
        terms.terms.push(QueryTerm::new(&typed, start..text.len()));
        terms.terms.len() - 1
    });
    let mut endings = view.completions(TextField::Title, &typed, MAX_ENDINGS)?;
    if endings.is_empty() && n_letters >= MIN_FORGIVEN_LETTERS {
        endings = view.likely_completions(TextField::Title, &typed, MAX_ENDINGS)?;
    }
    if let Some(last) = terms.terms.get_mut(place) {
        for known in endings {
            if known.term != last.term {
                last.add_form(Form::term(known.term, ENDING), known.doc_freq);
            }
        }
    }
    Ok(())
}
