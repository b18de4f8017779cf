//! Imports from the systems that desks use: small samples in the shapes of each, from files to
//! documents; and real payloads, when `../shared/fixtures` is there.

mod articles;
mod damage;
mod intake;
mod mail;
mod repeat;
mod tables;
mod tickets;

use std::path::Path;

use firstline::import::{Inputs, Mapping, Plan, Report, Taken, dry_run};
use firstline::{Article, Document, Ticket, Visibility};

/// An import of some files, read without a data folder.
struct Read {
    documents: Vec<Document>,
    report: Report,
    /// What each file was taken for.
    taken_for: Vec<String>,
}

fn read_path(path: &Path, plan: &Plan) -> Read {
    let sources = plan.recognise(Inputs::open(path).unwrap());
    let mut documents = Vec::new();
    let records = sources.records(plan, &|_| ()).inspect(|record| {
        if let Ok(Taken::Document(mapped)) = &record.content {
            documents.push(mapped.document.clone());
        }
    });
    let report = dry_run(records);
    Read {
        documents,
        report,
        taken_for: sources
            .files
            .iter()
            .map(|(_, file)| file.in_words())
            .collect(),
    }
}

fn read(files: &[(&str, String)]) -> Read {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    read_path(folder.path(), &Plan::default())
}

fn read_with(mapping: &str, files: &[(&str, String)]) -> Read {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    let plan = Plan {
        mapping: Mapping::with(mapping).unwrap(),
        ..Plan::default()
    };
    read_path(folder.path(), &plan)
}

fn write(folder: &Path, files: &[(&str, String)]) {
    for (name, content) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

impl Read {
    fn ticket(&self, id: &str) -> &Ticket {
        let found = self.documents.iter().find_map(|document| match document {
            Document::Ticket(ticket) if ticket.id.as_str() == id => Some(ticket),
            Document::Ticket(_) | Document::Article(_) => None,
        });
        found.unwrap_or_else(|| panic!("no {id}: {:?} {:?}", self.documents, self.report))
    }

    fn article(&self, id: &str) -> &Article {
        let found = self.documents.iter().find_map(|document| match document {
            Document::Article(article) if article.id.as_str() == id => Some(article),
            Document::Ticket(_) | Document::Article(_) => None,
        });
        found.unwrap_or_else(|| panic!("no {id}: {:?} {:?}", self.documents, self.report))
    }
}

fn groups(names: &[&str]) -> Visibility {
    Visibility::Restricted(names.iter().map(|&name| name.to_owned()).collect())
}
