//! The words that every layer speaks: documents, their ids, who may see them, and the scales of a
//! help desk (impact, urgency, priority).
//!
//! Plain serde types without behaviour beyond their own invariants. Nothing here reads a disk, a
//! clock or an index, and no other module of the crate is imported.

mod article;
mod audience;
mod calendar;
mod day;
mod document;
mod feedback;
mod id;
mod scale;
mod ticket;
mod time;

pub use article::{Article, ArticleState, Votes};
pub use audience::{Audience, Role, Visibility};
pub use calendar::{Calendar, InvalidTimeZone, LocalTime, Weekday};
pub use day::{Day, InvalidDay};
pub use document::{Document, DocumentKey, Fields, Kind};
pub use feedback::{Feedback, FeedbackKind};
pub use id::{ArticleId, DecisionId, InvalidId, MAX_ID_CHARS, TicketId};
pub use scale::{Impact, InvalidScale, Priority, PriorityMatrix, Urgency};
pub use ticket::{Comment, Ticket, TicketText};
pub use time::{InvalidTime, Time};
