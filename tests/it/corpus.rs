//! The demo desk and its judgments: what every number we publish stands on.

#![expect(clippy::cast_precision_loss, reason = "counts of a small corpus")]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use firstline::eval::{self, JudgedSet};
use firstline::import::{Options, document_of_json, ndjson};
use firstline::model::{ArticleState, PriorityMatrix};
use firstline::triage::{FieldValue, Thresholds};
use firstline::{
    Article, Audience, Document, Engine, Rules, Settings, Ticket, TicketText, Visibility,
};
use serde_json::Value;

use crate::support::corpus;

/// The files of a folder of the corpus with their texts.
fn texts(folder: &str) -> Vec<(PathBuf, String)> {
    let entries = std::fs::read_dir(corpus(folder)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
        .collect()
}

/// Every document of a folder, strictly read: nothing is kept raw or made up.
fn documents(folder: &str) -> Vec<Document> {
    let mut documents = Vec::new();
    for (path, text) in texts(folder) {
        for (n, line) in text.lines().enumerate() {
            let at = format!("{}:{}", path.display(), n + 1);
            let mapped = document_of_json(line, Options::default())
                .unwrap_or_else(|refused| panic!("{at}: {refused:?}"));
            assert!(mapped.notes.is_empty(), "{at}: {:?}", mapped.notes);
            documents.push(mapped.document);
        }
    }
    documents
}

fn articles() -> Vec<Article> {
    let article = |document| match document {
        Document::Article(article) => article,
        Document::Ticket(ticket) => panic!("{} is no article", ticket.id),
    };
    documents("demo/articles")
        .into_iter()
        .map(article)
        .collect()
}

fn ticket(document: Document) -> Ticket {
    match document {
        Document::Ticket(ticket) => ticket,
        Document::Article(article) => panic!("{} is no ticket", article.id),
    }
}

fn tickets() -> Vec<Ticket> {
    documents("demo/tickets").into_iter().map(ticket).collect()
}

fn judged_tickets() -> Vec<Ticket> {
    documents("eval/triage").into_iter().map(ticket).collect()
}

/// The lines of a JSON file of the judgments.
fn json_lines(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(corpus(name)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The judgments of search: for every query its documents with their grade.
fn judgments() -> BTreeMap<String, BTreeMap<String, u32>> {
    let text = std::fs::read_to_string(corpus("eval/search/qrels.tsv")).unwrap();
    let mut judgments: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let [query, document, grade] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line:?} has not three columns");
        };
        let grade: u32 = grade.parse().unwrap();
        let known = judgments.entry(query.to_owned()).or_default();
        assert_eq!(
            known.insert(document.to_owned(), grade),
            None,
            "{line:?} is there twice"
        );
    }
    judgments
}

fn rules_text() -> String {
    std::fs::read_to_string(corpus("demo/rules.toml")).unwrap()
}

/// Asserts that every id is there once, and gives them.
fn unique(ids: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for id in ids {
        assert!(!seen.contains(&id), "{id} is there twice");
        seen.insert(id);
    }
    seen
}

/// Small sets measure noise, and one language hides what another one breaks.
#[test]
fn the_corpus_is_large_enough_and_its_ids_are_unique() {
    let (articles, tickets, judged) = (articles(), tickets(), judged_tickets());
    let groups = json_lines("eval/similar/groups.jsonl");
    let queries = json_lines("eval/search/queries.jsonl");
    let ids = |values: &[Value]| {
        unique(
            values
                .iter()
                .map(|value| value["id"].as_str().unwrap().to_owned()),
        )
        .len()
    };
    assert!(articles.len() >= 120, "{} articles", articles.len());
    assert!(tickets.len() >= 400, "{} tickets", tickets.len());
    assert!(ids(&queries) >= 150, "{} queries", queries.len());
    assert!(ids(&groups) >= 100, "{} groups", groups.len());
    assert!(judged.len() >= 120, "{} judged tickets", judged.len());
    unique(articles.iter().map(|article| article.id.to_string()));
    unique(
        tickets
            .iter()
            .chain(&judged)
            .map(|ticket| ticket.id.to_string()),
    );
    let languages: BTreeSet<&str> = articles
        .iter()
        .filter_map(|article| article.language.as_deref())
        .collect();
    assert!(languages.len() >= 3, "{languages:?}");
}

