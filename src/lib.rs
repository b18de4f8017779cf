//! x
pub mod model;
pub mod store;
pub mod text;
pub mod index;
pub mod search;
pub mod similar;
