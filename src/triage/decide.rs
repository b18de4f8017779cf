//! Decides on a ticket: every field for itself, the queue by the categories (`queue`), the priority by
//! the matrix, tags and flags each for itself (`labels`).
//!
//! A policy sets a value outside the arithmetic: its reason weighs nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::correction::{Alike, Corrections};
use super::decision::{
    Decision, FieldDecision, FieldName, FieldValue, LabelKind, PriorityDecision, TriageDecision,
};
use super::learned::{FieldReading, Model, PastTicket, Reading};
use super::question::question;
use super::queue::Following;
use super::rules::{Fired, Rules};
use super::weigh::{Outcome, Part, Parts, Weighed, rank};
use crate::model::{Impact, PriorityMatrix, TicketText, Urgency};

/// From which confidence on a value is set or suggested, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// From here on a value is sure enough to be set.
    pub apply: f64,
    /// From here on it is worth showing; below a human should decide.
    pub suggest: f64,
}

impl Thresholds {
    /// What to do with a value of this confidence.
    pub(super) fn decision(self, confidence: f64) -> Decision {
        match confidence {
            confidence if confidence >= self.apply => Decision::Apply,
            confidence if confidence >= self.suggest => Decision::Suggest,
            _ => Decision::Abstain,
        }
    }
}

/// What decisions are made from besides the ticket. The same basis and ticket give the same decision.
#[derive(Debug, Clone, Copy)]
pub struct Basis<'a> {
    /// What the desk states.
    pub rules: &'a Rules,
    /// What past tickets have taught; rules decide alone without.
    pub model: Option<&'a Model>,
    /// What was told since; nothing where this is none.
    pub corrections: Option<&'a Corrections>,
    /// How sure is sure enough, where the model does not know better.
    pub thresholds: Thresholds,
    /// The priority by impact and urgency.
    pub matrix: &'a PriorityMatrix,
}

impl Rules {
    /// Decides on a ticket by rules alone.
    #[must_use]
    pub fn decide(
        &self,
        ticket: &TicketText,
        thresholds: Thresholds,
        matrix: &PriorityMatrix,
    ) -> TriageDecision {
        let basis = Basis {
            rules: self,
            model: None,
            corrections: None,
            thresholds,
            matrix,
        };
        basis.decide(ticket)
    }
}

