//! How decisions turned out, in figures.

use serde_json::{Value, json};

use super::{RULES, add_key, folder, send};
use crate::support::Server;

/// The tickets of the figures: id, what decides, what the ticket has in the end, who may see it.
const JUDGED: [(&str, &str, &str, &str); 12] = [
    ("T-1", "vpn", "network/vpn", ""),
    ("T-2", "vpn", "network/vpn", ""),
    ("T-3", "vpn", "network/vpn", ""),
    ("T-4", "vpn", "hardware/printer", ""),
    ("T-5", "printer", "hardware/printer", ""),
    ("T-6", "printer", "hardware/printer", ""),
    ("T-7", "slow", "network/vpn", ""),
    ("T-8", "slow", "software/fault", ""),
    ("T-9", "odd", "network/vpn", ""),
    ("T-10", "nothing", "software/fault", ""),
    ("T-11", "vpn", "network/vpn", "open"),
    ("T-12", "vpn", "hardware/printer", "hr"),
];

/// A desk with a decision on each of these tickets, on some more than one.
fn judged_desk() -> (tempfile::TempDir, Server, [String; 2]) {
    let folder = folder(RULES);
    let admin = add_key(folder.path(), "admin", "admin", &[]);
    let analyst = add_key(folder.path(), "analyst", "analyst", &["it"]);
    let server = Server::start(folder.path());
    // Only the last decision on a ticket counts, and one without a ticket not at all.
    let mut tickets = vec![
        json!({"subject": "printer", "ticket_id": "T-1"}),
        json!({"subject": "vpn"}),
        json!({"subject": "vpn", "ticket_id": "T-none"}),
    ];
    for (id, subject, ..) in JUDGED {
        tickets.push(json!({"subject": subject, "ticket_id": id}));
    }
    let stored = json!({"tickets": tickets, "store": true});
    assert_eq!(
        send(&server, &admin, ("POST", "/v1/triage"), &stored).json()["refused"],
        0
    );
    for (id, subject, category, state) in JUDGED {
        let status = if state == "open" { "open" } else { "closed" };
        let visibility = match state {
            "hr" => json!({"restricted": ["hr"]}),
            _ => json!("internal"),
        };
        let ticket = json!({"subject": subject, "category": category, "status": status,
            "visibility": visibility});
        let path = format!("/v1/tickets/{id}");
        assert_eq!(send(&server, &admin, ("PUT", &path), &ticket).status, 201);
    }
    (folder, server, [admin, analyst])
}

fn share(value: &Value) -> (u64, u64) {
    (value["n"].as_u64().unwrap(), value["of"].as_u64().unwrap())
}

fn close(value: &Value, expected: f64) {
    let value = value.as_f64().unwrap();
    assert!((value - expected).abs() < 1e-6, "{value} is not {expected}");
}

/// What is expected of the confidences of the categories.
fn assert_curve(category: &Value) {
    // e^5 / (e^5 + 2), e^1.5 / (e^1.5 + 2), e^0.2 / (e^0.2 + 2): three categories.
    let curve = category["calibration"].as_array().unwrap();
    assert_eq!(curve.len(), 10);
    for (bin, n, confidence, right) in [
        (9, 6, 0.986_703_3, 5.0 / 6.0),
        (6, 2, 0.691_438_4, 0.5),
        (3, 1, 0.379_152_5, 1.0),
    ] {
        assert_eq!(curve[bin]["n"], n);
        close(&curve[bin]["confidence"], confidence);
        close(&curve[bin]["right"], right);
    }
    assert_eq!(
        curve[5],
        json!({"from": 0.5, "to": 0.6, "n": 0, "confidence": null, "right": null})
    );
    close(&category["ece"], 0.213_771_6);
}

/// A desk trusts these figures when it lets decisions be applied.
#[test]
fn the_figures_of_twelve_tickets_are_those_worked_out_by_hand() {
    let (_folder, server, [_, analyst]) = judged_desk();
    let path = "/v1/analytics/triage";
    let answer = send(&server, &analyst, ("GET", path), &Value::Null).json();
    assert_eq!(
        (&answer["tickets"], &answer["resolved"]),
        (&json!(11), &json!(10)),
        "{answer}"
    );
    let category = &answer["fields"][0];
    assert_eq!(
        (&category["field"], &category["decided"]),
        (&json!("category"), &json!(10))
    );
    assert_eq!(share(&category["applied"]), (5, 6));
    assert_eq!(share(&category["suggested"]), (1, 2));
    assert_eq!(category["abstained"], 2);
    assert_eq!(share(&category["coverage"]), (8, 10));
    assert_eq!(share(&category["abstention"]), (2, 10));
    // Wilson, 5 of 6.
    close(&category["applied"]["low"], 0.436_497_6);
    close(&category["applied"]["high"], 0.969_946_2);
    assert_curve(category);
    let values: Vec<Value> = category["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| {
            json!([
                value["value"],
                value["decided"],
                share(&value["applied"]),
                share(&value["suggested"]),
                value["abstained"],
                share(&value["coverage"])
            ])
        })
        .collect();
    let expected = [
        json!(["hardware/printer", 2, [2, 2], [0, 0], 0, [3, 3]]),
        json!(["network/vpn", 7, [3, 4], [1, 2], 1, [4, 5]]),
        json!(["software/fault", 0, [0, 0], [0, 0], 0, [1, 2]]),
    ];
    assert_eq!(values, expected);
    let queue = &answer["fields"][1];
    assert_eq!(
        (&queue["decided"], &queue["ece"]),
        (&json!(0), &Value::Null),
        "no ticket has one"
    );
}

