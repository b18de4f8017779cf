//! What is promised holds: without the reasons that are named the answer is the promised one, and
//! fewer would not do.

use std::fmt::Write;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::model::{PriorityMatrix, Ticket, TicketText};
use crate::triage::correction::Corrections;
use crate::triage::decide::{Asked, Basis, Thresholds};
use crate::triage::queue::Following;
use crate::triage::{FieldName, Model, PastTicket, Rules, Training, TriageDecision, final_value};

/// So many sets of reasons are tried one by one.
const MAX_SETS: usize = 3_000;

/// What is asked about a ticket, and about the parts of its fields.
fn with_basis<T>(
    (rules, model, corrections): (&Rules, Option<&Model>, Option<&Corrections>),
    ask: impl FnOnce(&Basis<'_>) -> T,
) -> T {
    ask(&Basis {
        rules,
        model,
        corrections,
        thresholds: Thresholds {
            apply: 0.9,
            suggest: 0.5,
        },
        matrix: &PriorityMatrix::default(),
    })
}

/// What every reason gives to every value, in order of values.
struct Weights<'p, 'a> {
    parts: &'p Parts<'a>,
    values: Vec<(Weighed<'a>, Vec<(Cause<'a>, f64)>)>,
}

impl<'p, 'a> Weights<'p, 'a> {
    fn new(parts: &'p Parts<'a>) -> Self {
        let ledger = Ledger::new(parts);
        let values = ledger.all.iter().enumerate();
        let values = values.map(|(at, one)| (*one, ledger.differences(Some(at), None)));
        Self {
            parts,
            values: values.collect(),
        }
    }

    /// What would be answered without some reasons, by the weights that the reasons have.
    fn answer(&self, without: &[Cause<'a>]) -> Option<&'a FieldValue> {
        let parts = self.parts;
        let is_left = |cause: &Cause<'a>| !without.contains(cause);
        if let Some((set, _)) = parts.set_values().find(|(_, rule)| is_left(rule)) {
            return Some(set);
        }
        let mut best: Option<(f64, &FieldValue)> = None;
        for (one, gives) in &self.values {
            let missing = gives.iter().filter(|(cause, _)| !is_left(cause));
            let score = one.score - missing.map(|(_, weight)| weight).sum::<f64>();
            let mut speak = parts
                .parts
                .iter()
                .filter(|(of, part)| *of == one.value && !matches!(part, Part::Set(..)));
            let is_spoken_of =
                speak.any(|(_, part)| part.cause().is_none_or(|cause| is_left(&cause)));
            let may_be = parts.learned.is_some()
                || (is_spoken_of && (parts.is_usual_known() || rank(score) > 0.0));
            // Values come in order: the lower one wins a tie.
            if may_be && best.is_none_or(|(highest, _)| rank(score) > rank(highest)) {
                best = Some((score, one.value));
            }
        }
        best.map(|(_, value)| value)
    }
}

/// All that can be missing.
fn causes<'a>(parts: &Parts<'a>) -> Vec<Cause<'a>> {
    let mut causes: Vec<Cause<'_>> = parts.set_values().map(|(_, rule)| rule).collect();
    let ledger = Ledger::new(parts);
    causes.extend(
        ledger
            .differences(None, None)
            .into_iter()
            .map(|(cause, _)| cause),
    );
    causes.sort();
    causes.dedup();
    causes
}

/// The reasons that are named.
fn named<'a>(parts: &Parts<'a>, without: &[Removed]) -> Vec<Cause<'a>> {
    let all = causes(parts);
    let is_it = |cause: &Cause<'a>, what: &RemovedWhat| {
        let named = parts.removed(vec![*cause], &[]);
        named.first().is_some_and(|named| named.what == *what)
    };
    let find = |removed: &Removed| {
        let found = all.iter().find(|cause| is_it(cause, &removed.what));
        *found.expect("a reason of the ticket")
    };
    without.iter().map(find).collect()
}

