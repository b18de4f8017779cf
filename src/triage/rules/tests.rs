//! What the language of rules says.

use super::*;

#[test]
fn every_problem_is_named_with_its_line() {
    let text = r#"format = 1
[queues]
"network/vpn" = "network"
[[rule]]
id = "a"
words = ["vpn"]
category = { "network/vnp" = 3.0 }
[[rule]]
id = "a"
regexes = ['(']
impact = { "4" = 1.0 }
[[rule]]
id = "empty"
"#;
    let message = Rules::parse("rules.toml", text).unwrap_err().to_string();
    for part in [
        "rules.toml:7:14: category \"network/vnp\" does not stand in [queues]",
        "rules.toml:9:6: there is a rule \"a\" already",
        "rules.toml:10:12: ",
        "rules.toml:11:12: impact is \"1\", \"2\" or \"3\", not \"4\"",
        "rules.toml:13:6: rule \"empty\" has no condition",
        "rules.toml:13:6: rule \"empty\" has no weights",
    ] {
        assert!(message.contains(part), "{part} is missing in\n{message}");
    }
}

#[test]
fn a_misspelt_field_is_named() {
    let text = "format = 1\n[[rule]]\nid = \"a\"\nword = [\"vpn\"]\n";
    let message = Rules::parse("rules.toml", text).unwrap_err().to_string();
    assert!(
        message.starts_with("rules.toml:4:1: unknown field `word`"),
        "{message}"
    );
}

const HEAD: &str = r#"format = 1
tags = ["outage"]
flags = ["vip", "security"]
[queues]
a = "qa"
b = "qb"
[calendar]
time_zone = "Europe/Berlin"
hours = { mon = ["08:00-12:00", "13:00-17:00"] }
[bias.flag]
vip = -1.0
"#;

fn ticket(subject: &str, description: &str) -> TicketText {
    TicketText {
        subject: subject.to_owned(),
        description: description.to_owned(),
        ..TicketText::default()
    }
}

fn decide(rules: &str, ticket: &TicketText) -> crate::triage::TriageDecision {
    let rules = Rules::parse("r", &format!("{HEAD}{rules}")).unwrap();
    let thresholds = crate::triage::Thresholds {
        apply: 0.9,
        suggest: 0.5,
    };
    rules.decide(ticket, thresholds, &crate::model::PriorityMatrix::default())
}

/// Whether a rule with these conditions fires.
fn fires(conditions: &str, ticket: &TicketText) -> bool {
    let rule = format!("[[rule]]\nid = \"r\"\n{conditions}\ncategory = {{ a = 1.0 }}\n");
    decide(&rule, ticket).category.value.is_some()
}

#[test]
fn texts_are_found_where_the_rule_looks() {
    let both = ticket("VPN drops", "The printer in hall 7 prints slowly");
    let check = |conditions: &str, expected: bool| {
        assert_eq!(fires(conditions, &both), expected, "{conditions}");
    };
    check("words = [\"vpn\"]", true);
    check("words = [\"vpn\"]\nin = \"body\"", false);
    check("words = [\"vpn\"]\nin = \"title\"", true);
    check("stems = [\"print\"]", true);
    check("stems = [\"prints\"]", true);
    check("stems = [\"rinter\"]", false);
    check("regexes = ['hall \\d']\nin = \"description\"", true);
    check("regexes = ['hall \\d']\nin = \"subject\"", false);
    check("words = [\"vpn\", \"hall\"]\nat_least = 2", true);
    check("words = [\"vpn\", \"hall\", \"lift\"]\nat_least = 3", false);
    check("words = [\"vpn\"]\nunless = [\"hall\"]", false);
    check(
        "words = [\"vpn\"]\nin = \"subject\"\nunless = [\"hall\"]",
        true,
    );
}

#[test]
fn near_words_stand_close_together_in_one_text() {
    let check = |subject: &str, description: &str, expected: bool| {
        let conditions = "near = [\"cannot\", \"print\"]\nwithin = 3";
        let ticket = ticket(subject, description);
        assert_eq!(
            fires(conditions, &ticket),
            expected,
            "{subject} {description}"
        );
    };
    check("I cannot really print", "", true);
    check("printing is what I cannot", "", false);
    check("printing I simply cannot", "", true);
    check("cannot", "print", false);
    check("cannot, and then later again cannot print", "", true);
    check("cannot one two three print", "", false);
}