impl<'a> Basis<'a> {
    /// With these corrections.
    pub(super) fn with<'b>(self, corrections: &'b Corrections) -> Basis<'b>
    where
        'a: 'b,
    {
        Basis {
            corrections: Some(corrections),
            ..self
        }
    }

    /// Whether rules or past tickets know a value of a field.
    pub(super) fn knows(&self, (field, value): (&str, &FieldValue)) -> bool {
        let stated = FieldName::of(field).map(|field| self.rules.values.of(field));
        let learned = self.model.map(|model| model.values(field));
        // The values of impact and urgency are the same at every desk.
        matches!(value, FieldValue::Number(_))
            || stated.is_some_and(|values| values.contains(value))
            || learned.is_some_and(|values| values.contains(value))
    }

    /// What a value of a field has to stand against on a ticket; none where a policy sets the field
    /// or the category decides it.
    pub(super) fn scores(
        &self,
        past: &PastTicket,
        (field, value): (&str, &FieldValue),
    ) -> Option<Scores> {
        let is_of_category = field == FieldName::Queue.as_str() && self.has_usual_queue(past);
        let ticket = &past.ticket;
        let fired = self.rules.fired(ticket);
        let reading = self.read(ticket);
        let asked = Asked::new(self, (ticket, &fired), reading.as_ref());
        let mut parts = asked.parts(field);
        // So that it is weighed even where nothing speaks for it.
        parts.parts.push((value, Part::Bias(0.0)));
        let is_open = !is_of_category && parts.set().is_none();
        is_open.then(|| Scores::new(value, &parts))
    }

    /// Whether the queue of a ticket is left to its category: it has none that the taxonomy does not
    /// know.
    fn has_usual_queue(&self, past: &PastTicket) -> bool {
        let category = past.values.get(FieldName::Category.as_str());
        let is_of_taxonomy = |category| self.rules.queue_of(category).is_some();
        self.rules.has_categories() && category.is_none_or(is_of_taxonomy)
    }

    pub(super) fn read(&self, ticket: &TicketText) -> Option<Reading> {
        let is_corrected = self.corrections.is_some_and(|told| !told.is_empty());
        let reads = self.model.is_some() || is_corrected;
        reads.then(|| Reading::of(ticket, self.model))
    }

    /// Names model and corrections.
    fn version(&self) -> Option<String> {
        let model = self.model.map(Model::version);
        match self.corrections.and_then(Corrections::name) {
            Some(told) => Some(format!("{}+{told}", model.unwrap_or_default())),
            None => model.map(str::to_owned),
        }
    }

    /// Decides on a ticket.
    #[must_use]
    pub fn decide(&self, ticket: &TicketText) -> TriageDecision {
        let rules = self.rules;
        let fired = rules.fired(ticket);
        let reading = self.read(ticket);
        let asked = Asked::new(self, (ticket, &fired), reading.as_ref());
        let (category, queue) = asked.category_and_queue();
        let impact = asked.of(FieldName::Impact);
        let urgency = asked.of(FieldName::Urgency);
        TriageDecision {
            needs_human: category.decision == Decision::Abstain,
            priority: priority(&impact, &urgency, self.matrix),
            queue,
            category,
            impact,
            urgency,
            tags: rules.labels(LabelKind::Tag, (ticket, &fired), self.thresholds),
            flags: rules.labels(LabelKind::Flag, (ticket, &fired), self.thresholds),
            fields: asked.further_fields(),
            rules_digest: rules.digest().to_owned(),
            model_version: self.version(),
        }
    }
}

/// A value beside the others of its field, in log-odds.
pub(super) struct Scores {
    pub(super) own: f64,
    pub(super) others: Vec<f64>,
    /// From which score on the ticket is about the value.
    pub(super) in_scope: f64,
}

impl Scores {
    #[expect(clippy::cast_precision_loss, reason = "values are few")]
    fn new(value: &FieldValue, parts: &Parts<'_>) -> Self {
        let all = parts.scores();
        let n_values = all.len() as f64;
        let mean = all.iter().map(|(_, score)| score).sum::<f64>() / n_values;
        let (own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(of, _)| of == value);
        let own = own.first().map_or(0.0, |(_, score)| *score);
        let learned = parts.learned.as_ref();
        let learned = learned.filter(|learned| learned.number(value).is_some());
        let from = learned.map_or(f64::NEG_INFINITY, |learned| learned.in_scope_from(mean));
        Self {
            own,
            others: others.into_iter().map(|(_, score)| score).collect(),
            // A value that rises takes the mean with it.
            in_scope: own + (from - own) * n_values / (n_values - 1.0),
        }
    }
}

/// A ticket with what was found in it.
pub(super) struct Asked<'a> {
    basis: &'a Basis<'a>,
    ticket: &'a TicketText,
    fired: &'a [Fired<'a>],
    reading: Option<&'a Reading>,
    /// The corrected tickets that it is like.
    alike: Alike,
}

impl<'a> Asked<'a> {
    pub(super) fn new(
        basis: &'a Basis<'a>,
        (ticket, fired): (&'a TicketText, &'a [Fired<'a>]),
        reading: Option<&'a Reading>,
    ) -> Self {
        let corrections = basis.corrections.zip(reading);
        let alike = corrections.map(|(corrections, reading)| corrections.alike(basis, reading));
        Self {
            basis,
            ticket,
            fired,
            reading,
            alike: alike.unwrap_or_default(),
        }
    }

    /// All that is known about a field.
    pub(super) fn parts(&'a self, field: &'a str) -> Parts<'a> {
        let mut parts = match FieldName::of(field) {
            Some(field) => {
                let rules = self.basis.rules;
                let stated = (rules.bias.as_slice(), rules.values.of(field));
                Parts::of_rules(field, stated, (self.ticket, self.fired))
            }
            None => Parts::without_rules(self.ticket, self.fired),
        };
        parts.learned = self.learned(field);
        let corrections = self.basis.corrections.into_iter();
        let told = corrections.flat_map(|corrections| corrections.told(field, &self.alike));
        let told = told.map(|told| (told.value, Part::Correction(told.seq, told.weight)));
        parts.parts.extend(told);
        parts
    }

    fn learned(&self, field: &str) -> Option<FieldReading<'a>> {
        let fired = self.fired.iter();
        let fired = fired.map(|fired| (fired.rule.id.as_str(), fired.firings.len()));
        self.basis.model?.of_field(field, self.reading?, fired)
    }

