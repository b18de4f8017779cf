//! Article search as people use it: badly typed, half typed, pasted, with signs and filters.

use std::path::Path;
use std::time::Duration;

use firstline::import::{Options, ndjson};
use firstline::index::FacetField;
use firstline::search::{ExpansionKind, SearchHit, SearchQuery, Suggestion};
use firstline::{Audience, Engine, SearchAnswer, Settings};

use crate::support::corpus;

/// An engine with the articles of the demo desk.
fn desk() -> (tempfile::TempDir, Engine) {
    let folder = tempfile::tempdir().unwrap();
    let synonyms = corpus("demo/synonyms.txt");
    std::fs::copy(synonyms, folder.path().join("synonyms.txt")).unwrap();
    let engine = Engine::open(folder.path(), Settings::default()).unwrap();
    let mut newest = 0;
    for entry in std::fs::read_dir(corpus("demo/articles")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let records = ndjson(text.as_bytes(), Options::default());
        newest = engine.import(records, &mut |_| ()).unwrap().newest_seq;
    }
    engine.wait_visible(newest).unwrap();
    (folder, engine)
}

fn ask(engine: &Engine, q: &str) -> SearchAnswer {
    search(engine, &SearchQuery::text(q))
}

fn search(engine: &Engine, query: &SearchQuery) -> SearchAnswer {
    engine.search(query, &Audience::Everything).unwrap()
}

fn ids(answer: &SearchAnswer) -> Vec<&str> {
    answer.hits.iter().map(|hit| hit.id.as_str()).collect()
}

fn text_of(hit: &SearchHit) -> String {
    format!("{} {}", hit.title, hit.snippet.text).to_lowercase()
}

#[test]
fn slips_of_the_finger_are_forgiven_and_said() {
    let (_folder, engine) = desk();
    let answer = ask(&engine, "pasword reset");
    let right = ask(&engine, "password reset");
    assert_eq!(ids(&answer)[0], ids(&right)[0]);
    let understood = &answer.understood[0];
    assert_eq!(
        (understood.word.as_str(), understood.kind),
        ("pasword", ExpansionKind::Spelling)
    );
    assert!(
        understood.to.contains(&"password".to_owned()),
        "{understood:?}"
    );
    assert!(answer.hits[0].snippet.highlights.len() + answer.hits[0].title_highlights.len() > 1);

    let literal = SearchQuery {
        corrects_typos: false,
        ..SearchQuery::text("pasword reset")
    };
    let literal = search(&engine, &literal);
    assert_eq!(literal.unknown_words, ["pasword"]);
    assert!(literal.understood.is_empty());
}

#[test]
fn half_a_word_and_two_words_for_one_are_understood() {
    let (_folder, engine) = desk();
    let half = ask(&engine, "authentic");
    assert!(!half.hits.is_empty(), "{half:?}");
    let finished = ask(&engine, "globalprot ");
    let unfinished = ask(&engine, "globalprot");
    assert_eq!(unfinished.understood[0].kind, ExpansionKind::Completion);
    assert!(
        finished
            .understood
            .iter()
            .all(|said| said.kind != ExpansionKind::Completion)
    );
    let split = ask(&engine, "one drive");
    assert!(
        text_of(&split.hits[0]).contains("onedrive"),
        "{:?}",
        ids(&split)
    );
}

/// The exact word must win over what it could be a misspelling of.
#[test]
fn what_was_typed_counts_more_than_what_it_may_mean() {
    let (_folder, engine) = desk();
    for code in ["0x8004010F", "AADSTS50076", "0x0000011b"] {
        let answer = ask(&engine, code);
        assert!(!answer.hits.is_empty(), "{code}");
        assert!(
            answer.understood.is_empty(),
            "{code}: {:?}",
            answer.understood
        );
    }
}

#[test]
fn synonyms_are_used_and_the_file_is_read_again() {
    let (folder, engine) = desk();
    let answer = ask(&engine, "2fa on my new handset");
    let fired: Vec<&str> = answer
        .understood
        .iter()
        .filter(|said| said.kind == ExpansionKind::Synonym)
        .map(|said| said.word.as_str())
        .collect();
    assert_eq!(fired, ["2fa", "handset"]);
    assert!(
        text_of(&answer.hits[0]).contains("authenticator"),
        "{:?}",
        ids(&answer)
    );

    let file = folder.path().join("synonyms.txt");
    assert!(ask(&engine, "gizmo").hits.is_empty());
    std::fs::write(&file, "gizmo > docking\n").unwrap();
    std::thread::sleep(Duration::from_millis(1_100));
    let reloaded = ask(&engine, "gizmo");
    assert!(
        text_of(&reloaded.hits[0]).contains("dock"),
        "{:?}",
        ids(&reloaded)
    );
    // A wrong file changes nothing and is named.
    std::fs::write(&file, "no group at all\n").unwrap();
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(ids(&ask(&engine, "gizmo")), ids(&reloaded));
    let problems = engine.status().unwrap().search.problems;
    assert!(problems[0].contains("synonyms.txt:1"), "{problems:?}");
}