#[test]
fn conditions_are_put_together() {
    let mail = TicketText {
        channel: Some("Email".to_owned()),
        ..ticket("VPN", "tunnel")
    };
    let check = |conditions: &str, expected: bool| {
        assert_eq!(fires(conditions, &mail), expected, "{conditions}");
    };
    let (vpn, lan) = ("{ words = [\"vpn\"] }", "{ words = [\"lan\"] }");
    check(&format!("all = [{vpn}, {{ channel = \"email\" }}]"), true);
    check(&format!("all = [{vpn}, {lan}]"), false);
    check(&format!("any = [{lan}, {vpn}]"), true);
    check(&format!("any = [{lan}, {vpn}]\nat_least = 2"), false);
    check(&format!("none = [{lan}]"), true);
    check(&format!("none = [{lan}, {vpn}]"), false);
    check(
        &format!("channel = [\"email\"]\nany = [{{ all = [{vpn}, {{ none = [{lan}] }}] }}]"),
        true,
    );
    check("in = \"subject\"\nall = [{ words = [\"tunnel\"] }]", false);
}

#[test]
fn fields_are_compared() {
    let fields =
        serde_json::json!({"site": "LYS", "floor": 3, "labels": ["x", "y"], "padded": " LYS\t"});
    let asked = TicketText {
        requester: Some("Anna@Acme.example".to_owned()),
        organisation: Some("Acme Ltd".to_owned()),
        product: Some("Outlook".to_owned()),
        attachments: vec!["photo.png".to_owned(), "Invoice.EXE".to_owned()],
        fields: serde_json::from_value(fields).unwrap(),
        ..ticket("x", "")
    };
    let check = |conditions: &str, expected: bool| {
        assert_eq!(fires(conditions, &asked), expected, "{conditions}");
    };
    check("requester = \"*@acme.example\"", true);
    check("requester = \"acme.example\"", false);
    check("organisation = [\"Other\", \"acme ltd\"]", true);
    check("product = \"word\"", false);
    check("attachment = \"*.exe\"", true);
    check("attachment = { matches = '\\.(js|vbs)$' }", false);
    check("field = { site = \"lys\", floor = [\"2\", \"3\"] }", true);
    check("field.labels = \"y\"", true);
    check("field.site = { matches = '^L' }", true);
    check("field.nothing = \"*\"", false);
    check("field.padded = \"lys \"", true);
    check("field.padded = { matches = '^LYS$' }", true);
    check("field.padded = \" l*s\"", true);
}

#[test]
fn the_time_is_that_of_the_desk() {
    let at = |time: &str| TicketText {
        created_at: Some(crate::model::Time::parse(time).unwrap()),
        ..ticket("x", "")
    };
    let check = |conditions: &str, time: &str, expected: bool| {
        assert_eq!(
            fires(conditions, &at(time)),
            expected,
            "{conditions} {time}"
        );
    };
    // Monday 6 July 2026, two hours ahead of UTC.
    check("time = { open = true }", "2026-07-06T06:00:00Z", true);
    check("time = { open = true }", "2026-07-06T10:30:00Z", false);
    check("time = { open = false }", "2026-07-06T10:30:00Z", true);
    check("time = { days = \"sun\" }", "2026-07-05T12:00:00Z", true);
    check("time = { days = [\"sun\"] }", "2026-07-05T22:30:00Z", false);
    check(
        "time = { from = \"22:00\", to = \"06:00\" }",
        "2026-07-05T22:30:00Z",
        true,
    );
    check(
        "time = { from = \"22:00\", to = \"06:00\" }",
        "2026-07-06T04:00:00Z",
        false,
    );
    let unknown = ticket("x", "");
    assert!(
        !fires("time = { open = true }", &unknown),
        "nobody knows when"
    );
    assert!(
        !fires("time = { open = false }", &unknown),
        "nobody knows when"
    );
}

#[test]
fn a_policy_is_stronger_than_any_weight() {
    let rules = r#"
[[rule]]
id = "soft"
words = ["mail"]
category = { a = 9.0 }
[[rule]]
id = "hard"
note = "n"
words = ["phishing"]
set = { category = "b", impact = 1, flag = ["security"], reason = "security policy 4" }
[[rule]]
id = "later"
words = ["phishing"]
set = { category = "a", queue = "qa", reason = "does not count for the category" }
"#;
    let decision = decide(rules, &ticket("phishing mail", ""));
    let category = &decision.category;
    assert_eq!(category.value, Some(FieldValue::Name("b".to_owned())));
    assert_eq!(category.decision, crate::triage::Decision::Apply);
    assert!((category.confidence - 1.0).abs() < f64::EPSILON);
    let Reason::Set {
        rule,
        reason,
        matched,
        ..
    } = &category.reasons[0]
    else {
        panic!("{category:?}");
    };
    assert_eq!(
        (rule.as_str(), reason.as_str()),
        ("hard", "security policy 4")
    );
    assert_eq!(matched[0].text, "phishing");
    assert_eq!(
        category.alternatives[0].value,
        FieldValue::Name("a".to_owned())
    );
    assert_eq!(
        decision.queue.value,
        Some(FieldValue::Name("qa".to_owned()))
    );
    assert_eq!(decision.impact.value, Some(FieldValue::Number(1)));
    assert_eq!(decision.flags[0].value, "security");
    assert_eq!(decision.flags[0].decision, crate::triage::Decision::Apply);
    for field in FieldName::ALL.map(|field| decision.field(field)) {
        let sum: f64 = field.reasons.iter().map(Reason::weight).sum();
        assert!((sum - field.score).abs() < 1e-12, "{field:?}");
    }
    let follows = decide(
        &rules.replace("queue = \"qa\", ", ""),
        &ticket("phishing", ""),
    );
    assert_eq!(follows.queue.value, Some(FieldValue::Name("qb".to_owned())));
    assert!((follows.queue.confidence - 1.0).abs() < f64::EPSILON);
}

