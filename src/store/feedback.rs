//! The tables of search feedback and search counts, written and read.
//!
//! Feedback is a row each and four counts an article; searches are only counted, by day and query.
//! Nothing here says who asked, from where, or at what time of the day, and which text of a query
//! is kept is decided before it comes here (`engine::kept_query`). Source: ours.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};
use serde::Serialize;

use super::Error;
use super::schema::has_format;
use crate::model::{ArticleId, Day, FeedbackKind};

/// Stands for every query whose text is not kept.
pub const NOT_KEPT: &str = "(not kept)";

/// Different queries that a day may have; what comes on top is counted as [`NOT_KEPT`]. So many
/// take about 1 MB a day.
const MAX_QUERIES_A_DAY: u64 = 20_000;

/// What is kept of one feedback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackRow {
    /// When it was given.
    pub day: Day,
    /// What was searched for, as far as it is kept.
    pub query: Option<String>,
    /// Of which article.
    pub article: ArticleId,
    /// What was said.
    pub kind: FeedbackKind,
    /// Whether it is a click that counts for its query.
    pub counts_for_query: bool,
}

/// How often something was searched for on a day, as far as it is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchCount {
    /// The day.
    pub day: Day,
    /// The query, or [`NOT_KEPT`].
    pub query: String,
    /// Searches.
    pub asked: u64,
    /// Those of them without a hit.
    pub without_hits: u64,
    /// Articles opened from their answers.
    pub clicked: u64,
}

/// What was said of something, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct FeedbackCounts {
    /// It helped.
    pub helpful: u64,
    /// It did not.
    pub not_helpful: u64,
    /// It was opened from an answer.
    pub clicked: u64,
    /// It solved the trouble.
    pub solved: u64,
}

impl FeedbackCounts {
    /// Adds other counts to these.
    pub fn add(&mut self, other: Self) {
        self.helpful += other.helpful;
        self.not_helpful += other.not_helpful;
        self.clicked += other.clicked;
        self.solved += other.solved;
    }
}

/// How often a query was asked in a period.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct QueryCount {
    /// In lower case, white space collapsed.
    pub query: String,
    /// Searches.
    pub asked: u64,
    /// Those of them without a hit.
    pub without_hits: u64,
    /// Articles opened from their answers.
    pub clicked: u64,
}

/// The beginning of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Listed<T> {
    /// How many there are in all.
    pub total: u64,
    /// The first of them.
    pub list: Vec<T>,
}

/// All searches of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SearchTotals {
    /// Searches.
    pub asked: u64,
    /// Those of them without a hit.
    pub without_hits: u64,
    /// Articles opened from their answers.
    pub clicked: u64,
    /// Searches whose text was not kept; they are in no list of queries.
    pub not_kept: u64,
}

/// What the tables say of a period.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchReport {
    /// All searches.
    pub searches: SearchTotals,
    /// The queries asked most often.
    pub top: Listed<QueryCount>,
    /// Queries with a search without hits, most such searches first.
    pub without_hits: Listed<QueryCount>,
    /// Queries with hits of which none was opened, most such searches first.
    pub without_click: Listed<QueryCount>,
    /// What was said of each article, by its id.
    pub articles: BTreeMap<String, FeedbackCounts>,
}

