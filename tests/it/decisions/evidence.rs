//! What is shown beside a decision: past tickets that say how such tickets end.

use serde_json::{Value, json};

use super::{RULES, folder};
use crate::support::{Server, import};

const ASKED: &str = "tunnel to the mainframe drops";

fn ticket(id: &str, subject: &str, more: &Value) -> Value {
    let mut ticket = json!({"kind": "ticket", "id": id, "subject": subject,
        "created_at": "2026-01-02T09:00:00Z"});
    let more = more.as_object().unwrap().clone();
    ticket.as_object_mut().unwrap().extend(more);
    ticket
}

/// Three that are most like the one asked about and no evidence, and four that are less so and are.
fn tickets() -> Vec<Value> {
    let vpn = |status: &str| json!({"category": "network/vpn", "status": status});
    let no_values = json!({"status": "closed", "tags": ["vpn"]});
    let whole = json!({"status": "closed", "category": "network/vpn", "queue": "network",
        "impact": 2, "urgency": 1, "priority": 2, "product": "Connect", "site": "LYS",
        "tags": ["vpn"], "other": "x"});
    let mut tickets = vec![
        ticket("OPEN", ASKED, &vpn("open")),
        ticket("NO-VALUES", ASKED, &no_values),
        ticket("SELF", ASKED, &vpn("closed")),
        ticket("WHOLE", &format!("{ASKED} again"), &whole),
    ];
    for (n, words) in ["of ann today", "of bob since noon", "of eve and of others"]
        .iter()
        .enumerate()
    {
        let only_impact = json!({"status": "closed", "impact": 3});
        tickets.push(ticket(
            &format!("R-{n}"),
            &format!("{ASKED} {words}"),
            &only_impact,
        ));
    }
    tickets
}

/// What is open, has no values or is the ticket itself shows nothing about how such tickets end.
#[test]
fn evidence_is_resolved_tickets_with_all_their_values() {
    let folder = folder(RULES);
    let settings = "[triage]\nlearn = [\"product\", \"site\"]\n";
    std::fs::write(folder.path().join("firstline.toml"), settings).unwrap();
    import(folder.path(), &tickets());
    let server = Server::start(folder.path());
    let asked = json!({"subject": ASKED, "ticket_id": "SELF"});
    let answer = server.post("/v1/triage", &asked).json();
    let evidence = answer["evidence"].as_array().unwrap();
    let ids: Vec<&str> = evidence
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert_eq!((ids.len(), ids[0]), (3, "WHOLE"), "filled up: {ids:?}");
    assert!(ids[1..].iter().all(|id| id.starts_with("R-")), "{ids:?}");
    let values = json!({"category": "network/vpn", "queue": "network", "impact": 2, "urgency": 1,
        "priority": 2, "product": "Connect", "site": "LYS"});
    assert_eq!(evidence[0]["values"], values);
    assert_eq!(evidence[0]["tags"], json!(["vpn"]));
    assert!(!evidence[0]["shared_terms"].as_array().unwrap().is_empty());
}
