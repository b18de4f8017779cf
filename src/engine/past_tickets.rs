//! Goes through the tickets of the store.

use super::{Engine, Error};
use crate::model::{Document, Kind, Ticket, Time};
use crate::store::StoreReader;

/// Tickets that are held in memory at one time.
const BATCH: usize = 1_000;

impl Engine {
    /// Calls `sink` with all tickets; see [`past_tickets`].
    pub(super) fn past_tickets(
        &self,
        since: Option<Time>,
        sink: impl FnMut(Vec<(u64, Ticket)>),
    ) -> Result<(), Error> {
        past_tickets(&self.store, since, sink)
    }
}

/// Calls `sink` with all tickets and the numbers of their last changes, in order of these, some at a
/// time; only with those
/// created since a point in time when that is given. Tickets without a date count as old.
pub(super) fn past_tickets(
    store: &StoreReader,
    since: Option<Time>,
    mut sink: impl FnMut(Vec<(u64, Ticket)>),
) -> Result<(), Error> {
    let mut after = 0;
    loop {
        let piece = store.changes(Some(Kind::Ticket), after, BATCH)?;
        let Some(last) = piece.changes.last() else {
            return Ok(());
        };
        after = last.seq;
        let tickets = piece.changes.into_iter().filter_map(|change| {
            let Some(Document::Ticket(ticket)) = change.document else {
                return None;
            };
            let is_wanted = since.is_none_or(|since| ticket.created_at >= Some(since));
            is_wanted.then_some((change.seq, ticket))
        });
        sink(tickets.collect());
        if piece.is_last {
            return Ok(());
        }
    }
}