/// Adds one feedback.
pub(super) fn add(connection: &Connection, row: &FeedbackRow) -> Result<(), Error> {
    let FeedbackRow {
        day, query, kind, ..
    } = row;
    let article = row.article.as_str();
    connection
        .prepare_cached(
            "INSERT INTO feedback (day, query, article_id, kind) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![day.to_string(), query, article, kind.as_str()])?;
    let n_of = |counted: FeedbackKind| u64::from(counted == *kind);
    connection
        .prepare_cached(
            "INSERT INTO article_feedback (article_id, helpful, not_helpful, clicked, solved)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (article_id) DO UPDATE SET
                 helpful = helpful + excluded.helpful,
                 not_helpful = not_helpful + excluded.not_helpful,
                 clicked = clicked + excluded.clicked,
                 solved = solved + excluded.solved",
        )?
        .execute(params![
            article,
            n_of(FeedbackKind::Helpful),
            n_of(FeedbackKind::NotHelpful),
            n_of(FeedbackKind::Clicked),
            n_of(FeedbackKind::Solved)
        ])?;
    if let (true, Some(query)) = (row.counts_for_query, query) {
        let click = SearchCount {
            day: *day,
            query: query.clone(),
            asked: 0,
            without_hits: 0,
            clicked: 1,
        };
        count(connection, &[click])?;
    }
    Ok(())
}

/// Adds counts of searches.
pub(super) fn count(connection: &Connection, counts: &[SearchCount]) -> Result<(), Error> {
    let mut n_queries: BTreeMap<Day, u64> = BTreeMap::new();
    for count in counts {
        let mut query = count.query.as_str();
        if !is_counted(connection, count)? {
            let n_before = match n_queries.get(&count.day) {
                Some(n) => *n,
                None => queries_on(connection, count.day)?,
            };
            let has_room = n_before < MAX_QUERIES_A_DAY;
            n_queries.insert(count.day, n_before + u64::from(has_room));
            query = if has_room { query } else { NOT_KEPT };
        }
        upsert(connection, count, query)?;
    }
    Ok(())
}

/// Adds to the row of a query on a day, making it when there is none.
fn upsert(connection: &Connection, count: &SearchCount, query: &str) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO search_count (day, query, asked, without_hits, clicked)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (day, query) DO UPDATE SET
                 asked = asked + excluded.asked,
                 without_hits = without_hits + excluded.without_hits,
                 clicked = clicked + excluded.clicked",
        )?
        .execute(params![
            count.day.to_string(),
            query,
            count.asked,
            count.without_hits,
            count.clicked
        ])?;
    Ok(())
}

fn is_counted(connection: &Connection, count: &SearchCount) -> Result<bool, Error> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM search_count WHERE day = ?1 AND query = ?2)")?
        .query_row(params![count.day.to_string(), count.query], |row| {
            row.get(0)
        })
        .map_err(Error::from)
}

fn queries_on(connection: &Connection, day: Day) -> Result<u64, Error> {
    connection
        .prepare_cached("SELECT count(*) FROM search_count WHERE day = ?1")?
        .query_row([day.to_string()], |row| row.get(0))
        .map_err(Error::from)
}

/// Drops what is older than a day; the counts of the articles stay.
pub(super) fn forget_before(connection: &Connection, day: Day) -> Result<(), Error> {
    let day = day.to_string();
    connection.execute("DELETE FROM feedback WHERE day < ?1", [&day])?;
    connection.execute("DELETE FROM search_count WHERE day < ?1", [&day])?;
    Ok(())
}

/// What was ever said of each article.
pub(super) fn of_articles(connection: &Connection) -> Result<Vec<(String, FeedbackCounts)>, Error> {
    if !has_format(connection, 2)? {
        return Ok(Vec::new());
    }
    connection
        .prepare("SELECT article_id, helpful, not_helpful, clicked, solved FROM article_feedback")?
        .query_map([], id_and_counts)?
        .map(|row| row.map_err(Error::from))
        .collect()
}

/// What the tables say of a period, both days included.
pub(super) fn report(
    connection: &Connection,
    (from, to): (Day, Day),
    limit: usize,
) -> Result<SearchReport, Error> {
    if !has_format(connection, 2)? {
        return Ok(SearchReport::default());
    }
    // One state of the tables for all lists, so that they add up.
    let snapshot = connection.unchecked_transaction()?;
    let (from, to) = (from.to_string(), to.to_string());
    let period = [from.as_str(), to.as_str()];
    let queries = |having, order| queries(&snapshot, period, (having, order), limit);
    Ok(SearchReport {
        searches: search_totals(&snapshot, period)?,
        top: queries("asked > 0", "asked")?,
        without_hits: queries("without_hits > 0", "without_hits")?,
        without_click: queries(
            "asked > without_hits AND clicked = 0",
            "asked - without_hits",
        )?,
        articles: articles(&snapshot, period)?,
    })
}

