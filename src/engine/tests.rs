use super::*;
use crate::index::REJECTED_ID;
use crate::model::{ArticleId, Audience, Feedback, FeedbackKind, TicketText};
use crate::search::SearchQuery;
use crate::similar::SimilarQuery;
use crate::store::SearchCount;

fn article(id: &str, title: &str) -> Document {
    let json = serde_json::json!({"kind": "article", "id": id, "title": title,
        "visibility": "public"});
    serde_json::from_value(json).unwrap()
}

fn ticket(id: &str, subject: &str) -> Document {
    serde_json::from_value(serde_json::json!({"kind": "ticket", "id": id, "subject": subject}))
        .unwrap()
}

fn similar(engine: &Engine, subject: &str) -> Vec<String> {
    let text = TicketText {
        subject: subject.to_owned(),
        ..TicketText::default()
    };
    let answer = engine
        .similar(&SimilarQuery::text(text), &Audience::Everything)
        .unwrap();
    answer.hits.into_iter().map(|hit| hit.id).collect()
}

/// tantivy goes on answering Ok after it rejected a document, and keeps nothing of what follows.
#[test]
fn a_rejected_document_is_named_and_the_others_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path(), Settings::default()).unwrap();
    for n in 0..20 {
        engine
            .put(ticket(&format!("before-{n}"), "printer jams"))
            .unwrap();
    }
    engine.put(ticket(REJECTED_ID, "printer jams")).unwrap();
    let mut seq = 0;
    for n in 0..20 {
        seq = engine
            .put(ticket(&format!("after-{n}"), &format!("scanner{n} hums")))
            .unwrap();
    }
    engine.wait_visible(seq).unwrap();
    assert_eq!(
        similar(&engine, "scanner19 hums")[0],
        "after-19",
        "the newest one is found"
    );
    let report = engine.verify().unwrap();
    let tickets = &report.indexes[1];
    assert_eq!((tickets.indexed, tickets.rejected), (40, 1));
    assert_eq!(
        tickets.missing.ids,
        [REJECTED_ID],
        "verify names what cannot be found"
    );
    let status = engine.status().unwrap();
    assert_eq!(status.indexes[1].rejected[0].id, REJECTED_ID);
}

#[test]
fn changes_are_found_after_a_restart_without_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    settings.index.commit_interval_ms = 3_600_000;
    let engine = Engine::open(folder.path(), settings.clone()).unwrap();
    engine.put(article("KB-1", "Reset a password")).unwrap();
    // The files as a crash now would leave them: stored, nothing committed to an index.
    let crashed = tempfile::tempdir().unwrap();
    for name in ["firstline.db", "firstline.db-wal"] {
        std::fs::copy(folder.path().join(name), crashed.path().join(name)).unwrap();
    }
    let engine = Engine::open(crashed.path(), settings).unwrap();
    engine.wait_visible(1).unwrap();
    let answer = engine
        .search(&SearchQuery::text("password"), &Audience::Public)
        .unwrap();
    assert_eq!(answer.hits[0].id, "KB-1");
}

#[test]
fn a_rebuild_changes_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path(), Settings::default()).unwrap();
    let mut seq = 0;
    for n in 0..50 {
        seq = engine
            .put(ticket(&format!("T-{n}"), &format!("mail{n} is stuck")))
            .unwrap();
    }
    engine
        .delete(DocumentKey::new(Kind::Ticket, "T-7").unwrap())
        .unwrap();
    engine.wait_visible(seq + 1).unwrap();
    let before = similar(&engine, "mail8 is stuck");
    engine.rebuild().unwrap();
    while engine.rebuild_progress(Kind::Ticket).is_some() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(similar(&engine, "mail8 is stuck"), before);
    assert!(engine.verify().unwrap().is_clean);
    assert!(!similar(&engine, "mail7 is stuck").contains(&"T-7".to_owned()));
}

#[test]
fn a_second_engine_on_one_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Engine::open(folder.path(), Settings::default()).unwrap();
    let second = Engine::open(folder.path(), Settings::default());
    let message = second.unwrap_err().to_string();
    assert!(message.contains("in use by process"), "{message}");
}