#[test]
fn labels_are_decided_each_for_itself() {
    let rules = "[[rule]]\nid = \"r\"\nwords = [\"director\"]\nflag = { vip = 4.0 }\n\
                 tag = { outage = -2.0 }\n";
    let decision = decide(rules, &ticket("director", ""));
    let vip = &decision.flags[0];
    assert!((vip.score - 3.0).abs() < 1e-12, "bias included: {vip:?}");
    assert!((vip.confidence - 1.0 / (1.0 + (-3.0_f64).exp())).abs() < 1e-12);
    assert_eq!(vip.decision, crate::triage::Decision::Apply);
    assert_eq!(decision.tags[0].decision, crate::triage::Decision::Abstain);
    let nothing = decide(rules, &ticket("x", ""));
    assert!(nothing.flags.is_empty() && nothing.tags.is_empty());
}

#[test]
fn a_rule_that_is_off_does_nothing() {
    let rules = "[[rule]]\nid = \"off\"\nenabled = false\nregexes = ['vpn']\nwords = [\"vpn\"]\n\
                 category = { a = 1.0 }\n[[rule]]\nid = \"on\"\nregexes = ['lan']\n\
                 category = { b = 1.0 }\n";
    let decision = decide(rules, &ticket("vpn and lan", ""));
    assert_eq!(
        decision.category.value,
        Some(FieldValue::Name("b".to_owned()))
    );
    let rules = Rules::parse("r", &format!("{HEAD}{rules}")).unwrap();
    assert_eq!((rules.summary().rules, rules.summary().off), (1, 1));
}

const MANY_SLIPS: &str = r#"format = 2
tags = ["t", "t"]
[queues]
"network/vpn" = "network"
[calendar]
time_zone = "Mars/Base"
hours = { mon = "17:00-08:00", someday = "08:00-09:00" }
[bias.impact]
"1" = "much"
[[rule]]
id = "a"
words = ["vpn", 7]
at_least = 3
in = "footer"
stems = ["two words"]
near = ["one"]
field = { site = [] }
time = { from = "25:00", to = "08:00" }
category = { "network/vnp" = 3.0 }
tag = { u = 99.0 }
set = { queue = "netwrk" }
[[rule]]
words = ["the"]
enabled = "no"
queue = { network = 1.0 }
[[rule]]
id = "c"
all = [{}]
regexes = ['[^\s\S]', '(']
unless = "x"
impact = { "4" = 1.0 }
"#;

const THE_SLIPS: [&str; 26] = [
    "r:1:10: format 2 is not known",
    "r:2:14: \"t\" stands in tags already",
    "r:6:13: \"Mars/Base\" is no time zone",
    "r:7:17: \"17:00-08:00\" ends before it begins",
    "r:7:32: expected one of mon, ",
    "r:9:7: expected a number, not \"much\"",
    "r:12:17: expected a text, not 7",
    "r:13:12: at least 3 of 1 can never hold",
    "r:14:6: expected one of text, subject, title, description, body, not \"footer\"",
    "r:15:10: \"two words\" is not the beginning of one word",
    "r:16:8: `near` needs two words or more",
    "r:17:18: site needs a value",
    "r:18:17: expected a time such as \"08:30\", not \"25:00\"",
    "r:19:14: category \"network/vnp\" does not stand in [queues]; did you mean \"network/vpn\"?",
    "r:20:9: tag \"u\" does not stand in `tags`",
    "r:20:9: a weight is a number from -20 to 20",
    "r:21:7: what is set needs a `reason`",
    "r:21:17: queue \"netwrk\" does not stand in [queues]; did you mean \"network\"?",
    "r:22:1: a rule needs an `id`",
    "r:23:10: \"the\" has no word to look for",
    "r:24:11: expected true or false, not \"no\"",
    "r:28:8: there is no condition here",
    "r:29:12: this regex matches no text at all",
    "r:29:23: this regex cannot be read: unclosed group",
    "r:30:10: expected a list, not \"x\"",
    "r:31:12: impact is \"1\", \"2\" or \"3\", not \"4\"",
];

