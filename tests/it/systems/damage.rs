//! Bombs, cut and mutated files, and real payloads: nothing ends an import, and what is wrong is
//! said.

use std::path::Path;

use firstline::import::{Inputs, Mapping, Plan, System, dry_run};
use proptest::prelude::*;

use super::articles::{confluence_export, docx};
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
    let report = read_path(folder.path(), &Plan::default()).report;
    assert_eq!(report.refused, 1, "{report:?}");
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

/// An archive whose members say more than an honest one holds, or give more than they say.
#[test]
fn archives_that_lie_are_refused() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.zip");
    let write = |n_members: usize, n_bytes: usize| {
        let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        let options = zip::write::SimpleFileOptions::default();
        for at in 0..n_members {
            zip.start_file(format!("{at}.ndjson"), options).unwrap();
            zip.write_all(&vec![b' '; n_bytes]).unwrap();
        }
        zip.finish().unwrap();
    };
    write(70, 1 << 20);
    let error = Inputs::open(&path).unwrap_err().to_string();
    assert!(error.contains("no honest export"), "{error}");
    // Inside a folder it is left out, and the rest is read.
    let inputs = Inputs::open(folder.path()).unwrap();
    assert!(
        inputs.left_out[0].1.contains("no honest export"),
        "{inputs:?}"
    );

    write(1, 1 << 20);
    let mut archive = std::fs::read(&path).unwrap();
    // The size in the central directory: 24 bytes behind its signature.
    let at = archive
        .windows(4)
        .position(|four| four == b"PK\x01\x02")
        .unwrap()
        + 24;
    archive[at..at + 4].copy_from_slice(&1_000_u32.to_le_bytes());
    std::fs::write(&path, archive).unwrap();
    let report = read_path(&path, &Plan::default()).report;
    assert!(report.is_incomplete, "{report:?}");
    assert!(
        report.problems[0].detail.contains("longer than it says"),
        "{report:?}"
    );
}

/// What is packed is kept packed: a stream of some kilobytes must not fill the disk. A pipe in a
/// folder must not stop it, nor a name lead out of it.
#[test]
fn streams_pipes_and_names_do_no_harm() {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&vec![b' '; 100 << 20]).unwrap();
    let bomb = gzip.finish().unwrap();
    let inputs = Inputs::keep("stream", &mut bomb.as_slice()).unwrap();
    assert_eq!(inputs.files[0].size_bytes, bomb.len() as u64);

    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    let mut zip = zip::ZipWriter::new(std::fs::File::create(inside.join("x.zip")).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("../../up.md", options).unwrap();
    zip.write_all(b"# Up\n\nText").unwrap();
    zip.finish().unwrap();
    #[cfg(unix)]
    {
        let pipe = inside.join("pipe.json");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
    }
    let read = read_path(&inside, &Plan::default());
    assert_eq!(read.article("markdown:..:..:up.md").title, "Up");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
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

/// The samples that the fuzzers begin with: every form of every system.
fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds");
    let mut seeds = Vec::new();
    for family in std::fs::read_dir(folder).unwrap() {
        for seed in std::fs::read_dir(family.unwrap().path()).unwrap() {
            seeds.push(std::fs::read(seed.unwrap().path()).unwrap());
        }
    }
    seeds.sort();
    seeds
}

/// A seed that is not recognised, or gives nothing, would leave its importer untried.
#[test]
fn the_seeds_reach_every_importer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds");
    let (mut taken_for, mut n_documents) = (String::new(), 0);
    for family in std::fs::read_dir(folder).unwrap() {
        let family = family.unwrap().path();
        let read = read_path(&family, &Plan::default());
        assert_eq!(read.report.problems, [], "{}", family.display());
        assert!(read.report.mapped > 0, "{}", family.display());
        n_documents += read.documents.len();
        taken_for.extend(read.taken_for);
    }
    for system in System::ALL {
        assert!(taken_for.contains(system.as_str()), "{system}: {taken_for}");
    }
    for shape in [
        "JSON",
        "CSV",
        "XLSX",
        "records (XML)",
        "(XML)",
        "(HTML)",
        "Word",
        "message",
        "mbox",
    ] {
        assert!(taken_for.contains(shape), "{shape}: {taken_for}");
    }
    assert!(n_documents >= 25, "{n_documents}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// A damaged file is refused, or read as far as it goes; it never ends the import.
    #[test]
    fn mutated_exports_never_panic(
        at_sample in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..8),
        forced in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let seeds = seeds();
        let mut content = seeds[at_sample.index(seeds.len())].clone();
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
        if let Ok(inputs) = inputs {
            let sources = plan.recognise(inputs);
            let report = dry_run(sources.records(&plan, &|_| ()));
            let told = report.mapped + report.older + report.skipped + report.refused;
            prop_assert_eq!(report.lines, told, "a record is counted nowhere");
        }
    }
}
