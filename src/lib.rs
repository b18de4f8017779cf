//! x
pub mod config;
pub mod engine;
pub mod import;
pub mod index;
pub mod model;
pub mod search;
pub mod similar;
pub mod store;
pub mod text;
pub mod triage;