/// All sets of so many, as far as they are not too many.
fn sets_of<'a>(n: usize, all: &[Cause<'a>]) -> Vec<Vec<Cause<'a>>> {
    let mut sets = vec![Vec::new()];
    for _ in 0..n {
        let mut larger = Vec::new();
        for set in &sets {
            let last = set.last();
            let from = last.map_or(0, |last| {
                1 + all.iter().position(|one| one == last).unwrap()
            });
            for one in &all[from..] {
                let mut set = set.clone();
                set.push(*one);
                larger.push(set);
            }
        }
        sets = larger;
        if sets.len() > MAX_SETS {
            return Vec::new();
        }
    }
    sets
}

/// Holds what is promised about a field; tells of how many reasons.
fn check(parts: &Parts<'_>) -> Option<usize> {
    let best = parts.answer()?;
    let weights = Weights::new(parts);
    assert_eq!(weights.answer(&[]), Some(best));
    let all = causes(parts);
    let Some(promised) = parts.counterfactual(best) else {
        for n in 0..=all.len() {
            for set in sets_of(n, &all) {
                assert_eq!(weights.answer(&set), Some(best), "without {set:?}");
            }
        }
        return None;
    };
    let without = named(parts, &promised.without);
    let then = weights.answer(&without);
    assert_eq!(then, promised.value.as_ref(), "{promised:?}");
    assert_ne!(then, Some(best), "{promised:?}");
    assert_eq!(parts.without(&without).answer(), then, "{promised:?}");
    let fewer = without.len() - 1;
    let sets = sets_of(fewer, &all).into_iter();
    for set in sets.chain(sets_of(fewer, &without)) {
        assert_eq!(weights.answer(&set), Some(best), "{set:?}: {promised:?}");
    }
    // Otherwise it may be gone because nothing speaks of it.
    if parts.set().is_none() && (parts.learned.is_some() || !parts.is_usual_known()) {
        let removed = promised.without.iter().map(|removed| removed.weight);
        let left = promised.lead - removed.sum::<f64>();
        assert!(left < SLACK, "the lead is gone: {promised:?}");
    }
    Some(without.len())
}

/// Holds what is promised about a queue that follows the category.
fn check_queue(asked: &Asked<'_>, rules: &Rules) {
    let following = Following {
        rules,
        category: &asked.parts("category"),
        own: &asked.parts("queue"),
    };
    let categories = following.category.ranked();
    let parts = following.parts(&categories);
    let Some(best) = parts.answer().filter(|_| parts.follows()) else {
        return;
    };
    let Some(promised) = following.counterfactual(best, &categories) else {
        return;
    };
    let without = named(following.category, &promised.without);
    let then = following.answer(&without);
    assert_eq!(then, promised.value.as_ref(), "{promised:?}");
    assert_ne!(then, Some(best), "{promised:?}");
    for set in sets_of(without.len() - 1, &without) {
        assert_eq!(following.answer(&set), Some(best), "{promised:?}");
    }
}

fn demo() -> (String, Vec<Ticket>) {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/demo");
    let rules = std::fs::read_to_string(demo.join("rules.toml")).unwrap();
    let mut tickets = Vec::new();
    for name in ["devices", "identity", "network", "security-and-monitoring"] {
        let path = demo.join("tickets").join(name).with_extension("ndjson");
        let text = std::fs::read_to_string(path).unwrap();
        let lines = text.lines().step_by(29);
        tickets.extend(lines.map(|line| serde_json::from_str::<Ticket>(line).unwrap()));
    }
    (rules, tickets)
}

#[test]
fn promises_of_rules_hold_on_the_demo_desk() {
    let (text, tickets) = demo();
    let rules = Rules::parse("demo", &text).unwrap();
    let mut n_by_size = BTreeMap::new();
    with_basis((&rules, None, None), |basis| {
        for ticket in &tickets {
            let ticket = TicketText::from(ticket);
            let fired = rules.fired(&ticket);
            let asked = Asked::new(basis, (&ticket, &fired), None);
            for field in ["category", "impact", "urgency"] {
                *n_by_size.entry(check(&asked.parts(field))).or_insert(0) += 1;
            }
            check_queue(&asked, &rules);
        }
    });
    assert!(n_by_size.len() > 4, "{n_by_size:?}");
}