/// A judgment about a document that is not there counts as a miss for ever.
#[test]
fn whatever_is_referred_to_exists() {
    let articles = unique(articles().iter().map(|article| article.id.to_string()));
    let tickets_read = tickets();
    let tickets = unique(tickets_read.iter().map(|ticket| ticket.id.to_string()));
    for ticket in tickets_read.iter().chain(&judged_tickets()) {
        for linked in &ticket.linked_articles {
            assert!(articles.contains(linked), "{} links {linked}", ticket.id);
        }
    }
    let mut members = BTreeSet::new();
    for group in json_lines("eval/similar/groups.jsonl") {
        let of_group = group["tickets"].as_array().unwrap();
        assert!(of_group.len() >= 2, "{group}");
        for ticket in of_group {
            let id = ticket.as_str().unwrap();
            assert!(tickets.contains(id), "{group}");
            assert!(members.insert(id.to_owned()), "{id} is in two groups");
        }
    }
    let queries = json_lines("eval/search/queries.jsonl");
    let queries = unique(
        queries
            .iter()
            .map(|query| query["id"].as_str().unwrap().to_owned()),
    );
    for (query, documents) in judgments() {
        assert!(queries.contains(&query), "{query}");
        for document in documents.keys() {
            assert!(articles.contains(document), "{query} judges {document}");
        }
    }
}

/// Nobody can find what search must not show: such a query would only measure luck.
#[test]
fn every_query_has_a_relevant_article_that_everyone_may_see() {
    let open: BTreeSet<String> = articles()
        .iter()
        .filter(|article| {
            article.visibility == Visibility::Public && article.state == ArticleState::Published
        })
        .map(|article| article.id.to_string())
        .collect();
    let judgments = judgments();
    for query in json_lines("eval/search/queries.jsonl") {
        let id = query["id"].as_str().unwrap();
        assert!(!query["text"].as_str().unwrap().trim().is_empty(), "{id}");
        let relevant = judgments
            .get(id)
            .into_iter()
            .flatten()
            .filter(|(_, grade)| **grade > 0);
        assert!(
            relevant
                .clone()
                .any(|(document, _)| open.contains(document)),
            "{id}"
        );
    }
}

/// The rule file is the taxonomy; a category beside it can never be decided.
#[test]
fn categories_and_queues_are_those_of_the_rules() {
    let rules: toml::Table = rules_text().parse().unwrap();
    let queues = rules["queues"].as_table().unwrap();
    for article in articles() {
        let category = article.category.unwrap();
        assert!(
            queues.contains_key(&category),
            "{} is of {category}",
            article.id
        );
    }
    let names: BTreeSet<&str> = queues.values().filter_map(toml::Value::as_str).collect();
    let judged = judged_tickets();
    for ticket in tickets().iter().chain(&judged) {
        let (category, queue) = (ticket.category.as_deref(), ticket.queue.as_deref());
        assert!(
            queues.contains_key(category.unwrap()),
            "{} is of {category:?}",
            ticket.id
        );
        assert!(
            names.contains(queue.unwrap()),
            "{} is in {queue:?}",
            ticket.id
        );
    }
    for ticket in &judged {
        assert!(
            ticket.impact.is_some() && ticket.urgency.is_some(),
            "{}",
            ticket.id
        );
    }
}

/// A ticket that was solved before it came would spoil every figure over time.
#[test]
fn times_are_in_order() {
    for ticket in tickets() {
        let created = ticket.created_at.unwrap();
        assert!(ticket.resolved_at.unwrap() >= created, "{}", ticket.id);
        assert!(ticket.updated_at.unwrap() >= created, "{}", ticket.id);
        let said: Vec<_> = ticket
            .comments
            .iter()
            .filter_map(|said| said.created_at)
            .collect();
        assert!(said.iter().all(|time| *time >= created), "{}", ticket.id);
        assert!(said.is_sorted(), "the comments of {}", ticket.id);
    }
    for article in articles() {
        assert!(
            article.updated_at.unwrap() >= article.created_at.unwrap(),
            "{}",
            article.id
        );
    }
}

/// The words of a text, three by three.
fn shingles(text: &str) -> HashSet<String> {
    let words: Vec<String> = text
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.windows(3).map(|three| three.join(" ")).collect()
}