    /// The decision on a field but for what it hangs on, and all its values.
    fn decide<'b>(&self, field: &str, parts: &Parts<'b>) -> (FieldDecision, Vec<Weighed<'b>>) {
        let Outcome {
            mut decision,
            all,
            mean,
        } = parts.weigh();
        let usual = self.basis.thresholds;
        let mut thresholds = usual;
        if let (Some(learned), Some(value)) = (&parts.learned, &decision.value) {
            thresholds.apply = learned.threshold(value).unwrap_or(usual.apply);
            // Of a value that no past ticket had the model knows no bounds. The score is the sum that
            // the mean is of, for corrections lift it just to the bound.
            let best = all.iter().find(|one| one.value == value);
            let is_outside = best.is_some_and(|best| {
                best.number.is_some() && rank(best.score) < rank(learned.in_scope_from(mean))
            });
            decision.out_of_scope = is_outside && parts.set().is_none();
        }
        if let (Some(corrections), Some(value)) = (self.basis.corrections, &decision.value) {
            let told = corrections.examples(field, value);
            if told > 0 {
                decision.examples = Some(decision.examples.unwrap_or_default() + told);
            }
        }
        decision.threshold = thresholds.apply;
        decision.decision = match thresholds.decision(decision.confidence) {
            // A set value is set, however often it was right.
            Decision::Suggest | Decision::Abstain if parts.set().is_some() => Decision::Apply,
            Decision::Apply | Decision::Suggest if decision.out_of_scope => Decision::Abstain,
            decided @ (Decision::Apply | Decision::Suggest | Decision::Abstain) => decided,
        };
        if decision.decision != Decision::Apply {
            decision.ask = question(self.basis.rules, parts, &decision);
        }
        (decision, all)
    }

    /// The decision on a field that depends on no other, and all its values.
    fn explained<'b>(&self, field: &str, parts: &Parts<'b>) -> (FieldDecision, Vec<Weighed<'b>>) {
        let (mut decision, all) = self.decide(field, parts);
        let value = decision.value.as_ref();
        decision.counterfactual = value.and_then(|value| parts.counterfactual(value));
        (decision, all)
    }

    fn of(&'a self, field: FieldName) -> FieldDecision {
        self.explained(field.as_str(), &self.parts(field.as_str()))
            .0
    }

    fn category_and_queue(&'a self) -> (FieldDecision, FieldDecision) {
        let field = FieldName::Category.as_str();
        let for_category = self.parts(field);
        let (category, categories) = self.explained(field, &for_category);
        let field = FieldName::Queue.as_str();
        let following = Following {
            rules: self.basis.rules,
            category: &for_category,
            own: &self.parts(field),
        };
        let for_queue = following.parts(&categories);
        if !for_queue.follows() {
            return (category, self.explained(field, &for_queue).0);
        }
        let (mut queue, _) = self.decide(field, &for_queue);
        queue.examples = None;
        let value = queue.value.as_ref();
        queue.counterfactual = value.and_then(|value| following.counterfactual(value, &categories));
        if category.out_of_scope && for_queue.set().is_none() {
            // No category, no queue of it.
            (queue.out_of_scope, queue.decision) = (true, Decision::Abstain);
        }
        (category, queue)
    }

    /// The fields that the rules know nothing of.
    fn further_fields(&'a self) -> BTreeMap<String, FieldDecision> {
        let learned = self.basis.model.into_iter().flat_map(Model::fields);
        let told = self.basis.corrections.into_iter();
        let told = told.flat_map(Corrections::fields);
        let names: BTreeSet<&str> = learned.chain(told).collect();
        let further = names
            .into_iter()
            .filter(|name| FieldName::of(name).is_none());
        let decided = further.map(|name| {
            let decision = self.explained(name, &self.parts(name)).0;
            (name.to_owned(), decision)
        });
        decided.collect()
    }
}

