//! Firstline is the search and triage engine of a help desk.
//!
//! It holds knowledge-base articles and tickets in one data folder and gives article search for
//! self-service, the past tickets that were the same trouble for the analyst, and an explained
//! triage decision for every new ticket. [`Engine`] is the whole product as a library; the HTTP
//! server and the command line are thin layers over it.
//!
//! ```
//! use firstline::{Audience, Document, Engine, SearchQuery, Settings};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let engine = Engine::open(folder.path(), Settings::default())?;
//! let article = serde_json::from_str::<Document>(
//!     r#"{"kind": "article", "id": "KB-1", "title": "Reset a forgotten password",
//!         "body": "Open the portal and choose Reset password.", "visibility": "public"}"#,
//! )?;
//! let seq = engine.put(article)?;
//! engine.wait_visible(seq)?;
//!
//! let answer = engine.search(&SearchQuery::text("forgot my pasword reset"), &Audience::Public)?;
//! assert_eq!(answer.hits[0].id, "KB-1");
//! # Ok(())
//! # }
//! ```
//!
//! `ARCHITECTURE.md` in the repository tells which module does what and why.

pub mod config;
pub mod engine;
pub mod eval;
#[cfg(feature = "http")]
pub mod http;
pub mod import;
pub mod index;
pub mod model;
pub mod search;
pub mod similar;
pub mod store;
pub mod text;
pub mod triage;

#[cfg(feature = "cli")]
pub mod cli;

pub use config::Settings;
pub use engine::Engine;
pub use model::{
    Article, ArticleId, Audience, Document, DocumentKey, Ticket, TicketId, TicketText, Visibility,
};
pub use search::{SearchAnswer, SearchQuery};
pub use similar::{SimilarAnswer, SimilarQuery};
pub use triage::{Rules, TriageDecision};
