//! What is found doubtful in rules, and what is not.

use crate::triage::{Rules, Severity};

const HEAD: &str = "format = 1\nflags = [\"f\"]\ntags = [\"t\"]\n[queues]\na = \"q\"\nb = \"q\"\n[calendar]\n\
                    time_zone = \"UTC\"\nhours = { mon = \"08:00-17:00\" }\n";

/// The warnings on these rules; errors are shown as they are.
fn warnings(rules: &str) -> Vec<String> {
    let problems = Rules::check("r", &format!("{HEAD}{rules}")).problems;
    assert!(
        problems
            .iter()
            .all(|problem| problem.severity == Severity::Warning),
        "{problems:?}"
    );
    problems.into_iter().map(|problem| problem.detail).collect()
}

fn rule(id: &str, rest: &str) -> String {
    format!("[[rule]]\nid = \"{id}\"\n{rest}\n")
}

fn check(rules: &[String], expected: &[&str]) {
    let found = warnings(&rules.concat());
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, part) in found.iter().zip(expected) {
        assert!(found.contains(part), "{part} is missing in {found}");
    }
}

#[test]
fn a_rule_whose_exceptions_always_hold_is_named() {
    let weight = "category = { a = 1.0 }";
    let never = |conditions: &str| {
        check(
            &[rule("r", &format!("{conditions}\n{weight}"))],
            &["can never fire"],
        );
    };
    never("phrases = [\"teams calls\", \"teams chat\"]\nunless = [\"teams\"]");
    never("words = [\"vpn\"]\nin = \"subject\"\nnone = [{ words = [\"vpn\"], in = \"text\" }]");
    never("all = [{ channel = \"email\" }, { channel = [\"phone\", \"chat\"] }]");
    never("time = { days = [\"sun\"], open = true }");
    never("any = [{ words = [\"x\"], unless = [\"x\"] }]");
    never("time = { open = true }\nall = [{ time = { open = false } }]");
    never("time = { days = [\"sat\"] }\nall = [{ time = { days = [\"sun\"] } }]");
    never("time = { open = true, from = \"18:00\", to = \"20:00\" }");
    never("time = { open = false, days = \"mon\", from = \"09:00\", to = \"10:00\" }");
    never("near = [\"vpn\", \"slow\"]\nunless = [\"vpn\"]");
    never("near = [\"a1\", \"b1\"]\nwithin = 2\nnone = [{ near = [\"b1\", \"a1\"] }]");
    never("channel = \"email\"\nall = [{ channel = { matches = \"^phone$\" } }]");
    never("requester = \"bob@other.example\"\nall = [{ requester = \"*@acme.example\" }]");
    never("channel = [\"email\", \"chat\"]\nnone = [{ channel = \"chat\" }, { channel = \"e*\" }]");
    never("field.site = \"lys\"\nnone = [{ field.site = \"l*\" }]");
    never(
        "words = [\"x\", \"y\", \"z\"]\nat_least = 2\nnone = [{ words = [\"x\", \"y\", \"z\"], at_least = 2 }]",
    );
    never("words = [\"x\", \"y\"]\nnone = [{ any = [{ words = [\"x\"] }, { words = [\"y\"] }] }]");
    let fires = |conditions: &str| check(&[rule("r", &format!("{conditions}\n{weight}"))], &[]);
    fires("phrases = [\"teams calls\", \"zoom calls\"]\nunless = [\"teams\"]");
    fires("words = [\"teams\"]\nunless = [\"teams calls\"]");
    fires("words = [\"vpn\"]\nin = \"subject\"\nnone = [{ words = [\"vpn\"], in = \"body\" }]");
    fires("all = [{ attachment = \"a.exe\" }, { attachment = \"b.exe\" }]");
    fires("time = { open = false, days = \"mon\" }");
    fires("time = { open = true, from = \"16:00\", to = \"20:00\" }");
    fires("near = [\"a1\", \"b1\"]\nnone = [{ near = [\"a1\", \"b1\"], within = 2 }]");
    fires("channel = \"email\"\nall = [{ channel = { matches = \"^EMAIL$\" } }]");
    fires("channel = \"email\"\nnone = [{ channel = { matches = \"^email$\" } }]");
    fires("field.site = \"lys\"\nall = [{ field.site = \"rtm\" }]");
    fires("words = [\"x\", \"y\"]\nnone = [{ words = [\"x\", \"y\"], at_least = 2 }]");
}

