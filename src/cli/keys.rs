//! `firstline keys`: who may use the HTTP API.

use std::path::Path;

use serde_json::json;

use super::args::KeysCommand;
use super::{Exit, Output, output};
use crate::engine::now;
use crate::store::{add_key, list_keys, revoke_key};

pub(super) fn run(
    folder: &Path,
    command: &KeysCommand,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    match command {
        KeysCommand::Add { name, role, groups } => {
            let groups = groups.iter().map(|group| group.trim().to_owned()).collect();
            let key = add_key(folder, name, *role, groups, now())?;
            if output.is_json {
                output.json(&key)?;
            } else {
                output.line(&key.secret)?;
                output::note("this is the only time the key is shown; only a hash of it is kept");
            }
            Ok(Exit::Done)
        }
        KeysCommand::List => {
            let keys = list_keys(folder)?;
            let exit = Exit::of_found(!keys.is_empty());
            if output.is_json {
                output.json(&keys)?;
                return Ok(exit);
            }
            for key in keys {
                let groups: Vec<String> = key.groups.into_iter().collect();
                output.line(&format!(
                    "{}  {}  {}  since {}",
                    key.name,
                    key.role,
                    groups.join(","),
                    key.created_at
                ))?;
            }
            Ok(exit)
        }
        KeysCommand::Revoke { name } => {
            revoke_key(folder, name)?;
            if output.is_json {
                output.json(&json!({"name": name}))?;
            }
            output::note(&format!("the key {name:?} is not taken any more"));
            Ok(Exit::Done)
        }
    }
}
