//! `firstline demo`: the demo desk, loaded into its own data folder and served.
//!
//! The desk is part of the program, so that the demo needs nothing beside it. Loading it again
//! changes nothing and takes a moment.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;

use super::args::ServeArgs;
use super::serve::{open, serve_engine};
use super::{Exit, Output, output};
use crate::Settings;
use crate::import::{Options, Report, ndjson};

/// The articles and tickets of `corpus/demo`.
const DOCUMENTS: [&str; 14] = [
    include_str!("../../corpus/demo/articles/devices.ndjson"),
    include_str!("../../corpus/demo/articles/files-and-backup.ndjson"),
    include_str!("../../corpus/demo/articles/identity.ndjson"),
    include_str!("../../corpus/demo/articles/mail-and-meetings.ndjson"),
    include_str!("../../corpus/demo/articles/network.ndjson"),
    include_str!("../../corpus/demo/articles/security-and-monitoring.ndjson"),
    include_str!("../../corpus/demo/articles/software-and-people.ndjson"),
    include_str!("../../corpus/demo/tickets/devices.ndjson"),
    include_str!("../../corpus/demo/tickets/files-and-backup.ndjson"),
    include_str!("../../corpus/demo/tickets/identity.ndjson"),
    include_str!("../../corpus/demo/tickets/mail-and-meetings.ndjson"),
    include_str!("../../corpus/demo/tickets/network.ndjson"),
    include_str!("../../corpus/demo/tickets/security-and-monitoring.ndjson"),
    include_str!("../../corpus/demo/tickets/software-and-people.ndjson"),
];

const RULES: &str = include_str!("../../corpus/demo/rules.toml");

const SYNONYMS: &str = include_str!("../../corpus/demo/synonyms.txt");

pub(super) fn run(
    folder: &Path,
    mut settings: Settings,
    args: &ServeArgs,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    if let Some(listen) = args.listen {
        settings.server.listen = listen;
    }
    for (name, text) in [
        (&settings.triage.rules, RULES),
        (&settings.search.synonyms, SYNONYMS),
    ] {
        let path = folder.join(name);
        if !path.exists() {
            std::fs::create_dir_all(folder)
                .and_then(|()| std::fs::write(&path, text))
                .with_context(|| format!("{} could not be written", path.display()))?;
        }
    }
    let engine = open(folder, settings)?;
    let mut report = Report::default();
    for documents in DOCUMENTS {
        let records = ndjson(documents.as_bytes(), Options::default());
        report.add(
            engine
                .import(records, &mut |_| ())
                .context("the demo could not be loaded")?,
        );
    }
    engine.wait_visible(report.newest_seq)?;
    let loaded = report.created + report.updated + report.unchanged;
    if output.is_json {
        output.json(&report)?;
    } else {
        output.line(&format!(
            "{loaded} articles and tickets in {}",
            folder.display()
        ))?;
    }
    output.flush()?;
    serve_engine(engine, |address| {
        output::note(&curl_lines(address));
    })
}

/// Five requests to paste into another terminal.
fn curl_lines(address: SocketAddr) -> String {
    format!(
        r#"Firstline listens on http://{address} until Ctrl-C. Try in another terminal:

curl -s 'http://{address}/v1/search?q=vpn+drops+when+i+work+from+home&limit=3'
curl -s 'http://{address}/v1/search?q=0x80070005&facets=category'
curl -s http://{address}/v1/similar -d '{{"subject": "Outlook keeps asking for my password", "description": "Since this morning a window comes up every few minutes. I changed my password yesterday.", "limit": 3}}'
curl -s http://{address}/v1/triage -d '{{"subject": "Nobody in the Lyon office can print", "description": "The whole second floor is waiting and we have a customer at 11."}}'
curl -s http://{address}/v1/status
"#
    )
}
