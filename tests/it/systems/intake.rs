//! What comes in live: alerts that fire and resolve in any order, mails and their threads.

use serde_json::{Value, json};

use crate::support::Server;

fn alert(status: &str, starts: &str, ends: &str) -> Value {
    let time = |time: &str| {
        if time.is_empty() {
            Value::Null
        } else {
            json!(time)
        }
    };
    json!({"status": status, "labels": {"alertname": "DiskFull", "severity": "critical"},
        "annotations": {"summary": "Disk full"}, "startsAt": time(starts), "endsAt": time(ends)})
}

fn webhook(alerts: &[Value]) -> Value {
    json!({"version": "4", "status": "firing", "receiver": "desk", "groupKey": "g",
        "alerts": alerts})
}

/// Alerts come in one by one, at any hour, and sometimes twice.
#[test]
fn alerts_fire_and_resolve_their_ticket() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let hook = |status: &str, ends: &str| {
        json!({"version": "4", "status": status, "receiver": "desk",
        "groupKey": "g", "alerts": [{"status": status, "labels": {"alertname": "DiskFull", "severity": "critical"},
        "annotations": {"summary": "Disk full"}, "startsAt": "2026-03-07T06:00:00Z", "endsAt": ends}]})
    };
    let post =
        |body: &Value| server.post("/v1/intake/alertmanager", body).json()["tickets"][0].clone();
    let firing = hook("firing", "0001-01-01T00:00:00Z");
    let fired = post(&firing);
    assert_eq!(
        (&fired["status"], &fired["ticket_status"]),
        (&json!("created"), &json!("open")),
        "{fired}"
    );
    assert_eq!(post(&firing)["status"], "unchanged");
    let resolved = post(&hook("resolved", "2026-03-07T07:00:00Z"));
    assert_eq!(
        (&resolved["id"], &resolved["status"]),
        (&fired["id"], &json!("updated"))
    );
    let path = format!("/v1/tickets/{}", fired["id"].as_str().unwrap());
    assert_eq!(
        server.get(&path).json()["resolved_at"],
        "2026-03-07T07:00:00Z"
    );
    assert_eq!(
        post(&firing)["status"],
        "older",
        "a late webhook does not open it again"
    );
    assert_eq!(
        server.post("/v1/intake/alertmanager", &json!({})).status,
        400
    );
}

/// A mail is triaged when it comes, and its thread goes on in the same ticket.
#[test]
fn mails_become_triaged_tickets_and_go_on() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(
        crate::support::corpus("demo/rules.toml"),
        folder.path().join("rules.toml"),
    )
    .unwrap();
    let server = Server::start(folder.path());
    let mail = |text: &str| {
        let headers = [("content-type", "message/rfc822")];
        server
            .send("POST", "/v1/intake/email", &headers, text)
            .json()
    };
    let first = "From: ann@x.example\nSubject: Nobody on our floor can print\nMessage-ID: <1@x>\n\
                 Date: Mon, 2 Mar 2026 08:00:00 GMT\n\nThe copiers show no jobs. A customer \
                 comes at 11.\n";
    let taken = mail(first);
    assert_eq!(taken["status"], "created", "{taken}");
    assert_eq!(taken["triage"]["category"]["value"], "hardware/printer");
    assert_eq!(mail(first)["status"], "unchanged");
    let reply = mail(
        "From: ann@x.example\nSubject: Re: print\nMessage-ID: <2@x>\nReferences: <1@x>\n\
                      Date: Mon, 2 Mar 2026 09:00:00 GMT\n\nStill nothing.\n",
    );
    assert_eq!(
        (&reply["id"], &reply["status"]),
        (&taken["id"], &json!("updated")),
        "{reply}"
    );
    let path = format!("/v1/tickets/{}", taken["id"].as_str().unwrap());
    let ticket = server.get(&path).json();
    assert_eq!(ticket["comments"][0]["body"], "Still nothing.");
    assert_eq!(
        ticket["queue"], "field-support",
        "what was decided stays: {ticket}"
    );
    let wrong = server.send(
        "POST",
        "/v1/intake/email",
        &[("content-type", "message/rfc822")],
        "",
    );
    assert_eq!(wrong.status, 400);
}

/// A sender without times says only that something goes on or is over; the clock knows when.
#[test]
fn alerts_without_times_are_followed_by_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let post = |status: &str| {
        let body = webhook(&[alert(status, "", "0001-01-01T00:00:00Z")]);
        server.post("/v1/intake/alertmanager", &body).json()["tickets"][0].clone()
    };
    let fired = post("firing");
    assert_eq!(fired["status"], "created", "{fired}");
    assert_eq!(post("firing")["status"], "unchanged");
    let path = format!("/v1/tickets/{}", fired["id"].as_str().unwrap());
    assert!(server.get(&path).json()["created_at"].is_string());
    assert_eq!(post("resolved")["status"], "updated");
    assert!(server.get(&path).json()["resolved_at"].is_string());
    assert_eq!(post("resolved")["status"], "unchanged");
}