/// The same seen from outside: with the rules switched off in the file.
#[test]
fn rules_that_are_switched_off_make_the_promised_answer() {
    let (text, tickets) = demo();
    let decide = |text: &str, ticket: &Ticket| -> TriageDecision {
        let rules = Rules::parse("demo", text).unwrap();
        let ticket = TicketText::from(ticket);
        with_basis((&rules, None, None), |basis| basis.decide(&ticket))
    };
    for ticket in tickets.iter().step_by(9) {
        let decision = decide(&text, ticket);
        for field in FieldName::ALL {
            let Some(promised) = &decision.field(field).counterfactual else {
                continue;
            };
            let mut text = text.clone();
            for removed in &promised.without {
                if let RemovedWhat::Rule { rule } = &removed.what {
                    let id = format!("id = \"{rule}\"\n");
                    text = text.replace(&id, &format!("{id}enabled = false\n"));
                }
            }
            let then = decide(&text, ticket);
            assert_eq!(then.field(field).value, promised.value, "{promised:?}");
        }
    }
}

#[test]
fn promises_of_a_model_and_corrections_hold_on_the_demo_desk() {
    let (text, tickets) = demo();
    let rules = Rules::parse("demo", &text).unwrap();
    let past = |ticket: &Ticket| {
        let mut past = PastTicket {
            ticket: TicketText::from(ticket),
            created_at: ticket.created_at,
            ..PastTicket::default()
        };
        for field in FieldName::ALL {
            let value = final_value(field, ticket).into_iter();
            past.values
                .extend(value.map(|value| (field.as_str().to_owned(), value)));
        }
        past
    };
    let (learned, new) = tickets.split_at(tickets.len() * 2 / 3);
    let learned: Vec<PastTicket> = learned.iter().map(past).collect();
    let training = Training {
        rules: &rules,
        fields: &["category", "impact"],
        precision: 0.9,
        seq: 0,
    };
    let model = Model::train(&learned, training).unwrap();
    let (told, new) = new.split_at(new.len() / 3);
    let mut corrections = Corrections::default();
    with_basis((&rules, Some(&model), None), |basis| {
        for (seq, ticket) in (1..).zip(told) {
            corrections.add(*basis, seq, &past(ticket));
        }
    });
    let mut n_by_size = BTreeMap::new();
    with_basis((&rules, Some(&model), Some(&corrections)), |basis| {
        for ticket in told.iter().chain(new) {
            let ticket = TicketText::from(ticket);
            let fired = rules.fired(&ticket);
            let reading = basis.read(&ticket);
            let asked = Asked::new(basis, (&ticket, &fired), reading.as_ref());
            for field in ["category", "impact", "urgency"] {
                *n_by_size.entry(check(&asked.parts(field))).or_insert(0) += 1;
            }
            check_queue(&asked, &rules);
        }
    });
    assert!(n_by_size.len() > 4, "{n_by_size:?}");
}

/// Three categories of three queues.
const DESK: &str = r#"format = 1
[queues]
a = "qa"
b = "qb"
c = "qc"
[[rule]]
id = "r1"
words = ["one"]
category = { a = 2.0 }
[[rule]]
id = "r2"
words = ["two"]
category = { a = 1.0, c = -3.0 }
[[rule]]
id = "r3"
words = ["three"]
category = { b = 0.5 }
[[rule]]
id = "r4"
words = ["four"]
category = { c = 2.1 }
[[rule]]
id = "t1"
words = ["tie"]
category = { b = 0.3 }
[[rule]]
id = "t2"
words = ["tied"]
category = { b = 0.1, a = 0.4 }
[[rule]]
id = "hard"
words = ["ransom"]
set = { category = "b", reason = "policy" }
"#;

/// What the category and the queue hang on: the value then, and the rules.
fn hangs_on(subject: &str) -> [(String, Vec<String>); 2] {
    let rules = Rules::parse("desk", DESK).unwrap();
    let ticket = TicketText {
        subject: subject.to_owned(),
        ..TicketText::default()
    };
    let decision = with_basis((&rules, None, None), |basis| basis.decide(&ticket));
    [decision.category, decision.queue].map(|decision| {
        let counterfactual = decision.counterfactual.unwrap();
        let rules = counterfactual
            .without
            .iter()
            .map(|removed| match &removed.what {
                RemovedWhat::Rule { rule } => rule.clone(),
                other @ (RemovedWhat::Learned { .. } | RemovedWhat::Correction { .. }) => {
                    panic!("{other:?} is no rule")
                }
            });
        let value = counterfactual.value.map(|value| value.to_string());
        (value.unwrap_or_default(), rules.collect())
    })
}