/// A file with many slips is mended in one go.
#[test]
fn all_errors_are_found_at_once() {
    let message = Rules::parse("r", MANY_SLIPS).unwrap_err().to_string();
    for part in THE_SLIPS {
        assert!(message.contains(part), "{part} is missing in\n{message}");
    }
}

#[test]
fn a_broken_line_does_not_hide_what_stands_behind_it() {
    let text = "format = 1\n[[rule]]\nid = \"r\"\nnote = \"open\nwrds = [\"x\"]\n";
    let message = Rules::parse("r", text).unwrap_err().to_string();
    assert!(message.contains("r:4:"), "{message}");
    assert!(
        message.contains("r:5:1: unknown field `wrds`; did you mean \"words\"?"),
        "{message}"
    );
}

fn schema_takes(text: &str) -> Result<(), String> {
    let schema: serde_json::Value = serde_json::from_str(RULES_SCHEMA).unwrap();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("rules.schema.json", schema).unwrap();
    let mut schemas = boon::Schemas::new();
    let index = compiler.compile("rules.schema.json", &mut schemas).unwrap();
    let file: toml::Table = text.parse().unwrap();
    let json = serde_json::to_value(file).unwrap();
    schemas
        .validate(&json, index)
        .map_err(|error| error.to_string())
}

/// Editors check the file by the schema while it is written; they must say what the parser says.
#[test]
fn schema_and_parser_agree() {
    let demo = std::fs::read_to_string("corpus/demo/rules.toml").unwrap();
    schema_takes(&demo).unwrap();
    let rule = "[[rule]]\nid = \"r\"\nwords = [\"vpn\"]\ncategory = { a = 1.0 }\n";
    let check = |rest: &str, is_right: bool| {
        let text = format!("{HEAD}{rule}{rest}\n");
        let parsed = Rules::parse("r", &text)
            .map(|_| ())
            .map_err(|error| error.to_string());
        let schema = schema_takes(&text);
        assert_eq!(parsed.is_ok(), is_right, "the parser on {rest}: {parsed:?}");
        assert_eq!(schema.is_ok(), is_right, "the schema on {rest}: {schema:?}");
    };
    for right in [
        "name = \"n\"\nowner = \"o\"\nnote = \"x\"\nenabled = true\neach = true\nat_least = 1",
        "phrases = [\"a b c\"]\nstems = [\"tun\"]\nregexes = ['x+']\nunless = [\"lan\"]\nin = \"title\"",
        "near = [\"one\", \"two\"]\nwithin = 4",
        "channel = [\"email\"]\nrequester = \"*@x\"\norganisation = \"y\"\nproduct = { matches = \"z\" }",
        "attachment = \"*.exe\"\nfield = { site = [\"a\", \"b\"], floor = { matches = ['1', '2'] } }",
        "time = { open = false, days = [\"sat\"], from = \"18:00\", to = \"06:00\" }",
        "all = [{ words = [\"x\"], any = [{ channel = \"email\" }] }]\nnone = [{ product = \"p\" }]",
        "queue = { qa = 1 }\nimpact = { \"1\" = 2.0 }\ntag = { outage = 1.0 }\nflag = { vip = -1.0 }",
        "set = { category = \"a\", queue = \"qa\", impact = 1, urgency = \"2\", tag = \"outage\", \
         flag = [\"vip\"], reason = \"r\" }",
    ] {
        check(right, true);
    }
    for wrong in [
        "word = [\"x\"]",
        "phrases = \"x\"",
        "in = \"footer\"",
        "at_least = 0",
        "within = 3",
        "near = [\"x\"]",
        "channel = []",
        "product = { like = \"x\" }",
        "time = {}",
        "time = { from = \"18:00\" }",
        "time = { days = [\"someday\"] }",
        "all = []",
        "any = [{}]",
        "any = [{ id = \"x\", words = [\"x\"] }]",
        "impact = { \"4\" = 1.0 }",
        "flag = { vip = 21.0 }",
        "flag = { vip = \"much\" }",
        "enabled = \"no\"",
        "set = { category = \"a\" }",
        "set = { category = \"a\", reason = \" \" }",
        "set = { reason = \"x\" }",
        "set = { impact = 4, reason = \"x\" }",
    ] {
        check(wrong, false);
    }
}
