//! The queue of a ticket: that of its categories, as likely as all of them together, where the desk
//! names the queues of categories.
//!
//! What the queue hangs on is what the categories hang on. The shares of many categories in a queue
//! are no sum of what reasons give, so the fewest are looked for among the likeliest category of every
//! queue, and then each that can be left out is left out.

use std::collections::BTreeMap;

use super::counterfactual::{Fewest, Ledger};
use super::decision::{Counterfactual, FieldValue};
use super::rules::Rules;
use super::weigh::{Cause, Part, Parts, Weighed};

/// A queue that follows the category, with what is known about both.
pub(super) struct Following<'q, 'a> {
    pub(super) rules: &'a Rules,
    pub(super) category: &'q Parts<'a>,
    /// What is known about the queue without the category.
    pub(super) own: &'q Parts<'a>,
}

impl Rules {
    /// The value that the taxonomy gives the queue of a category, and the name of the category.
    pub(super) fn queue_of(&self, category: &FieldValue) -> Option<(&FieldValue, &str)> {
        let FieldValue::Name(name) = category else {
            return None;
        };
        let (name, queue) = self.queues.get_key_value(name)?;
        let queues = self.values.of(super::FieldName::Queue);
        let is_it = |value: &FieldValue| matches!(value, FieldValue::Name(name) if name == queue);
        Some((queues.iter().find(|value| is_it(value))?, name))
    }
}

