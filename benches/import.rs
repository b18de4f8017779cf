//! Exports of other systems to documents, on one core, without a store: what the mappings cost.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use firstline::import::{Inputs, Plan, dry_run};
use serde_json::{Value, json};

/// Issues of a page.
const ISSUES: u64 = 2_000;

/// A page of Jira's REST v2 with the fields that a real one has: some sixty, most of them empty.
fn jira_page() -> String {
    let issue = |n: u64| {
        let user = json!({"name": "ann", "displayName": "Ann", "emailAddress": "ann@x.example",
            "self": "https://acme.example/rest/api/2/user?username=ann", "active": true,
            "avatarUrls": {"48x48": "https://acme.example/a/48", "16x16": "https://acme.example/a/16"}});
        let named = |name: &str| {
            json!({"self": "https://acme.example/rest/api/2/x/1", "id": "1",
            "name": name, "iconUrl": "https://acme.example/images/icons/x.svg"})
        };
        let mut fields = json!({
            "summary": format!("Outlook asks for the password again, case {n}"),
            "description": format!("h2. Trouble\nIt asks *again* since Monday.\n\n# Open\n# Type\n\n\
                {{code}}\n0x8004010F {n}\n{{code}}\nSee [the page|https://acme.example/x]."),
            "status": {"name": "Done", "statusCategory": {"key": "done"}},
            "priority": named("High"), "resolution": named("Done"), "issuetype": named("Incident"),
            "project": named("SD"), "labels": ["mail", "vpn"], "components": [named("Mail")],
            "reporter": user, "creator": user, "assignee": user,
            "created": "2026-01-14T10:00:00.000+0000", "updated": "2026-01-15T21:23:41.324-0500",
            "resolutiondate": "2026-01-15T21:23:41.324-0500",
            "comment": {"comments": [{"author": user, "body": "Made a new profile.",
                "created": "2026-01-15T21:00:00.000+0000"}], "total": 1},
        });
        if let Value::Object(fields) = &mut fields {
            for at in 0..40 {
                fields.insert(format!("customfield_{}", 10_000 + at), Value::Null);
            }
        }
        json!({"expand": "operations", "id": n.to_string(), "key": format!("SD-{n}"),
            "self": format!("https://acme.example/rest/api/2/issue/{n}"), "fields": fields})
    };
    let issues: Vec<Value> = (0..ISSUES).map(issue).collect();
    json!({"startAt": 0, "total": ISSUES, "issues": issues}).to_string()
}

fn import(criterion: &mut Criterion) {
    let page = jira_page();
    let plan = Plan::default();
    let inputs = Inputs::keep("page.json", &mut page.as_bytes());
    let Ok(inputs) = inputs else {
        return;
    };
    let sources = plan.recognise(inputs);
    let mut group = criterion.benchmark_group("import/jira");
    group.throughput(Throughput::Elements(ISSUES));
    group.sample_size(10);
    group.bench_function(ISSUES.to_string(), |bencher| {
        bencher.iter(|| black_box(dry_run(sources.records(&plan, &|_| ()))));
    });
    group.finish();
}

criterion_group!(benches, import);
criterion_main!(benches);