/// Ranking will lean on these votes, so they must be the same before and after a restart.
#[test]
fn votes_are_in_memory_at_once_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path(), Settings::default()).unwrap();
    engine.put(article("KB-1", "Reset a password")).unwrap();
    let say = |id: &str, kind| {
        let feedback = Feedback {
            kind,
            article_id: ArticleId::new(id).unwrap(),
            query: None,
        };
        engine.feedback(feedback, &Audience::Public)
    };
    let before = engine.article_votes();
    for kind in [
        FeedbackKind::Helpful,
        FeedbackKind::Solved,
        FeedbackKind::NotHelpful,
        FeedbackKind::Clicked,
    ] {
        say("KB-1", kind).unwrap();
    }
    assert!(matches!(
        say("KB-2", FeedbackKind::Helpful),
        Err(Error::NotFound { .. })
    ));
    assert!(before.is_empty(), "who reads keeps the map as it was");
    let expected = ArticleVotes {
        positive: 2,
        negative: 1,
    };
    let check = |engine: &Engine| {
        let votes = engine.article_votes();
        assert_eq!((votes.len(), votes.get("KB-1")), (1, Some(&expected)));
    };
    check(&engine);
    drop(engine);
    check(&Engine::open(folder.path(), Settings::default()).unwrap());
    check(&Engine::open_reading(folder.path(), Settings::default()).unwrap());
}

/// Evaluations and triage ask thousands of queries that no user typed.
#[test]
fn only_searches_that_ask_for_it_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path(), Settings::default()).unwrap();
    let first = SearchQuery::text("Printer  jams");
    let second_page = SearchQuery {
        offset: 10,
        ..first.clone()
    };
    engine.search(&first, &Audience::Public).unwrap();
    engine
        .triage(&TicketText::default(), &Audience::Everything)
        .unwrap();
    for query in [&first, &second_page, &SearchQuery::text(" ")] {
        engine.search_counted(query, &Audience::Public).unwrap();
    }
    drop(engine);
    let engine = Engine::open(folder.path(), Settings::default()).unwrap();
    let today = Day::of(now());
    let analytics = engine
        .search_analytics(today.before(1), today, &Audience::Public)
        .unwrap();
    assert_eq!(analytics.searches.asked, 1);
    assert_eq!(analytics.top_queries.list[0].query, "printer jams");
}

/// What others often asked is suggested, but neither one man's wish nor a word that only those
/// who see more can know.
#[test]
fn frequent_queries_are_suggested_to_those_who_may_know_them() {
    let folder = tempfile::tempdir().unwrap();
    let today = Day::of(now());
    let count = |query: &str, days_ago: u32, without_hits: u64| SearchCount {
        day: today.before(days_ago),
        query: query.to_owned(),
        asked: 2,
        without_hits,
        clicked: 0,
    };
    let mut counts = vec![count("vpn at home", 1, 0)];
    for days_ago in 1..4 {
        counts.push(count("vpn drops again", days_ago, 0));
        counts.push(count("vpn takeover plan", days_ago, 0));
        counts.push(count("vpn drops never", days_ago, 2));
    }
    let mut store = StoreWriter::open(folder.path()).unwrap();
    store.count_searches(&counts).unwrap();
    drop(store);

    let engine = Engine::open(folder.path(), Settings::default()).unwrap();
    engine
        .put(article(
            "KB-1",
            "The VPN drops again and again at home, or never",
        ))
        .unwrap();
    let secret = serde_json::json!({"kind": "article", "id": "KB-2", "title": "Takeover plan",
        "visibility": {"restricted": ["board"]}});
    let seq = engine.put(serde_json::from_value(secret).unwrap()).unwrap();
    engine.wait_visible(seq).unwrap();
    let suggest = |text: &str, audience: &Audience| -> Vec<String> {
        let suggestions = engine.suggest(text, 8, audience).unwrap().suggestions;
        let texts = suggestions.iter().map(|found| found.text().to_owned());
        texts.filter(|text| text.starts_with("vpn")).collect()
    };
    assert_eq!(suggest("vp", &Audience::Public), ["vpn drops again"]);
    assert_eq!(
        suggest("vpn drosp a", &Audience::Public),
        ["vpn drops again"]
    );
    assert_eq!(
        suggest("vpn", &Audience::Everything),
        ["vpn drops again", "vpn takeover plan"]
    );
    assert!(suggest("vpn drops again", &Audience::Public).is_empty());
}

