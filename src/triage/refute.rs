//! Whether conditions can hold together at all.
//!
//! The method is that of analytic tableaux: of a count every way to reach it is tried, and a way is
//! closed when the answers that it needs exclude each other. Conditions of which every way is closed
//! can never hold; with the negation of a second one this tells that it holds wherever they do.
//! That ways are closed is certain; that one is open is not: what cannot be told by the form of the
//! conditions, or not within the budget, counts as open.

use super::condition::{Field, Values, Window};
use super::form::{Atom, Form};
use super::matcher::{Pattern, PatternKind};
use crate::model::{Calendar, LocalTime, Weekday};

/// Answers that are compared before the question is left open: a few milliseconds.
const MAX_STEPS: usize = 100_000;

/// So many comparisons a look at all values or times is worth.
const LOOK_STEPS: usize = 200;

/// Spellings of a value that are tried before the question is left open: those of twelve letters.
const MAX_SPELLINGS: usize = 1 << 12;

/// The minutes of a day.
const MINUTES: u16 = 1_440;

/// Why these forms can never hold together, if that can be told. Without a calendar the desk may be
/// open at any time.
pub(super) fn refuted<'f>(
    forms: &[&'f Form<'f>],
    calendar: Option<&'f Calendar>,
) -> Option<String> {
    let goals = forms.iter().map(|form| (1, std::slice::from_ref(*form)));
    let mut search = Search {
        calendar,
        yes: Vec::new(),
        no: Vec::new(),
        steps_left: MAX_STEPS,
    };
    search.closed(goals.collect())
}

/// So many of these must hold.
type Goal<'f> = (usize, &'f [Form<'f>]);

struct Search<'f> {
    calendar: Option<&'f Calendar>,
    /// What is answered yes on the way that is being tried.
    yes: Vec<&'f Atom<'f>>,
    /// What is answered no.
    no: Vec<&'f Atom<'f>>,
    steps_left: usize,
}

impl<'f> Search<'f> {
    /// Why the goals cannot be reached beside what is taken, if that can be told.
    fn closed(&mut self, mut goals: Vec<Goal<'f>>) -> Option<String> {
        let mut choices: Vec<Goal<'f>> = Vec::new();
        while let Some((n, parts)) = goals.pop() {
            if n < parts.len() {
                if n > 0 {
                    choices.push((n, parts));
                }
                continue;
            }
            if n > parts.len() {
                return Some("too few of its conditions can hold together".to_owned());
            }
            for part in parts {
                match part {
                    Form::AtLeast(n, parts) => goals.push((*n, parts)),
                    Form::Is(atom, answer) => {
                        let answered = if *answer { &mut self.yes } else { &mut self.no };
                        answered.push(atom);
                        self.steps_left = self.steps_left.checked_sub(self.cost(atom, *answer))?;
                        if let Some(why) = self.clash(atom, *answer) {
                            return Some(why);
                        }
                    }
                }
            }
        }
        let by_size = choices.iter().enumerate();
        let (smallest, _) = by_size.min_by_key(|(_, (_, parts))| parts.len())?;
        let choice = choices.swap_remove(smallest);
        self.all_closed(choice, &choices)
    }

    /// Tries each part as the first that holds. Why the first way is closed, if all are.
    fn all_closed(&mut self, (n, parts): Goal<'f>, others: &[Goal<'f>]) -> Option<String> {
        let mut why = None;
        let mut rest = parts;
        while let Some((first, later)) = rest.split_first().filter(|_| rest.len() >= n) {
            self.steps_left = self.steps_left.checked_sub(1)?;
            let mut goals = others.to_vec();
            goals.push((1, std::slice::from_ref(first)));
            goals.push((n - 1, later));
            let (n_yes, n_no) = (self.yes.len(), self.no.len());
            let closed = self.closed(goals)?;
            self.yes.truncate(n_yes);
            self.no.truncate(n_no);
            why.get_or_insert(closed);
            rest = later;
        }
        why
    }

    /// What a look at the newest answer is worth.
    fn cost(&self, newest: &Atom<'_>, answer: bool) -> usize {
        match newest {
            Atom::Found(..) | Atom::Near(..) if answer => self.no.len(),
            Atom::Found(..) | Atom::Near(..) => self.yes.len(),
            Atom::Has(..) | Atom::Comes(_) => LOOK_STEPS,
        }
    }

    /// Why the newest answer cannot stand beside the others.
    fn clash(&self, newest: &Atom<'_>, answer: bool) -> Option<String> {
        match newest {
            Atom::Found(..) | Atom::Near(..) => {
                let is_excluded = match answer {
                    true => self.no.iter().any(|atom| entails(newest, atom)),
                    false => self.yes.iter().any(|atom| entails(atom, newest)),
                };
                is_excluded.then(|| "its exceptions hold wherever its conditions do".to_owned())
            }
            Atom::Has(field, _) => {
                let (wanted, unwanted) = (values(field, &self.yes), values(field, &self.no));
                let can_be = match field.is_list() {
                    // Each may be a value of its own.
                    true => wanted.iter().all(|one| has_value(&[*one], &unwanted)),
                    false => wanted.is_empty() || has_value(&wanted, &unwanted),
                };
                let field = Field::as_str(field);
                (!can_be).then(|| format!("no {field} is all that is asked of it"))
            }
            Atom::Comes(_) => {
                let can_be = has_time(&windows(&self.yes), &windows(&self.no), self.calendar);
                (!can_be).then(|| "by the calendar there is no such time".to_owned())
            }
        }
    }
}

