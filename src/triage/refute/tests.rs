//! What is said never to hold must not hold for any ticket.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::model::{TicketText, Time};
use crate::triage::{ProblemKind, Rules};

const HEAD: &str = "format = 1\n[queues]\na = \"q\"\n[calendar]\ntime_zone = \"UTC\"\n\
                    hours = { mon = \"08:00-17:00\", tue = \"09:00-12:00\" }\n\
                    holidays = [\"2026-07-14\"]\n";

/// Tables of conditions, as they stand between braces.
fn condition() -> impl Strategy<Value = String> {
    let words = || {
        let words = select(&["vpn", "slow", "print", "vpn slow", "vpn is slow"][..]);
        let words = prop::collection::vec(words, 2..4);
        words.prop_map(|words| format!("{words:?}"))
    };
    let scope = || select(&["", ", in = \"subject\"", ", in = \"body\""][..]);
    let values = |values: &'static [&'static str]| select(values);
    let channel = values(&[
        "\"email\"",
        "\"phone\"",
        "[\"Email\", \"chat\"]",
        "\"*e*\"",
        "\"p*\"",
        "{ matches = '^Phone$' }",
        "{ matches = ['^[^p]+$', 'chat'] }",
        "{ matches = 'e' }",
    ]);
    let time = values(&[
        "open = true",
        "open = false",
        "days = [\"mon\", \"sun\"]",
        "days = \"tue\", open = false",
        "from = \"18:00\", to = \"08:00\"",
        "from = \"10:00\", to = \"12:00\"",
    ]);
    let texts = (words(), scope(), 1..3_usize);
    let leaf = prop_oneof![
        texts.prop_map(|(words, scope, n)| format!("phrases = {words}, at_least = {n}{scope}")),
        (words(), scope()).prop_map(|(words, scope)| format!("words = {words}{scope}")),
        (words(), scope(), 2..6_usize)
            .prop_map(|(words, scope, n)| format!("near = {words}, within = {n}{scope}")),
        values(&["vp", "slo", "pri"]).prop_map(|stem| format!("stems = [\"{stem}\"]")),
        values(&["(?i)vpn", "^vpn", "slow$"]).prop_map(|regex| format!("regexes = ['{regex}']")),
        channel
            .clone()
            .prop_map(|channel| format!("channel = {channel}")),
        channel.prop_map(|values| format!("field = {{ site = {values} }}")),
        time.prop_map(|time| format!("time = {{ {time} }}")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let list = prop::collection::vec(inner.clone(), 1..4);
        let braced = |parts: &[String]| format!("{{ {} }}", parts.join(" }, { "));
        let many = (list, 0..3_usize, any::<Index>());
        many.prop_map(move |(parts, kind, at)| {
            let list = braced(&parts);
            match kind {
                0 => format!("all = [{list}]"),
                1 => format!("any = [{list}], at_least = {}", 1 + at.index(parts.len())),
                _ => format!("none = [{list}]"),
            }
        })
    })
}

/// Two tables in one, often about the same.
fn pair() -> impl Strategy<Value = String> {
    let both = (condition(), condition());
    both.prop_map(|(a, b)| format!("all = [{{ {a} }}, {{ {b} }}]"))
}

/// Tickets of all sorts, always the same.
static TICKETS: LazyLock<Vec<TicketText>> = LazyLock::new(|| {
    let mut state = 7_u64;
    let mut pick = |n: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % n
    };
    let words = [
        "vpn", "VPN", "slow", "slows", "prints", "the", "is", "hall", "\r\n",
    ];
    let channels = ["email", "EMAIL", "Phone", "phone ", "chat", "portal", ""];
    let mut ticket = || {
        let mut text = || {
            let words = (0..pick(6)).map(|_| words[pick(words.len())]);
            words.collect::<Vec<_>>().join(" ")
        };
        let (subject, description) = (text(), text());
        let mut channel = || channels[pick(channels.len())].to_owned();
        let sites = vec![channel(), channel()];
        let channel = (channel(), pick(5));
        let time = format!("2026-07-{:02}T{:02}:30:00Z", 1 + pick(28), pick(24));
        let site = match pick(3) {
            0 => serde_json::json!({ "site": sites }),
            1 => serde_json::json!({ "site": sites[0] }),
            _ => serde_json::json!({}),
        };
        TicketText {
            subject,
            description,
            channel: Some(channel.0).filter(|_| channel.1 > 0),
            created_at: Some(Time::parse(&time).unwrap()).filter(|_| pick(9) > 0),
            fields: serde_json::from_value(site).unwrap(),
            ..TicketText::default()
        }
    };
    (0..3_000).map(|_| ticket()).collect()
});

fn problems(rules: &str) -> (Rules, Vec<ProblemKind>) {
    let text = format!("{HEAD}{rules}");
    let found = Rules::check("r", &text).problems;
    let kinds = found.into_iter().map(|problem| problem.kind);
    (Rules::parse("r", &text).unwrap(), kinds.collect())
}

fn rule(id: &str, condition: &str, effect: &str) -> String {
    format!("[[rule]]\nid = \"{id}\"\nall = [{{ {condition} }}]\n{effect}\n")
}

fn fires(rules: &Rules, id: &str, ticket: &TicketText) -> bool {
    let fired = rules.fired(ticket);
    fired.iter().any(|fired| fired.rule.id == id)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_can_never_fire_does_not(condition in pair()) {
        let (rules, kinds) = problems(&rule("r", &condition, "category = { a = 1.0 }"));
        if kinds.contains(&ProblemKind::NeverFires) {
            let firing = TICKETS.iter().find(|ticket| fires(&rules, "r", ticket));
            prop_assert!(firing.is_none(), "{condition} holds for {firing:?}");
        }
    }

    #[test]
    fn what_is_shadowed_fires_only_where_the_policy_does(a in condition(), b in pair()) {
        for (hard, soft) in [(&a, &b), (&b, &a)] {
            let (rules, kinds) = problems(&[
                rule("hard", hard, "set = { category = \"a\", reason = \"x\" }"),
                rule("soft", soft, "category = { a = 1.0 }"),
            ].concat());
            if kinds.contains(&ProblemKind::Shadowed) {
                let alone = TICKETS.iter().find(|ticket| {
                    fires(&rules, "soft", ticket) && !fires(&rules, "hard", ticket)
                });
                prop_assert!(alone.is_none(), "{soft} holds without {hard} for {alone:?}");
            }
        }
    }

    #[test]
    fn a_condition_written_otherwise_is_known_again(a in condition()) {
        for other in ["any = [{ @ }]", "none = [{ all = [{ none = [{ @ }] }] }]"] {
            let b = other.replace('@', &a);
            let (rules, kinds) = problems(&[
                rule("one", &a, "category = { a = 1.0 }"),
                rule("two", &b, "category = { a = -1.0 }"),
            ].concat());
            let is_known = |kind| matches!(kind, &ProblemKind::Contradiction | &ProblemKind::NeverFires);
            prop_assert!(kinds.iter().any(is_known), "{a} is not found again in {b}");
            let apart = TICKETS.iter().take(100).find(|ticket| {
                fires(&rules, "one", ticket) != fires(&rules, "two", ticket)
            });
            prop_assert!(apart.is_none(), "{a} and {b} differ on {apart:?}");
        }
    }
}