#[test]
fn phrases_exclusions_and_filters_hold() {
    let (_folder, engine) = desk();
    let all = ask(&engine, "recovery key");
    let phrase = ask(&engine, "\"recovery key\"");
    assert!(phrase.total > 0 && phrase.total < all.total);
    let printers = ask(&engine, "printer");
    let without = ask(&engine, "printer -queue");
    assert!(without.total < printers.total);
    let filtered = ask(&engine, "printer category:hardware/printer");
    assert!(
        filtered
            .hits
            .iter()
            .all(|hit| hit.category.as_deref() == Some("hardware/printer"))
    );
    assert!(filtered.total > 0 && filtered.total < printers.total);
    let listed = ask(&engine, "category:hardware/printer");
    assert!(
        listed.total >= filtered.total,
        "a filter alone lists what passes it"
    );
}

#[test]
fn nothing_found_is_not_the_end() {
    let (_folder, engine) = desk();
    let answer = ask(&engine, "\"printer unicorn\" xyzzyx");
    assert_eq!(answer.relaxed, ["phrases"]);
    assert!(!answer.hits.is_empty());
    assert!(
        answer.unknown_words.contains(&"xyzzyx".to_owned()),
        "{:?}",
        answer.unknown_words
    );
    assert!(ask(&engine, "").hits.is_empty());
    assert!(ask(&engine, "?! ...").hits.is_empty());
}

#[test]
fn the_explanation_adds_up_to_the_score() {
    let (_folder, engine) = desk();
    let query = SearchQuery {
        explains: true,
        ..SearchQuery::text("mfa pasword on new phone \"sign in\"")
    };
    let answer = search(&engine, &query);
    assert_eq!(answer.hits.len(), 10);
    for hit in &answer.hits {
        let explanation = hit.explanation.as_ref().unwrap();
        let sum: f32 = explanation.parts.iter().map(|part| part.score).sum();
        let score = sum * explanation.lift;
        assert!(
            (score - hit.score).abs() < 1e-3,
            "{}: {score} is not {}",
            hit.id,
            hit.score
        );
        assert!((0.0..=1.0).contains(&hit.similarity));
    }
}

/// Votes, age and drafts decide between articles that are as good, and never overturn the text.
#[test]
fn votes_and_freshness_break_ties() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path(), Settings::default()).unwrap();
    let article = |id: &str, title: &str, extra: serde_json::Value| {
        let mut article = serde_json::json!({"kind": "article", "id": id, "title": title,
            "body": "The scanner does not read badges.", "visibility": "public"});
        for (name, value) in extra.as_object().unwrap() {
            article[name] = value.clone();
        }
        engine
            .put(serde_json::from_value(article).unwrap())
            .unwrap()
    };
    let disliked = serde_json::json!({"votes": {"helpful": 1, "not_helpful": 40}});
    let liked = serde_json::json!({"votes": {"helpful": 40, "not_helpful": 1}});
    article("disliked", "Badge scanner", disliked.clone());
    article("plain", "Badge scanner", serde_json::json!({}));
    article("liked", "Badge scanner", liked.clone());
    article(
        "draft",
        "Badge scanner",
        serde_json::json!({"state": "draft"}),
    );
    let better = serde_json::json!({"body": "The badge scanner: reading badges.",
        "votes": disliked["votes"]});
    let newest = article("better", "Badge scanner reads badges", better);
    engine.wait_visible(newest).unwrap();
    let answer = ask(&engine, "badge scanner reads badges");
    let ids = ids(&answer);
    assert_eq!(ids[..3], ["better", "liked", "plain"], "{ids:?}");
}

#[test]
fn facets_count_what_is_found() {
    let (_folder, engine) = desk();
    let query = SearchQuery {
        facets: vec![FacetField::Category],
        ..SearchQuery::text("password")
    };
    let answer = search(&engine, &query);
    let counted: u64 = answer.facets["category"].values().sum();
    assert_eq!(counted, answer.total);
}