/// One bad alert must not lose the others: Alertmanager does not send a refused webhook again.
#[test]
fn a_bad_alert_is_told_and_the_others_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let good = alert("firing", "2026-03-07T06:00:00Z", "");
    let body = webhook(&[json!(7), good, json!({"status": "firing"})]);
    let answer = server.post("/v1/intake/alertmanager", &body);
    let tickets = answer.json()["tickets"].clone();
    assert_eq!(answer.status, 200, "{tickets}");
    assert_eq!(tickets[0]["refused"], "alerts: an alert is an object");
    assert_eq!(tickets[1]["status"], "created", "{tickets}");
    assert!(
        tickets[2]["refused"]
            .as_str()
            .unwrap()
            .contains("neither labels"),
        "{tickets}"
    );
    for (alerts, status) in [(vec![], 200), (vec![json!(7), json!(null)], 400)] {
        let answer = server.post("/v1/intake/alertmanager", &webhook(&alerts));
        assert_eq!(answer.status, status, "{}", answer.body);
    }
}

/// What the desk has decided on an alert's ticket stays when it fires again and when it resolves.
#[test]
fn the_desks_word_on_an_alert_stays() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let post = |status: &str, ends: &str| {
        let body = webhook(&[alert(status, "2026-03-07T06:00:00Z", ends)]);
        server.post("/v1/intake/alertmanager", &body).json()["tickets"][0].clone()
    };
    let fired = post("firing", "");
    let path = format!("/v1/tickets/{}", fired["id"].as_str().unwrap());
    let mut ticket = server.get(&path).json();
    ticket["queue"] = json!("storage");
    ticket["category"] = json!("hardware/disk");
    let object = ticket.as_object_mut().unwrap();
    object.retain(|name, _| name != "kind" && name != "id" && name != "seq");
    let put = server.send(
        "PUT",
        &path,
        &[("content-type", "application/json")],
        ticket.to_string(),
    );
    assert!(put.status < 300, "{}", put.body);
    assert_eq!(post("firing", "")["status"], "unchanged");
    assert_eq!(
        post("resolved", "2026-03-07T07:00:00Z")["status"],
        "updated"
    );
    let after = server.get(&path).json();
    assert_eq!(
        (&after["queue"], &after["category"]),
        (&json!("storage"), &json!("hardware/disk"))
    );
    assert_eq!(after["status"], "resolved");
}

const MESSAGE: [(&str, &str); 1] = [("content-type", "message/rfc822")];

fn reply(n: usize) -> String {
    format!(
        "From: bob{n}@x.example\nSubject: Re: VPN\nMessage-ID: <r{n}@x>\nReferences: <first@x>\n\
         Date: Mon, 2 Mar 2026 09:00:{n:02} GMT\n\nreply {n}\n"
    )
}

/// Replies to one mail come at once; each of them must be in the ticket.
#[test]
fn replies_at_the_same_time_are_all_kept() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let first = "From: ann@x.example\nSubject: VPN\nMessage-ID: <first@x>\n\
                 Date: Mon, 2 Mar 2026 08:00:00 GMT\n\nIt drops.\n";
    let taken = server
        .send("POST", "/v1/intake/email", &MESSAGE, first)
        .json();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let server = &server;
            scope.spawn(move || {
                let answer = server.send("POST", "/v1/intake/email", &MESSAGE, reply(n));
                assert_eq!(answer.status, 200, "{}", answer.body);
            });
        }
    });
    let path = format!("/v1/tickets/{}", taken["id"].as_str().unwrap());
    let ticket = server.get(&path).json();
    assert_eq!(ticket["comments"].as_array().unwrap().len(), 8, "{ticket}");
    assert_eq!(ticket["comments"][7]["body"], "reply 7", "by their dates");
}

/// A message may name only the one that it answers, come before it, or be larger than any JSON.
#[test]
fn threads_hold_together_and_large_messages_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let send = |text: String| {
        server
            .send("POST", "/v1/intake/email", &MESSAGE, text)
            .json()
    };
    let mail = |id: &str, header: &str, text: &str| {
        format!("From: a@x.example\nSubject: VPN\nMessage-ID: <{id}@x>\n{header}\n{text}\n")
    };
    let first = send(mail("1", "", "It drops."));
    // The first one that it names was never ours.
    let second = send(mail("2", "References: <lost@x> <1@x>\n", "Still."));
    assert_eq!(first["id"], second["id"]);
    let picture = "A".repeat(76) + "\n";
    let large = picture.repeat(9 * 1024 * 1024 / 77);
    let headers =
        "In-Reply-To: <1@x>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n";
    let body = format!(
        "--b\nContent-Type: text/plain\n\nSee it.\n--b\nContent-Type: image/png; name=a.png\n\
         Content-Transfer-Encoding: base64\n\n{large}--b--\n"
    );
    let third = send(mail("3", headers, &body));
    assert_eq!(
        (&third["id"], &third["status"]),
        (&first["id"], &json!("updated")),
        "{third}"
    );
    let path = format!("/v1/tickets/{}", first["id"].as_str().unwrap());
    let ticket = server.get(&path).json();
    assert_eq!(ticket["comments"][1]["body"], "See it.", "{ticket}");
    assert_eq!(ticket["attachments"], json!(["a.png"]));
    for garbage in ["\0\u{1}\u{2}", "no header at all", "\n\n\n"] {
        let answer = server.send("POST", "/v1/intake/email", &MESSAGE, garbage);
        assert_eq!(answer.status, 400, "{}", answer.body);
    }
}