impl<'a> Following<'_, 'a> {
    /// What is known about the queue where the categories are as likely as this, the best first.
    pub(super) fn parts(&self, categories: &[Weighed<'a>]) -> Parts<'a> {
        of_categories(self.rules, (self.own, self.category), categories)
    }

    /// The queue without some reasons.
    pub(super) fn answer(&self, without: &[Cause<'a>]) -> Option<&'a FieldValue> {
        let (own, category) = (self.own.without(without), self.category.without(without));
        of_categories(self.rules, (&own, &category), &category.ranked()).answer()
    }

    /// What would have to be missing so that the queue is another one.
    pub(super) fn counterfactual(
        &self,
        best: &FieldValue,
        categories: &[Weighed<'a>],
    ) -> Option<Counterfactual> {
        let parts = self.parts(categories);
        let (without, value) = self.changed(best, parts.policies_for(best))?;
        let (without, value) = self.fewer(best, without, value);
        let ledgers = (&Ledger::new(self.category), &Ledger::new(&parts));
        let rival = value.and_then(|value| ledgers.1.at(value));
        let best = ledgers.1.at(best)?;
        let differences = self.differences(ledgers, (best, rival), categories);
        Some(Counterfactual {
            value: value.cloned(),
            lead: ledgers.1.lead(best, rival),
            without: self.category.removed(without, &differences),
        })
    }

    /// Adds to what is missing what is likely to do with the fewest, and looks again, until the queue
    /// is another one.
    fn changed(
        &self,
        best: &FieldValue,
        mut without: Vec<Cause<'a>>,
    ) -> Option<(Vec<Cause<'a>>, Option<&'a FieldValue>)> {
        loop {
            let (own, category) = (self.own.without(&without), self.category.without(&without));
            let left = Following {
                rules: self.rules,
                category: &category,
                own: &own,
            };
            let categories = category.ranked();
            let parts = left.parts(&categories);
            let value = parts.answer();
            if value != Some(best) {
                return Some((without, value));
            }
            let more = left.fewest(&parts, best, (&categories, &without))?;
            without.extend(more.at_least_one()?);
        }
    }

    /// Leaves out each that can be left out, the last first.
    fn fewer(
        &self,
        best: &FieldValue,
        mut without: Vec<Cause<'a>>,
        mut value: Option<&'a FieldValue>,
    ) -> (Vec<Cause<'a>>, Option<&'a FieldValue>) {
        let mut at = without.len();
        // Without nothing missing it is what it is.
        while at > 0 && without.len() > 1 {
            at -= 1;
            let mut fewer = without.clone();
            fewer.remove(at);
            let then = self.answer(&fewer);
            if then != Some(best) {
                // Now others may not be needed either.
                at = fewer.len();
                (without, value) = (fewer, then);
            }
        }
        (without, value)
    }

    /// The fewest more that are likely to do.
    fn fewest(
        &self,
        parts: &Parts<'a>,
        best: &FieldValue,
        (categories, without): (&[Weighed<'a>], &[Cause<'a>]),
    ) -> Option<Fewest<'a>> {
        let ledgers = (&Ledger::new(self.category), &Ledger::new(parts));
        let best = ledgers.1.at(best)?;
        let rivals = parts.weighed().into_iter().enumerate();
        let rivals = rivals.filter(|(at, one)| one.is_spoken_of && *at != best);
        let rivals = rivals.map(|(at, _)| Some(at)).chain([None]);
        let fewest = rivals.filter_map(|rival| {
            let mut differences = self.differences(ledgers, (best, rival), categories);
            differences.retain(|(cause, _)| !without.contains(cause));
            Fewest::new(rival, differences, (ledgers.1.lead(best, rival), true))
        });
        fewest.min_by_key(Fewest::n)
    }

    /// What every reason gives more to one queue than to another, its likeliest category included.
    fn differences(
        &self,
        (category, queue): (&Ledger<'_, 'a>, &Ledger<'_, 'a>),
        (best, rival): (usize, Option<usize>),
        categories: &[Weighed<'a>],
    ) -> Vec<(Cause<'a>, f64)> {
        let likeliest = |at: usize| {
            let of_queue = queue.value(at)?;
            let is_of = |one: &&Weighed<'a>| {
                let found = self.rules.queue_of(one.value);
                found.is_some_and(|(found, _)| found == of_queue)
            };
            category.at(categories.iter().find(is_of)?.value)
        };
        let mut all: BTreeMap<Cause<'a>, f64> = BTreeMap::new();
        let of_queues = queue.differences(Some(best), rival);
        let of_best = likeliest(best);
        let of_categories = category.differences(of_best, rival.and_then(likeliest));
        for (cause, weight) in of_queues.into_iter().chain(of_categories) {
            *all.entry(cause).or_default() += weight;
        }
        all.into_iter().collect()
    }
}

/// What is known about the queue, given what is known about it for itself and about the category.
fn of_categories<'a>(
    rules: &'a Rules,
    (own, category): (&Parts<'a>, &Parts<'a>),
    categories: &[Weighed<'a>],
) -> Parts<'a> {
    let mut parts = own.clone();
    let best = category.candidates(categories).next();
    if best.and_then(|best| rules.queue_of(best.value)).is_none() {
        return parts;
    }
    // Where the desk names the queue of a category, that is what it is; a queue of its own is learned
    // and told for desks that do not.
    parts.learned = None;
    let is_told = |part: &Part<'_>| matches!(part, Part::Correction(..));
    parts.parts.retain(|(_, part)| !is_told(part));
    let shares = shares(rules, categories).into_iter();
    parts
        .parts
        .extend(shares.map(|(queue, category, weight)| (queue, Part::Category(category, weight))));
    // The queue of a category that is set is set, unless a rule sets another.
    let set = category.parts.iter().filter_map(|(value, part)| {
        let is_set = matches!(part, Part::Set(..));
        let queue = rules.queue_of(value).filter(|_| is_set);
        queue.map(|(queue, _)| (queue, *part))
    });
    parts.parts.extend(set);
    parts
}

/// For every queue its likeliest category, and the log-odds of all its categories together beside
/// every queue being as likely.
fn shares<'a>(rules: &'a Rules, categories: &[Weighed<'a>]) -> Vec<(&'a FieldValue, &'a str, f64)> {
    let mut queues: BTreeMap<&FieldValue, (&str, f64)> = BTreeMap::new();
    for weighed in categories {
        if let Some((queue, category)) = rules.queue_of(weighed.value) {
            // The best come first.
            queues.entry(queue).or_insert((category, 0.0)).1 += weighed.confidence;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "queues are few")]
    let even = queues.len() as f64;
    let queues = queues.into_iter().filter(|(_, (_, share))| *share > 0.0);
    let shares = queues.map(|(queue, (name, share))| (queue, name, (share * even).ln()));
    shares.collect()
}