#[test]
fn pins_come_first_and_only_for_those_who_may_see_them() {
    let (folder, engine) = desk();
    let usual = ask(&engine, "vpn drops");
    let (last, first) = (ids(&usual)[9].to_owned(), ids(&usual)[0].to_owned());
    let pins = format!(
        "[[pin]]\nqueries = [\"drop vpn\"]\narticles = [\"{last}\", \"KB-none\"]\nbury = [\"{first}\"]\n"
    );
    std::fs::write(folder.path().join("pins.toml"), pins).unwrap();
    std::thread::sleep(Duration::from_millis(1_100));
    let pinned = ask(&engine, "vpn drops");
    assert_eq!(
        (ids(&pinned)[0], ids(&pinned)[9]),
        (last.as_str(), first.as_str())
    );
    assert!(pinned.hits[0].pinned && !pinned.hits[1].pinned);

    let internal = "[[pin]]\nqueries = [\"vpn\"]\narticles = [\"KB-1401\"]\n";
    std::fs::write(folder.path().join("pins.toml"), internal).unwrap();
    std::thread::sleep(Duration::from_millis(1_100));
    let public = engine
        .search(&SearchQuery::text("vpn"), &Audience::Public)
        .unwrap();
    assert!(!ids(&public).contains(&"KB-1401"));
    assert_eq!(ids(&ask(&engine, "vpn"))[0], "KB-1401");
}

#[test]
fn suggestions_complete_titles() {
    let (_folder, engine) = desk();
    let suggest = |text: &str| -> Vec<String> {
        let answer = engine.suggest(text, 5, &Audience::Everything).unwrap();
        answer
            .suggestions
            .into_iter()
            .map(|found| found.text().to_lowercase())
            .collect()
    };
    for (typed, word) in [
        ("ou", "outlook"),
        ("outl", "outlook"),
        ("otlook pro", "outlook"),
        ("paswo", "password"),
        ("new outlook prof", "profile"),
        ("cale", "calendar"),
    ] {
        let found = suggest(typed);
        assert!(
            found.first().is_some_and(|title| title.contains(word)),
            "{typed}: {found:?}"
        );
    }
    assert!(suggest("").is_empty());
    let hidden = engine
        .suggest("runbook stop", 5, &Audience::Public)
        .unwrap();
    let is_hidden =
        |found: &Suggestion| matches!(found, Suggestion::Article { id, .. } if id == "KB-1401");
    assert!(!hidden.suggestions.iter().any(is_hidden));
}

/// Whatever is in an article, its snippet is safe to insert, and highlights stand on characters.
#[test]
fn snippets_are_safe_in_every_language() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path(), Settings::default()).unwrap();
    let bodies = [
        (
            "de",
            "Größenänderung: Der <b>Drucker</b> im Café \"Zürich\" & 'Süd' druckt nicht 🖨️.",
        ),
        (
            "fr",
            "L'imprimante «é̀» n'imprime <script>alert(1)</script> plus à l'étage.",
        ),
        (
            "en",
            "日本語 printer 🖨️🖨️ prints <img src=x onerror=alert(1)> nothing.",
        ),
    ];
    let mut newest = 0;
    for (n, (language, body)) in bodies.iter().enumerate() {
        let article = serde_json::json!({"kind": "article", "id": format!("A{n}"),
            "title": "<i>x</i>", "body": body, "language": language, "visibility": "public"});
        newest = engine
            .put(serde_json::from_value(article).unwrap())
            .unwrap();
    }
    engine.wait_visible(newest).unwrap();
    for q in ["drucker zürich", "imprimante étage", "printer prints"] {
        let answer = ask(&engine, q);
        let snippet = &answer.hits[0].snippet;
        let plain = snippet.html.replace("<mark>", "").replace("</mark>", "");
        assert!(!plain.contains(['<', '>', '"', '\'']), "{}", snippet.html);
        assert!(!snippet.highlights.is_empty(), "{q}");
        let chars: Vec<char> = snippet.text.chars().collect();
        for mark in &snippet.highlights {
            let word: String = chars[mark.start..mark.end].iter().collect();
            assert!(
                word.chars().all(|c| c.is_alphanumeric() || c == '\''),
                "{q}: {word:?}"
            );
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    /// No text is an error.
    #[test]
    fn any_text_is_a_query(texts in proptest::collection::vec("\\PC{0,60}|[-\":a-z ]{0,40}", 40)) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("any-text");
        std::fs::create_dir_all(&folder).unwrap();
        let engine = Engine::open(&folder, Settings::default()).unwrap();
        for text in texts {
            ask(&engine, &text);
            engine.suggest(&text, 5, &Audience::Public).unwrap();
        }
    }
}