#[test]
fn repetitions_and_contradictions_are_named() {
    let a = rule("a", "words = [\"vpn\", \"tunnel\"]\ncategory = { a = 1.0 }");
    let again = rule(
        "again",
        "words = [\"tunnels\", \"VPN\"]\ncategory = { a = 2.0 }",
    );
    let against = rule(
        "against",
        "words = [\"tunnel\", \"vpn\"]\ncategory = { a = -1.0 }",
    );
    let other = rule("other", "words = [\"vpn\"]\ncategory = { a = 1.0 }");
    check(&[a.clone(), again], &["\"again\" repeats rule \"a\""]);
    for written in [
        "any = [{ words = [\"tunnel\"] }, { words = [\"vpn\"] }]",
        "any = [{ words = [\"vpn\", \"tunnel\"] }]",
        "all = [{ any = [{ all = [{ words = [\"vpn\", \"tunnel\"] }] }] }]",
        "none = [{ none = [{ words = [\"vpn\", \"tunnel\"] }] }]",
    ] {
        let against = rule("o", &format!("{written}\ncategory = {{ a = -1.0 }}"));
        check(&[a.clone(), against], &["opposite weight on category a"]);
    }
    check(&[a.clone(), against], &["opposite weight on category a"]);
    check(&[a, other], &[]);
    let twice = rule(
        "t",
        "each = true\nwords = [\"calls\", \"call\"]\ncategory = { a = 1.0 }",
    );
    check(&[twice], &["looks twice for \"call\""]);
}

#[test]
fn rules_that_a_hard_rule_overrules_are_named() {
    let hard = rule(
        "hard",
        "words = [\"ransom\"]\nset = { category = \"a\", reason = \"x\" }",
    );
    let soft = rule(
        "soft",
        "phrases = [\"ransom note\"]\ncategory = { b = 1.0 }",
    );
    check(&[hard.clone(), soft.clone()], &["\"soft\" has no effect"]);
    let part = rule(
        "part",
        "words = [\"ransom\"]\ncategory = { b = 1.0 }\nflag = { f = 1.0 }",
    );
    check(&[hard.clone(), part], &["a part of rule \"part\""]);
    let wider = rule(
        "wider",
        "words = [\"ransom\", \"note\"]\ncategory = { b = 1.0 }",
    );
    check(&[hard.clone(), wider], &[]);
    let second = rule(
        "second",
        "phrases = [\"ransom note\"]\nset = { category = \"b\", reason = \"y\" }",
    );
    check(
        &[hard.clone(), second.clone()],
        &["sets the category to b, but rule \"hard\""],
    );
    check(&[second, hard], &[]);
    let both = rule(
        "both",
        "words = [\"x\"]\ncategory = { a = 1.0 }\nset = { category = \"a\", reason = \"x\" }",
    );
    check(&[both], &["weighs the category that it sets"]);
}

#[test]
fn labels_and_queues_are_overruled_too() {
    let hard = rule(
        "hard",
        "words = [\"ransom\"]\nset = { category = \"a\", flag = \"f\", reason = \"x\" }",
    );
    let soft = |effects: &str| rule("soft", &format!("phrases = [\"ransom note\"]\n{effects}"));
    let check = |effects: &str, expected: &[&str]| {
        check(&[hard.clone(), soft(effects)], expected);
    };
    check("flag = { f = 2.0 }", &["\"soft\" has no effect"]);
    check("queue = { q = 5.0 }", &["\"soft\" has no effect"]);
    check(
        "flag = { f = 1.0 }\ntag = { t = 1.0 }",
        &["decides the flag f"],
    );
    check("tag = { t = 1.0 }", &[]);
    check("set = { queue = \"q\", reason = \"z\" }", &[]);
    check(
        "set = { flag = \"f\", reason = \"z\" }",
        &["\"soft\" has no effect"],
    );
}

/// Whoever mends the error must not find the next thing only then.
#[test]
fn rules_beside_an_error_are_reviewed() {
    let good = rule("a", "words = [\"vpn\"]\ncategory = { a = 1.0 }");
    let again = rule("again", "words = [\"vpn\"]\ncategory = { a = 2.0 }");
    let wrong = rule(
        "wrong",
        "words = [\"vpn\"]\ncategory = { a = 1.0, typo = 1.0 }",
    );
    let broken = rule(
        "broken",
        "words = [\"vpn\"]\ncategory = { a = 1.0 }\nnote = \"open",
    );
    let never = rule(
        "n",
        "words = [\"x\"]\nunless = [\"x\"]\ncategory = { a = 1.0 }",
    );
    let text = [HEAD, &good, &wrong, &never, &again, &broken].concat();
    let problems = Rules::check("r", &text).problems;
    let details: Vec<&String> = problems.iter().map(|problem| &problem.detail).collect();
    for part in [
        "category \"typo\" does not stand",
        "\"n\" can never fire",
        "\"again\" repeats rule \"a\"",
    ] {
        assert!(
            details.iter().any(|detail| detail.contains(part)),
            "{details:?}"
        );
    }
    let about = |id: &str| {
        details
            .iter()
            .any(|detail| detail.contains(&format!("rule {id:?}")))
    };
    assert!(!about("wrong") && !about("broken"), "{details:?}");
    let hours = HEAD.replace("17:00", "7:00");
    let open = rule("open", "time = { open = true }\ncategory = { a = 1.0 }");
    let problems = Rules::check("r", &format!("{hours}{open}")).problems;
    assert_eq!(problems.len(), 1, "the hours are not known: {problems:?}");
}