/// The queries that had hits on so many days since a day, the most frequent first.
pub(super) fn frequent_queries(
    connection: &Connection,
    since: Day,
    min_days: u32,
    limit: usize,
) -> Result<Vec<String>, Error> {
    if !has_format(connection, 2)? {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT query FROM search_count
         WHERE day >= ?1 AND query <> '{NOT_KEPT}' AND asked > without_hits
         GROUP BY query HAVING count(*) >= ?2
         ORDER BY sum(asked - without_hits) DESC, query LIMIT ?3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection
        .prepare_cached(&sql)?
        .query_map(params![since.to_string(), min_days, limit], |row| {
            row.get(0)
        })?
        .map(|row| row.map_err(Error::from))
        .collect()
}

fn search_totals(connection: &Connection, period: [&str; 2]) -> Result<SearchTotals, Error> {
    let sql = format!(
        "SELECT coalesce(sum(asked), 0), coalesce(sum(without_hits), 0),
                coalesce(sum(clicked), 0), coalesce(sum(asked) FILTER (WHERE query = '{NOT_KEPT}'), 0)
         FROM search_count WHERE day BETWEEN ?1 AND ?2"
    );
    connection
        .prepare_cached(&sql)?
        .query_row(period, |row| {
            Ok(SearchTotals {
                asked: row.get(0)?,
                without_hits: row.get(1)?,
                clicked: row.get(2)?,
                not_kept: row.get(3)?,
            })
        })
        .map_err(Error::from)
}

/// The first queries of those that fulfil a condition, ties in the order of their texts.
fn queries(
    connection: &Connection,
    [from, to]: [&str; 2],
    (condition, order): (&str, &str),
    limit: usize,
) -> Result<Listed<QueryCount>, Error> {
    let sql = format!(
        "SELECT query, asked, without_hits, clicked, count(*) OVER ()
         FROM (SELECT query, sum(asked) AS asked, sum(without_hits) AS without_hits,
                      sum(clicked) AS clicked
               FROM search_count WHERE day BETWEEN ?1 AND ?2 AND query <> '{NOT_KEPT}'
               GROUP BY query)
         WHERE {condition} ORDER BY {order} DESC, query LIMIT ?3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![from, to, limit])?;
    let mut queries = Listed::default();
    while let Some(row) = rows.next()? {
        queries.total = row.get(4)?;
        queries.list.push(QueryCount {
            query: row.get(0)?,
            asked: row.get(1)?,
            without_hits: row.get(2)?,
            clicked: row.get(3)?,
        });
    }
    Ok(queries)
}

fn articles(
    connection: &Connection,
    period: [&str; 2],
) -> Result<BTreeMap<String, FeedbackCounts>, Error> {
    connection
        .prepare_cached(
            "SELECT article_id,
                    count(*) FILTER (WHERE kind = 'helpful'),
                    count(*) FILTER (WHERE kind = 'not_helpful'),
                    count(*) FILTER (WHERE kind = 'clicked'),
                    count(*) FILTER (WHERE kind = 'solved')
             FROM feedback WHERE day BETWEEN ?1 AND ?2 GROUP BY article_id",
        )?
        .query_map(period, id_and_counts)?
        .map(|row| row.map_err(Error::from))
        .collect()
}

fn id_and_counts(row: &Row<'_>) -> rusqlite::Result<(String, FeedbackCounts)> {
    let counts = FeedbackCounts {
        helpful: row.get(1)?,
        not_helpful: row.get(2)?,
        clicked: row.get(3)?,
        solved: row.get(4)?,
    };
    Ok((row.get(0)?, counts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreWriter;

    /// A flood of different queries must not fill the disk.
    #[test]
    fn a_day_has_a_bounded_number_of_queries() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = StoreWriter::open(folder.path()).unwrap();
        let day = Day::parse("2026-03-14").unwrap();
        let n_asked = MAX_QUERIES_A_DAY + 10;
        let counts: Vec<SearchCount> = (0..n_asked)
            .map(|n| SearchCount {
                day,
                query: format!("query {n}"),
                asked: 1,
                without_hits: 0,
                clicked: 0,
            })
            .collect();
        let (first, last) = counts.split_at(counts.len() / 2);
        store.count_searches(first).unwrap();
        store.count_searches(last).unwrap();
        store.count_searches(first).unwrap();
        let report = store.reader().search_report((day, day), 5).unwrap();
        assert_eq!(report.searches.asked, n_asked + first.len() as u64);
        assert_eq!(report.searches.not_kept, 10);
        assert_eq!(
            (report.top.total, report.top.list.len()),
            (MAX_QUERIES_A_DAY, 5)
        );
    }
}