/// Asserts that no two of the texts share two fifths of their shingles.
fn assert_no_near_copies(texts: &[(String, String)]) {
    let shingles: Vec<HashSet<String>> = texts.iter().map(|(_, text)| shingles(text)).collect();
    let mut having: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, of_text) in shingles.iter().enumerate() {
        for shingle in of_text {
            having.entry(shingle).or_default().push(index);
        }
    }
    let mut shared: HashMap<(usize, usize), usize> = HashMap::new();
    for indexes in having.values() {
        for (n, &a) in indexes.iter().enumerate() {
            for &b in indexes.iter().skip(n + 1) {
                *shared.entry((a.min(b), a.max(b))).or_default() += 1;
            }
        }
    }
    let mut copies = Vec::new();
    for ((a, b), n_shared) in shared {
        let n_all = shingles[a].len() + shingles[b].len() - n_shared;
        if n_shared * 10 >= n_all * 4 {
            copies.push(format!(
                "{} and {}: {n_shared} of {n_all}",
                texts[a].0, texts[b].0
            ));
        }
    }
    copies.sort();
    assert!(copies.is_empty(), "near copies: {copies:#?}");
}

/// Copies make similar tickets and judged decisions look better than they are.
#[test]
fn no_two_texts_are_near_copies() {
    let of_ticket = |ticket: &Ticket| {
        (
            ticket.id.to_string(),
            format!("{}\n{}", ticket.subject, ticket.description),
        )
    };
    let tickets: Vec<_> = tickets()
        .iter()
        .chain(&judged_tickets())
        .map(of_ticket)
        .collect();
    assert_no_near_copies(&tickets);
    let of_article = |article: &Article| {
        (
            article.id.to_string(),
            format!("{}\n{}", article.title, article.body),
        )
    };
    let articles: Vec<_> = articles().iter().map(of_article).collect();
    assert_no_near_copies(&articles);
}

/// The rules alone must be of use on the first day, without any history.
///
/// The aim is seven of ten. The rules get 68 % of the 120 tickets that they were not written from
/// (a linear SVM on all articles and tickets of the desk gets 68 %); the floor holds what is there.
#[test]
fn the_rules_decide_most_unseen_categories_right() {
    let rules = Rules::parse("corpus/demo/rules.toml", &rules_text()).unwrap();
    let thresholds = Thresholds {
        apply: 0.9,
        suggest: 0.5,
    };
    let judged: Vec<Value> = json_lines("eval/triage/test.jsonl");
    assert!(judged.len() >= 120);
    let is_right = |ticket: &&Value| {
        let text = |field: &str| ticket[field].as_str().unwrap_or_default().to_owned();
        let words = TicketText {
            subject: text("subject"),
            description: text("description"),
            channel: Some(text("channel")),
            ..TicketText::default()
        };
        let decision = rules.decide(&words, thresholds, &PriorityMatrix::default());
        decision.category.value == Some(FieldValue::Name(text("category")))
    };
    let n_right = judged.iter().filter(is_right).count();
    let percent = 100.0 * n_right as f64 / judged.len() as f64;
    assert!(
        percent >= 68.0,
        "{n_right} of {}: {percent:.1} %",
        judged.len()
    );
    println!(
        "{n_right} of {} categories right, {percent:.1} %",
        judged.len()
    );
}

/// A change of analysis or ranking that loses quality must not pass unseen.
#[test]
fn search_finds_what_was_judged_relevant() {
    let folder = tempfile::tempdir().unwrap();
    let synonyms = folder.path().join("synonyms.txt");
    std::fs::copy(corpus("demo/synonyms.txt"), synonyms).unwrap();
    let engine = Engine::open(folder.path(), Settings::default()).unwrap();
    let mut newest = 0;
    for (_, text) in texts("demo/articles") {
        let records = ndjson(text.as_bytes(), Options::default());
        newest = engine.import(records, &mut |_| ()).unwrap().newest_seq;
    }
    engine.wait_visible(newest).unwrap();
    let set = JudgedSet::read(&corpus("eval/search"), "text", None).unwrap();
    let report = eval::search(&engine, &set, 0, &Audience::Public).unwrap();
    println!("{report:?}");
    let measures = report.measures;
    assert!(measures.ndcg_at_10 >= NDCG_FLOOR, "{measures:?}");
    assert!(measures.recall_at_10 >= RECALL_FLOOR, "{measures:?}");
}

/// Three points below what was measured when the floor was set.
const NDCG_FLOOR: f64 = 59.4;

/// Three points below what was measured when the floor was set.
const RECALL_FLOOR: f64 = 77.0;