/// Resolved tickets of two kinds in turn, by their numbers.
fn put_resolved(engine: &Engine, numbers: std::ops::Range<u32>) {
    for n in numbers {
        let (subject, category) = match n % 2 {
            0 => ("tunnel drops", "network/vpn"),
            _ => ("toner is low", "hardware/printer"),
        };
        let ticket = serde_json::json!({"kind": "ticket", "id": format!("T-{n}"),
            "subject": format!("{subject} {n}"), "category": category, "status": "resolved"});
        engine.put(serde_json::from_value(ticket).unwrap()).unwrap();
    }
}

/// A desk whose tickets change must not be decided for ever by what it was last year.
#[test]
fn a_model_is_learned_anew_in_the_background_once_enough_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    settings.triage.relearn_after = 20;
    let engine = Engine::open(folder.path(), settings).unwrap();
    put_resolved(&engine, 0..40);
    let closing = Arc::new(AtomicBool::new(false));
    let learner = engine.learner();
    learner
        .start(Arc::clone(&closing), Duration::from_millis(1))
        .unwrap();
    let learned_from = || engine.models.current().map(|model| model.tickets());
    let settles_at = |tickets: Option<usize>| {
        let since = instant();
        while learned_from() != tickets && since.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(50));
        }
        // Nor is it learned again without a reason.
        let version = |engine: &Engine| engine.models.current().map(|m| m.version().to_owned());
        let settled = version(&engine);
        std::thread::sleep(Duration::from_millis(600));
        assert_eq!((learned_from(), version(&engine)), (tickets, settled));
    };
    settles_at(None);
    engine.train().unwrap();
    put_resolved(&engine, 40..50);
    settles_at(Some(40));
    put_resolved(&engine, 50..60);
    settles_at(Some(60));
    closing.store(true, Ordering::Relaxed);
}

/// A new version of the program may not read the models of the one before.
#[test]
fn a_model_that_cannot_be_read_is_learned_anew() {
    let folder = tempfile::tempdir().unwrap();
    let open = |relearn_after| {
        let mut settings = Settings::default();
        settings.triage.relearn_after = relearn_after;
        Engine::open(folder.path(), settings).unwrap()
    };
    let engine = open(20);
    put_resolved(&engine, 0..40);
    let version = engine.train().unwrap().model_version;
    let model = engine.store.model(&version).unwrap().unwrap();
    let older = [b"FLMODEL0", &model[8..]].concat();
    crate::store::put_model(folder.path(), &version, &older).unwrap();
    drop(engine);
    let learned = |relearn_after| {
        let engine = open(relearn_after);
        assert!(engine.models.current().is_none());
        engine.learner().learn_if_worth_it();
        engine.models.current().map(|model| model.tickets())
    };
    assert_eq!(learned(0), None, "never by itself");
    assert_eq!(learned(20), Some(40));
    let again = open(0).store.model(&version).unwrap().unwrap();
    assert_eq!(again, model, "the same bytes");
}

/// What a library says by hand counts like what comes over HTTP.
#[test]
fn a_document_written_by_hand_has_an_author_and_counts() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path(), Settings::default()).unwrap();
    let told = |id: &str| {
        let ticket = serde_json::json!({"kind": "ticket", "id": id, "impact": 1,
            "subject": "the whole plant stands still", "status": "resolved"});
        serde_json::from_value(ticket).unwrap()
    };
    let asked = TicketText {
        subject: "the whole plant stands still again".to_owned(),
        ..TicketText::default()
    };
    let decided = |engine: &Engine| engine.decider().unwrap().decide(&asked).impact;
    engine.put(told("T-1")).unwrap();
    let before = decided(&engine);
    let seq = engine.write_by_hand(told("T-2"), "anna").unwrap();
    assert!(decided(&engine).score > before.score);
    let corrections = engine.corrections(10).unwrap();
    assert_eq!(corrections.len(), 1);
    assert_eq!(
        (
            corrections[0].correction,
            corrections[0].author.name.as_str()
        ),
        (seq, "anna")
    );
}