/// The values that are asked of a field.
fn values<'f>(field: &Field, asked: &[&'f Atom<'f>]) -> Vec<&'f Values> {
    let values = asked.iter().filter_map(|atom| match atom {
        Atom::Has(of, values) if *of == field => Some(*values),
        Atom::Has(..) | Atom::Found(..) | Atom::Near(..) | Atom::Comes(_) => None,
    });
    values.collect()
}

/// The times that are asked for.
fn windows<'f>(asked: &[&'f Atom<'f>]) -> Vec<&'f Window> {
    let windows = asked.iter().filter_map(|atom| match atom {
        Atom::Comes(window) => Some(*window),
        Atom::Has(..) | Atom::Found(..) | Atom::Near(..) => None,
    });
    windows.collect()
}

/// Whether the answer to the one question is yes wherever that to the other is.
fn entails(a: &Atom<'_>, b: &Atom<'_>) -> bool {
    match (a, b) {
        (Atom::Found(a, a_field), Atom::Found(b, b_field)) => a_field == b_field && contains(a, b),
        (Atom::Near(a, a_field, a_within), Atom::Near(b, b_field, b_within)) => {
            a_field == b_field && a_within <= b_within && b.is_subset(a)
        }
        _ => false,
    }
}

/// Whether `b` is found wherever `a` is.
fn contains(a: &Pattern, b: &Pattern) -> bool {
    match (a.kind, b.kind) {
        (PatternKind::Phrase, PatternKind::Phrase) | (PatternKind::Stem, PatternKind::Stem) => {
            a.normal.contains(&b.normal)
        }
        (a_kind, b_kind) => a_kind == b_kind && a.normal == b.normal,
    }
}

/// Whether a value may be among all that is wanted, and among nothing that is not.
fn has_value(wanted: &[&Values], unwanted: &[&Values]) -> bool {
    let is_exact = |values: &Values| values.wild.is_empty() && values.regexes.is_empty();
    if let Some(exact) = wanted.iter().find(|values| is_exact(values)) {
        let mut values = exact.exact.iter();
        return values.any(|value| may_be(value, wanted, unwanted));
    }
    let is_excluded =
        |wanted: &&Values| unwanted.iter().any(|unwanted| is_within(wanted, unwanted));
    !wanted.iter().any(is_excluded)
}

/// Whether a value of which the lower case is known may be among these and not among those.
fn may_be(value: &str, wanted: &[&Values], unwanted: &[&Values]) -> bool {
    let fits = |spelling: &str| {
        wanted.iter().all(|values| values.take(spelling))
            && !unwanted.iter().any(|values| values.take(spelling))
    };
    let mut all = wanted.iter().chain(unwanted);
    if all.clone().all(|values| values.regexes.is_empty()) {
        // Only regexes tell cases apart.
        return !is_plain(value, all.any(|values| !values.wild.is_empty())) || fits(value);
    }
    match spellings(value) {
        Some(spellings) => spellings.iter().any(|spelling| fits(spelling)),
        None => true,
    }
}

/// Whether `*` reads a value as its lower case: outside ASCII a letter may become two.
fn is_plain(value: &str, is_wild: bool) -> bool {
    value.is_ascii() || !is_wild
}

/// All that becomes this in lower case; none when that is too much to try.
fn spellings(value: &str) -> Option<Vec<String>> {
    let mut spellings = vec![String::new()];
    for c in value.chars() {
        let cases: &[char] = match c {
            // The third is the sign of kelvin.
            'k' => &['k', 'K', '\u{212a}'],
            c if c.is_ascii_lowercase() => &[c, c.to_ascii_uppercase()],
            c if c.is_ascii() => &[c],
            _ => return None,
        };
        let longer = |spelling: &String| {
            cases
                .iter()
                .map(|case| format!("{spelling}{case}"))
                .collect()
        };
        spellings = spellings
            .iter()
            .flat_map::<Vec<String>, _>(longer)
            .collect();
        if spellings.len() > MAX_SPELLINGS {
            return None;
        }
    }
    Some(spellings)
}

/// Whether every value that `a` takes is taken by `b`.
fn is_within(a: &Values, b: &Values) -> bool {
    let has = |regexes: &[regex::Regex], wanted: &regex::Regex| {
        let mut regexes = regexes.iter();
        regexes.any(|regex| regex.as_str() == wanted.as_str())
    };
    a.exact.iter().all(|value| !may_be(value, &[], &[b]))
        && a.wild.iter().all(|regex| has(&b.wild, regex))
        && a.regexes.iter().all(|regex| has(&b.regexes, regex))
}

/// Whether a ticket may come when all these say, and none of those. One whose time is not known is
/// not when any says.
fn has_time(wanted: &[&Window], unwanted: &[&Window], calendar: Option<&Calendar>) -> bool {
    let fits = |local: LocalTime| {
        calendar.is_none_or(|calendar| calendar.may_show(local))
            && wanted.iter().all(|window| window.has(local))
            && !unwanted.iter().any(|window| window.has(local))
    };
    let at = |weekday: Weekday, minute: u16| {
        [true, false].into_iter().any(|is_open| {
            fits(LocalTime {
                weekday,
                minute,
                is_open,
            })
        })
    };
    let mut days = Weekday::ALL.into_iter();
    wanted.is_empty() || days.any(|day| (0..MINUTES).any(|minute| at(day, minute)))
}

#[cfg(test)]
mod tests;