/// Figures tell of tickets as texts do.
#[test]
fn the_figures_count_only_what_the_audience_may_see() {
    let (_folder, server, [admin, analyst]) = judged_desk();
    let figures = |key: &str, period: &str| {
        let path = format!("/v1/analytics/triage{period}");
        let answer = send(&server, key, ("GET", &path), &Value::Null).json();
        let applied = share(&answer["fields"][0]["applied"]);
        (
            answer["tickets"].as_u64().unwrap(),
            answer["resolved"].as_u64().unwrap(),
            applied,
        )
    };
    assert_eq!(figures(&analyst, ""), (11, 10, (5, 6)));
    assert_eq!(figures(&admin, ""), (12, 11, (5, 7)));
    assert_eq!(
        figures(&admin, "?from=2020-01-01&to=2020-12-31"),
        (0, 0, (0, 0))
    );
    let deleted = send(&server, &admin, ("DELETE", "/v1/tickets/T-5"), &Value::Null);
    assert_eq!(deleted.status, 200);
    assert_eq!(figures(&admin, ""), (11, 10, (4, 6)));
}

/// To leave alone what is not the desk's is what was asked for, no gap.
#[test]
fn tickets_about_none_of_the_values_count_only_where_one_was_given() {
    let (folder, server, [_, analyst]) = judged_desk();
    assert_eq!(server.stop(), Some(0));
    let settings = "[triage]\nout_of_scope = [\"software/fault\"]\n";
    std::fs::write(folder.path().join("firstline.toml"), settings).unwrap();
    let server = Server::start(folder.path());
    let path = ("GET", "/v1/analytics/triage");
    let answer = send(&server, &analyst, path, &Value::Null).json();
    // T-8 was suggested a value, T-10 was left to a human.
    let category = &answer["fields"][0];
    assert_eq!(category["decided"], 9, "{answer}");
    assert_eq!(share(&category["suggested"]), (1, 2));
    assert_eq!(category["abstained"], 1);
    assert_eq!(share(&category["coverage"]), (7, 8));
    let values = category["values"].as_array().unwrap();
    assert_eq!(values.len(), 2, "{values:?}");
}

/// A desk has more to route by than the four fields that every desk has.
#[test]
fn further_fields_are_judged_where_they_were_decided() {
    let folder = folder(RULES);
    let settings = "[triage]\nlearn = [\"site\"]\n";
    std::fs::write(folder.path().join("firstline.toml"), settings).unwrap();
    let server = Server::start(folder.path());
    let put = |id: &str, site: &str| {
        let ticket = json!({"subject": "vpn at the gate", "site": site, "status": "closed"});
        let path = format!("/v1/tickets/{id}");
        let answer = server.send("PUT", &path, &[], ticket.to_string());
        assert_eq!(answer.status, 201, "{answer:?}");
    };
    for id in ["T-1", "T-2", "T-3"] {
        put(id, "LYS");
    }
    for id in ["T-4", "T-5"] {
        let asked = json!({"subject": "vpn at the gate", "ticket_id": id, "store": true});
        let answer = server.post("/v1/triage", &asked).json();
        assert_eq!(answer["fields"]["site"]["value"], "LYS", "{answer}");
    }
    put("T-4", "LYS");
    put("T-5", "RTM");
    let answer = server.get("/v1/analytics/triage").json();
    let fields = answer["fields"].as_array().unwrap();
    let names: Vec<&str> = fields
        .iter()
        .filter_map(|field| field["field"].as_str())
        .collect();
    assert_eq!(names, ["category", "queue", "impact", "urgency", "site"]);
    assert_eq!(fields[4]["decided"], 2, "{answer}");
    let values = fields[4]["values"].as_array().unwrap();
    let values: Vec<(&str, u64)> = values
        .iter()
        .map(|value| {
            (
                value["value"].as_str().unwrap(),
                value["decided"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(values, [("LYS", 2), ("RTM", 0)]);
}