#[test]
fn the_value_is_the_one_that_wins_then_and_the_queue_follows_it() {
    let check = |subject: &str, category: &str, rules: &[&str]| {
        let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
        let queue = match category {
            "" => String::new(),
            category => format!("q{category}"),
        };
        let expected = [(category.to_owned(), rules.clone()), (queue, rules)];
        assert_eq!(hangs_on(subject), expected, "{subject}");
    };
    // c needs less than the next value, b.
    check("one two three four", "c", &["r2"]);
    check("one three", "b", &["r1"]);
    // Nothing else has evidence.
    check("one", "", &["r1"]);
    // A policy.
    check("ransom one", "a", &["hard"]);
    check("ransom", "", &["hard"]);
    // 0.3 + 0.1 is not more than 0.4, whatever the last bit says: a tie falls to the lower value.
    check("tie tied", "b", &["t2"]);
}

#[test]
fn queues_below_an_even_share_are_alternatives_too() {
    let rules = Rules::parse("desk", DESK).unwrap();
    let ticket = TicketText {
        subject: "one three".to_owned(),
        ..TicketText::default()
    };
    let queue = with_basis((&rules, None, None), |basis| basis.decide(&ticket)).queue;
    let others = queue
        .alternatives
        .iter()
        .map(|other| other.value.to_string());
    assert_eq!(others.collect::<Vec<String>>(), ["qb", "qc"]);
}

/// Rules on four categories of two queues and on impact, each found by its own word.
fn desks() -> impl Strategy<Value = String> {
    let weight = (-12_i32..=12).prop_map(|n| f64::from(n) * 0.15);
    let value = prop::sample::select(vec!["a", "b", "c", "d"]);
    let effects = prop::collection::btree_map(value, weight.clone(), 1..4);
    let rule = (effects, prop::option::weighted(0.1, 0..4_usize));
    let rules = prop::collection::vec(rule, 1..7);
    let bias = prop::option::of((0..4_usize, weight));
    (rules, bias).prop_map(|(rules, bias)| {
        let mut text =
            "format = 1\n[queues]\na = \"q\"\nb = \"q\"\nc = \"r\"\nd = \"s\"\n".to_owned();
        let name = |at: usize| ["a", "b", "c", "d"][at];
        if let Some((at, weight)) = bias {
            write!(text, "[bias.category]\n{} = {weight:?}\n", name(at)).unwrap();
        }
        for (number, (effects, set)) in rules.into_iter().enumerate() {
            let effects = effects
                .iter()
                .map(|(to, weight)| format!("{to} = {weight:?}"));
            let effects = effects.collect::<Vec<String>>().join(", ");
            writeln!(text, "[[rule]]\nid = \"r{number}\"\nwords = [\"all\"]").unwrap();
            writeln!(text, "category = {{ {effects} }}").unwrap();
            if let Some(at) = set {
                let set = name(at);
                writeln!(text, "set = {{ category = \"{set}\", reason = \"so\" }}").unwrap();
            }
        }
        text
    })
}

/// Checks what is promised of a ticket in which all rules fire.
fn check_desk(text: &str) {
    let rules = Rules::parse("desk", text).unwrap();
    let ticket = TicketText {
        subject: "all".to_owned(),
        ..TicketText::default()
    };
    let fired = rules.fired(&ticket);
    with_basis((&rules, None, None), |basis| {
        let asked = Asked::new(basis, (&ticket, &fired), None);
        check(&asked.parts("category"));
        check_queue(&asked, &rules);
    });
}

#[test]
fn a_rule_that_weighs_nothing_against_a_bias_is_promised_rightly() {
    check_desk(
        "format = 1\n[queues]\na = \"q\"\nb = \"q\"\nc = \"r\"\nd = \"s\"\n\
         [bias.category]\nb = -0.15\n\
         [[rule]]\nid = \"r0\"\nwords = [\"all\"]\ncategory = { a = 0.0 }\n",
    );
}

proptest! {
    #[test]
    fn promises_of_any_rules_hold(text in desks()) {
        check_desk(&text);
    }
}
