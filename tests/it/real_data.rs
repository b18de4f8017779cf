//! Real desks: what was never written for us is imported without a refused line and can be asked.
//!
//! The whole of titanium-jira takes a minute in an unoptimised build; its older part is imported
//! only when `FIRSTLINE_TEST_ALL` is set.

use serde_json::json;

use crate::support::{run, run_json, shared, stderr};

/// Made-up data has no surprises; these two have thirteen years of them.
#[test]
fn real_articles_and_tickets_are_taken_and_found() {
    let Some(articles) = shared("data/office-support/docs.jsonl.gz") else {
        return;
    };
    let Some(tickets) = shared("data/titanium-jira/test.jsonl.gz") else {
        return;
    };
    let mut files = vec![(articles, 2_443), (tickets, 5_812)];
    if std::env::var_os("FIRSTLINE_TEST_ALL").is_some() {
        files.extend(shared("data/titanium-jira/train.jsonl.gz").map(|older| (older, 23_245)));
    } else {
        eprintln!("skipped: titanium-jira/train.jsonl.gz, FIRSTLINE_TEST_ALL is not set");
    }
    let folder = tempfile::tempdir().unwrap();
    for (file, n_lines) in files {
        let report = run_json(folder.path(), &["import", file.to_str().unwrap()]);
        assert_eq!(
            (&report["lines"], &report["refused"]),
            (&json!(n_lines), &json!(0)),
            "{}: {}",
            file.display(),
            report["problems"]
        );
    }
    let words = "Outlook asks for the password again and again";
    let found = run_json(folder.path(), &["search", words]);
    assert_eq!(found["hits"].as_array().unwrap().len(), 10);
    let title = found["hits"][0]["title"].as_str().unwrap().to_lowercase();
    assert!(
        title.contains("password") || title.contains("credentials"),
        "{title}"
    );
    let words = "Android: app crashes when the keyboard opens in a ScrollView";
    let similar = run_json(folder.path(), &["similar", words]);
    let terms = similar["hits"][0]["shared_terms"].to_string();
    assert!(
        terms.contains("keyboard") || terms.contains("scrollview"),
        "{similar}"
    );
    // Without rules the category is left to a human, with the similar tickets to help.
    let triage = run(folder.path(), &["triage", "--json", words]);
    assert_eq!(triage.status.code(), Some(1), "{}", stderr(&triage));
    let triage: serde_json::Value = serde_json::from_slice(&triage.stdout).unwrap();
    assert_eq!(triage["needs_human"], true);
    assert_eq!(triage["evidence"].as_array().unwrap().len(), 3);
}
