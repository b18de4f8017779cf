//! Bombs, cut and mutated files, and real payloads: nothing ends an import, and what is wrong is
//! said.

use firstline::import::{Inputs, Mapping, Plan, System, dry_run};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::articles::{confluence_export, docx};
use super::tickets::{MAILBOX, jira_issue, zendesk};
use super::{read, read_path};
use crate::support::shared;

/// A few kilobytes must not become an endless read, and a bad archive must say what is wrong.
#[test]
fn bombs_and_damage_are_refused_with_a_reason() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.ndjson.gz");
    let mut gzip = flate2::write::GzEncoder::new(
        std::fs::File::create(&path).unwrap(),
        flate2::Compression::best(),
    );
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..200 {
        gzip.write_all(&zeros).unwrap();
    }
    gzip.finish().unwrap();
    let report = read_path(&path, &Plan::default()).report;
    assert!(report.is_incomplete, "{report:?}");
    assert!(
        report.problems[0].detail.contains("200 times its size"),
        "{report:?}"
    );

    let deep = format!("<hibernate-generic>{}", "<a>".repeat(100_000));
    let report = read(&[("entities.xml", deep)]).report;
    assert!(report.problems[0].detail.contains("deep"), "{report:?}");
    let cut = confluence_export();
    let report = read(&[("entities.xml", cut[..cut.len() - 200].to_owned())]).report;
    assert!(report.is_incomplete, "{report:?}");

    let mut archive = docx();
    let at = archive.len() / 3;
    archive[at] ^= 0xff;
    std::fs::write(folder.path().join("bomb.ndjson.gz"), archive).unwrap();
    let read = Plan::default().recognise(Inputs::open(folder.path()).unwrap());
    assert!(read.is_ok());
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc", folder.path().join("link")).unwrap();
        let inputs = Inputs::open(folder.path()).unwrap();
        assert!(
            inputs
                .left_out
                .iter()
                .any(|(_, why)| why.contains("links are not followed"))
        );
    }
}

/// Real payloads that nobody wrote for us: every one is read, by its content and under every name.
#[test]
fn every_real_payload_is_read_without_a_crash() {
    let Some(fixtures) = shared("fixtures") else {
        return;
    };
    for system in System::ALL {
        let folder = fixtures.join(system.as_str());
        if !folder.exists() {
            continue;
        }
        let read = read_path(&folder, &Plan::default());
        eprintln!(
            "{system}: {} documents, {:?}",
            read.documents.len(),
            read.report.problems
        );
        assert!(!read.documents.is_empty(), "{system}");
        for other in System::ALL {
            let plan = Plan {
                from: Some(other),
                ..Plan::default()
            };
            read_path(&folder, &plan);
        }
    }
    let zendesk = read_path(&fixtures.join("zendesk"), &Plan::default());
    assert!(zendesk.report.tickets >= 91, "{:?}", zendesk.report);
    let jira = read_path(
        &fixtures.join("jira/server_v2_search_25issues.json"),
        &Plan::default(),
    );
    assert_eq!(
        (jira.report.tickets, jira.report.refused),
        (25, 0),
        "{:?}",
        jira.report
    );
}

/// The samples of this file, under the names of theirs.
fn samples() -> Vec<(System, Vec<u8>)> {
    let mut samples = vec![
        (System::Confluence, confluence_export().into_bytes()),
        (System::Eml, MAILBOX.as_bytes().to_vec()),
        (System::SharePoint, docx()),
        (
            System::Jira,
            json!({"issues": [jira_issue("SD-1", "Done", &Value::Null)]})
                .to_string()
                .into_bytes(),
        ),
        (
            System::Markdown,
            b"---\ntitle: x\n---\n# T\n\n- a\n".to_vec(),
        ),
    ];
    let files = zendesk().into_iter();
    samples.extend(files.map(|(_, text)| (System::Zendesk, text.into_bytes())));
    samples
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// A damaged file is refused, or read as far as it goes; it never ends the import.
    #[test]
    fn mutated_exports_never_panic(
        at_sample in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..8),
        forced in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let samples = samples();
        let (_, mut content) = samples[at_sample.index(samples.len())].clone();
        for (at, byte, kind) in changes {
            let at = at.index(content.len().max(1));
            match kind {
                0 if at < content.len() => content[at] = byte,
                1 => content.truncate(at.max(1)),
                2 => content.insert(at.min(content.len()), byte),
                _ => content.extend_from_within(..at.min(content.len())),
            }
        }
        let inputs = Inputs::keep("sample", &mut content.as_slice());
        let plan = Plan {
            from: forced.map(|at| System::ALL[at.index(System::ALL.len())]),
            mapping: Mapping::default(),
            mask: true,
            ..Plan::default()
        };
        if let Ok(sources) = inputs.and_then(|inputs| plan.recognise(inputs)) {
            let report = dry_run(sources.records(&plan, &|_| ()));
            prop_assert!(report.lines >= report.mapped);
        }
    }
}