fn priority(
    impact: &FieldDecision,
    urgency: &FieldDecision,
    matrix: &PriorityMatrix,
) -> Option<PriorityDecision> {
    let number = |field: &FieldDecision| match field.value {
        Some(FieldValue::Number(number)) => Some(number),
        Some(FieldValue::Name(_)) | None => None,
    };
    let impact = Impact::try_from(number(impact)?).ok()?;
    let urgency = Urgency::try_from(number(urgency)?).ok()?;
    Some(PriorityDecision {
        value: matrix.priority(impact, urgency),
        impact,
        urgency,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::{Reason, Training};

    const RULES: &str = r#"
format = 1
[queues]
"network/vpn" = "network"
"identity/password" = "service-desk"
[bias.impact]
"3" = 1.0
[[rule]]
id = "vpn"
words = ["vpn"]
category = { "network/vpn" = 3.0 }
[[rule]]
id = "expired"
phrases = ["password expired"]
category = { "identity/password" = 4.0, "network/vpn" = -1.0 }
[[rule]]
id = "site"
phrases = ["whole site"]
unless = ["not the whole site"]
impact = { "1" = 3.0 }
[[rule]]
id = "alarm"
channel = ["monitoring"]
urgency = { "1" = 2.0 }
"#;

    fn decide(subject: &str, description: &str, channel: Option<&str>) -> TriageDecision {
        let ticket = TicketText {
            subject: subject.to_owned(),
            description: description.to_owned(),
            channel: channel.map(str::to_owned),
            ..TicketText::default()
        };
        let thresholds = Thresholds {
            apply: 0.9,
            suggest: 0.5,
        };
        let rules = Rules::parse("test", RULES).unwrap();
        rules.decide(&ticket, thresholds, &PriorityMatrix::default())
    }

    fn name(field: &FieldDecision) -> &str {
        match &field.value {
            Some(FieldValue::Name(name)) => name,
            _ => "",
        }
    }

    #[test]
    fn reasons_add_up_to_the_score_of_every_field() {
        let decision = decide(
            "VPN",
            "password expired on the whole site",
            Some("monitoring"),
        );
        for field in [
            &decision.category,
            &decision.queue,
            &decision.impact,
            &decision.urgency,
        ] {
            let sum: f64 = field.reasons.iter().map(Reason::weight).sum();
            assert!((sum - field.score).abs() < 1e-12, "{field:?}");
        }
        assert_eq!(name(&decision.category), "identity/password");
        assert_eq!(name(&decision.queue), "service-desk");
        assert_eq!(
            decision.priority.map(|priority| u8::from(priority.value)),
            Some(1)
        );
    }

    #[test]
    fn nothing_found_is_left_to_a_human() {
        let decision = decide("hello", "", None);
        assert!(decision.needs_human);
        assert_eq!(decision.category.value, None);
        assert_eq!(decision.priority, None, "no priority without an urgency");
    }

    #[test]
    fn an_exception_keeps_a_rule_from_firing() {
        assert_eq!(
            decide("", "the whole site", None).impact.value,
            Some(FieldValue::Number(1))
        );
        let excepted = decide("", "luckily not the whole site", None);
        assert_eq!(excepted.impact.value, Some(FieldValue::Number(3)));
    }

    #[test]
    fn a_rule_with_each_counts_every_different_word_once() {
        let text = "format = 1\n[queues]\n\"a\" = \"q\"\n[[rule]]\nid = \"r\"\neach = true\n\
                    words = [\"toner\", \"paper\", \"tray\"]\ncategory = { \"a\" = 1.5 }\n";
        let rules = Rules::parse("test", text).unwrap();
        let ticket = TicketText {
            subject: "Toner and paper, toner".to_owned(),
            ..TicketText::default()
        };
        let thresholds = Thresholds {
            apply: 0.9,
            suggest: 0.5,
        };
        let decision = rules.decide(&ticket, thresholds, &PriorityMatrix::default());
        assert!((decision.category.score - 3.0).abs() < 1e-12);
        assert_eq!(decision.category.reasons.len(), 2);
    }

    #[test]
    fn matched_text_is_quoted_with_its_place() {
        let decision = decide("Überall: VPN weg", "", None);
        let Some(Reason::Rule { matched, .. }) = decision.category.reasons.first() else {
            panic!("a rule fires");
        };
        assert_eq!(
            (matched[0].start, matched[0].end, matched[0].text.as_str()),
            (9, 12, "VPN")
        );
    }

    const TAXONOMY: &str = r#"
format = 1
[queues]
"network/vpn" = "network"
"hardware/printer" = "field"
[[rule]]
id = "office"
words = ["office"]
category = { "hardware/printer" = 2.0 }
[[question]]
between = ["network/vpn", "hardware/printer"]
ask = "Is it the tunnel or the toner?"
"#;

    /// Sixty tickets; the rule about the office is wrong in every second one.
    fn past() -> Vec<PastTicket> {
        let past = |subject: String, category: &str, queue: &str| {
            let values = [
                ("category", category),
                ("queue", queue),
                ("site", category.trim_end_matches("work/vpn")),
            ];
            let values =
                values.map(|(field, value)| (field.to_owned(), FieldValue::Name(value.to_owned())));
            PastTicket {
                ticket: TicketText {
                    subject,
                    description: "in the office".to_owned(),
                    ..TicketText::default()
                },
                values: values.into(),
                ..PastTicket::default()
            }
        };
        let both = (0..30).flat_map(|n| {
            [
                past(format!("tunnel drops {n}"), "network/vpn", "network"),
                past(format!("toner low {n}"), "hardware/printer", "field"),
            ]
        });
        both.collect()
    }

    fn decide_learned(subject: &str, description: &str) -> TriageDecision {
        let rules = Rules::parse("test", TAXONOMY).unwrap();
        decide_by(&rules, subject, description)
    }

    /// By these rules and what the sixty tickets teach.
    fn decide_by(rules: &Rules, subject: &str, description: &str) -> TriageDecision {
        let training = Training {
            rules,
            fields: &["category", "site"],
            precision: 0.9,
            seq: 0,
        };
        let model = Model::train(&past(), training).unwrap();
        let basis = Basis {
            rules,
            model: Some(&model),
            corrections: None,
            thresholds: Thresholds {
                apply: 0.9,
                suggest: 0.5,
            },
            matrix: &PriorityMatrix::default(),
        };
        basis.decide(&TicketText {
            subject: subject.to_owned(),
            description: description.to_owned(),
            ..TicketText::default()
        })
    }

    #[test]
    fn learned_reasons_add_up_and_correct_a_wrong_rule() {
        let decision = decide_learned("tunnel drops", "in the office, tunnels of all sorts");
        assert_eq!(name(&decision.category), "network/vpn");
        assert_eq!(name(&decision.queue), "network");
        assert_eq!(decision.category.examples, Some(30));
        assert!(decision.model_version.is_some());
        for field in [
            &decision.category,
            &decision.queue,
            &decision.fields["site"],
        ] {
            let sum: f64 = field.reasons.iter().map(Reason::weight).sum();
            assert!((sum - field.score).abs() < 1e-9, "{field:?}");
        }
        let of_printer = &decision.category.alternatives[0];
        assert!(of_printer.score < decision.category.score);
        let toner = decide_learned("toner low", "in the office");
        let rule = toner.category.reasons.iter().find_map(|reason| {
            if let Reason::Rule { stated, .. } = reason {
                *stated
            } else {
                None
            }
        });
        assert_eq!(
            rule,
            Some(2.0),
            "the stated weight is told beside the learned one"
        );
    }

    #[test]
    fn rules_that_state_nothing_on_the_value_are_told_one_by_one_only_where_they_weigh() {
        let more = (0..12).map(|n| {
            let id = format!("[[rule]]\nid = \"office-{n}\"\nwords = [\"office\"]\n");
            format!("{id}category = {{ \"hardware/printer\" = 0.2 }}\n")
        });
        let rules = Rules::parse("test", &format!("{TAXONOMY}{}", more.collect::<String>()));
        let decision = decide_by(&rules.unwrap(), "tunnel drops", "in the office, tunnels");
        assert_eq!(name(&decision.category), "network/vpn");
        let reasons = &decision.category.reasons;
        assert!(
            reasons.len() <= 10,
            "bias, eight and the others: {reasons:?}"
        );
        let sum: f64 = reasons.iter().map(Reason::weight).sum();
        assert!((sum - decision.category.score).abs() < 1e-9, "{reasons:?}");
        let mut others = reasons.iter();
        let are_many = |reason: &Reason| matches!(reason, Reason::Others { n, .. } if *n >= 5);
        assert!(others.any(are_many), "{reasons:?}");
    }

    #[test]
    fn the_queue_of_a_category_that_a_policy_sets_begins_with_the_policy() {
        let policy = "[[rule]]\nid = \"fire\"\nwords = [\"fire\"]\n\
                      set = { category = \"hardware/printer\", reason = \"house rules\" }\n";
        let rules = Rules::parse("test", &format!("{TAXONOMY}{policy}")).unwrap();
        let queue = decide_by(&rules, "fire", "in the tunnel").queue;
        assert_eq!(name(&queue), "field");
        assert!((queue.confidence - 1.0).abs() < f64::EPSILON, "{queue:?}");
        let Some(Reason::Set { rule, reason, .. }) = queue.reasons.first() else {
            panic!("the policy comes first: {queue:?}");
        };
        assert_eq!((rule.as_str(), reason.as_str()), ("fire", "house rules"));
    }

    #[test]
    fn no_queue_is_learned_where_it_is_always_that_of_the_category() {
        let rules = Rules::parse("test", TAXONOMY).unwrap();
        let fields = |unknown: Option<&str>| {
            let mut tickets = past();
            for (ticket, category) in tickets.iter_mut().zip(unknown) {
                let category = FieldValue::Name(category.to_owned());
                ticket.values.insert("category".to_owned(), category);
            }
            let training = Training {
                rules: &rules,
                fields: &["category", "queue"],
                precision: 0.9,
                seq: 0,
            };
            let model = Model::train(&tickets, training).unwrap();
            model.fields().map(str::to_owned).collect::<Vec<String>>()
        };
        assert_eq!(fields(None), ["category"]);
        // The taxonomy names no queue for it.
        assert_eq!(fields(Some("badge/reader")), ["category", "queue"]);
    }

    #[test]
    fn the_desk_is_asked_its_own_question_when_two_values_are_close() {
        let more = "[[rule]]\nid = \"tunnel\"\nwords = [\"tunnel\"]\n\
                    category = { \"network/vpn\" = 1.5 }\n";
        let rules = Rules::parse("test", &format!("{TAXONOMY}{more}")).unwrap();
        let asked = |subject: &str| {
            let ticket = TicketText {
                subject: subject.to_owned(),
                ..TicketText::default()
            };
            let thresholds = Thresholds {
                apply: 0.9,
                suggest: 0.5,
            };
            let decision = rules.decide(&ticket, thresholds, &PriorityMatrix::default());
            decision.category.ask
        };
        assert_eq!(asked("office"), None, "one value leads");
        let question = "Is it the tunnel or the toner?".to_owned();
        assert_eq!(asked("tunnel to the office"), Some(question));
    }
}
