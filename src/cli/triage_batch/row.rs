//! What is written for a ticket of a batch: a line of JSON with the reasons, or a row of CSV with
//! values and confidences. A line that is no ticket says so in its place.

use anyhow::Context;
use serde::Serialize;

use crate::import::Refused;
use crate::triage::{Decision, FieldDecision, FieldName, LabelDecision, TriageDecision};

/// A line of the output.
#[derive(Serialize)]
struct JsonRow<'a> {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(flatten)]
    answer: JsonAnswer<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum JsonAnswer<'a> {
    Decided(&'a TriageDecision),
    Refused { error: JsonProblem<'a> },
}

#[derive(Serialize)]
struct JsonProblem<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    detail: &'a str,
}

/// The line of a ticket.
pub(super) fn json(
    line: u64,
    id: Option<&str>,
    answer: &Result<TriageDecision, Refused>,
) -> anyhow::Result<Vec<u8>> {
    let answer = match answer {
        Ok(decision) => JsonAnswer::Decided(decision),
        Err(refused) => JsonAnswer::Refused {
            error: JsonProblem {
                field: refused.field.as_deref(),
                detail: &refused.detail,
            },
        },
    };
    let mut bytes = serde_json::to_vec(&JsonRow { line, id, answer })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The row with the names of the columns.
pub(super) fn csv_header() -> anyhow::Result<Vec<u8>> {
    csv_row(&header())
}

/// The row of a ticket.
pub(super) fn csv(
    line: u64,
    id: Option<&str>,
    answer: &Result<TriageDecision, Refused>,
) -> anyhow::Result<Vec<u8>> {
    csv_row(&cells(line, id, answer))
}

/// The names of the columns.
fn header() -> Vec<String> {
    let mut names = vec!["line".to_owned(), "id".to_owned(), "needs_human".to_owned()];
    for field in FieldName::ALL {
        names.push(field.to_string());
        names.push(format!("{field}_confidence"));
        names.push(format!("{field}_decision"));
    }
    let rest = ["priority", "tags", "flags", "rules_digest", "error"];
    names.extend(rest.map(str::to_owned));
    names
}

/// The cells of a ticket, in the order of the header.
fn cells(line: u64, id: Option<&str>, answer: &Result<TriageDecision, Refused>) -> Vec<String> {
    let mut cells = vec![line.to_string(), id.unwrap_or_default().to_owned()];
    match answer {
        Ok(decision) => {
            cells.push(decision.needs_human.to_string());
            for field in FieldName::ALL {
                cells.extend(field_cells(decision.field(field)));
            }
            let priority = decision.priority.map(|priority| u8::from(priority.value));
            cells.push(priority.map_or(String::new(), |priority| priority.to_string()));
            cells.extend([labels(&decision.tags), labels(&decision.flags)]);
            cells.push(decision.rules_digest.clone());
            cells.push(String::new());
        }
        Err(Refused { field, detail, .. }) => {
            cells.resize(header().len() - 1, String::new());
            let field = field.as_ref().map(|field| format!("{field}: "));
            cells.push(format!("{}{detail}", field.unwrap_or_default()));
        }
    }
    cells
}

fn field_cells(field: &FieldDecision) -> [String; 3] {
    let decision = match field.decision {
        Decision::Apply => "apply",
        Decision::Suggest => "suggest",
        Decision::Abstain => "abstain",
    };
    [
        field
            .value
            .as_ref()
            .map_or(String::new(), ToString::to_string),
        format!("{:.4}", field.confidence),
        decision.to_owned(),
    ]
}

/// The labels that are sure enough to be shown.
fn labels(labels: &[LabelDecision]) -> String {
    let shown = labels
        .iter()
        .filter(|label| label.decision != Decision::Abstain);
    let names: Vec<&str> = shown.map(|label| label.value.as_str()).collect();
    names.join(", ")
}

fn csv_row(cells: &[String]) -> anyhow::Result<Vec<u8>> {
    let mut writer = ::csv::WriterBuilder::new()
        .buffer_capacity(512)
        .from_writer(Vec::new());
    writer.write_record(cells)?;
    writer.into_inner().context("a row could not be made")
}
