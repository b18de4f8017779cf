//! `firstline triage`: a decision on a new ticket, with its reasons; `--replay` makes a stored one
//! again.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::args::TriageArgs;
use super::{Exit, Output, output, search, similar, ticket, triage_batch};
use crate::engine::{DecisionReplay, Evidence, GoneInput, TriageAnswer};
use crate::model::DecisionId;
use crate::triage::{
    Counterfactual, Decision, FieldDecision, FieldValue, LabelDecision, LearnedKind, Matched,
    Reason, RemovedWhat,
};
use crate::{Audience, Engine, Settings};

/// The reasons that are printed one by one; `--json` has all.
const MAX_REASONS: usize = 8;

/// Of those that the answer hangs on.
const MAX_REMOVED: usize = 4;

pub(super) fn run(
    folder: &Path,
    settings: Settings,
    args: &TriageArgs,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let engine = Engine::open_reading(folder, settings)?;
    if let Some(id) = args.replay {
        return replay(&engine, id, output);
    }
    if let Some(path) = &args.batch.batch {
        return triage_batch::run(&engine, path, &args.batch, output);
    }
    let mut ticket = ticket::read(&args.ticket)?;
    ticket.channel.clone_from(&args.channel);
    ticket.requester.clone_from(&args.requester);
    ticket.organisation.clone_from(&args.organisation);
    ticket.product.clone_from(&args.product);
    ticket.attachments.clone_from(&args.attachments);
    ticket.created_at = args.at;
    let fields = args.fields.iter().cloned();
    ticket.fields = fields.map(|(name, value)| (name, value.into())).collect();
    let answer = engine.triage(&ticket, &Audience::Everything)?;
    let exit = Exit::of_found(answer.decided.decision.category.value.is_some());
    if output.is_json {
        output.json(&answer)?;
    } else {
        print(&answer, output)?;
        output::warnings(&answer.decided.warnings);
    }
    Ok(exit)
}

fn print(answer: &TriageAnswer, output: &mut Output) -> anyhow::Result<()> {
    let decided = &answer.decided;
    let decision = &decided.decision;
    print_field("category", &decision.category, output)?;
    print_field("queue", &decision.queue, output)?;
    print_field("impact", &decision.impact, output)?;
    print_field("urgency", &decision.urgency, output)?;
    match decision.priority {
        Some(priority) => output.line(&format!(
            "priority  {}  (impact {} x urgency {})",
            output.bold(&u8::from(priority.value).to_string()),
            u8::from(priority.impact),
            u8::from(priority.urgency)
        ))?,
        None => output.line("priority  -  (impact or urgency is not known)")?,
    }
    for (name, labels) in [("tag", &decision.tags), ("flag", &decision.flags)] {
        for label in labels {
            print_label(name, label, output)?;
        }
    }
    if decision.needs_human {
        output.line("a human should decide the category")?;
    }
    let evidence = decided.evidence.as_deref().unwrap_or_default();
    if !evidence.is_empty() {
        output.line("\nsimilar tickets")?;
    }
    for Evidence { hit, .. } in evidence {
        similar::print_hit(hit, output)?;
    }
    let articles = decided.articles.as_deref().unwrap_or_default();
    if !articles.is_empty() {
        output.line("\narticles")?;
    }
    for (index, hit) in articles.iter().enumerate() {
        search::print_hit(index + 1, hit, output)?;
    }
    Ok(())
}

fn replay(engine: &Engine, id: DecisionId, output: &mut Output) -> anyhow::Result<Exit> {
    let replay = engine.replay_decision(id, &Audience::Everything)?;
    let exit = match replay.same {
        true => Exit::Done,
        false => Exit::NotInOrder,
    };
    if output.is_json {
        output.json(&replay)?;
    } else {
        print_replay(&replay, output)?;
    }
    Ok(exit)
}

fn print_replay(replay: &DecisionReplay, output: &mut Output) -> anyhow::Result<()> {
    let id = replay.id;
    if replay.same {
        return output.line(&format!("{id} is the same again, byte for byte"));
    }
    for gone in &replay.gone {
        let input = match gone.input {
            GoneInput::Rules => "rules",
            GoneInput::Model => "model",
            GoneInput::Corrections => "corrections",
        };
        output.line(&format!(
            "{id}: gone: {input} {}: {}",
            gone.name, gone.detail
        ))?;
    }
    if !replay.gone.is_empty() {
        return Ok(());
    }
    output.line(&format!(
        "{id} came out differently: decided by firstline {}, again by {}",
        replay.program, replay.replayed_by
    ))?;
    for difference in &replay.differences {
        let shown = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
        output.line(&format!(
            "  {}: {} -> {}",
            difference.path,
            shown(difference.stored.as_ref()),
            shown(difference.replayed.as_ref())
        ))?;
    }
    Ok(())
}

fn print_field(name: &str, field: &FieldDecision, output: &mut Output) -> anyhow::Result<()> {
    let Some(value) = &field.value else {
        return output.line(&format!("{name:9} -  (nothing speaks for any value)"));
    };
    let value = match value {
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Name(name) => name.clone(),
    };
    let how_sure = (field.confidence, field.decision);
    print_value(name, &value, how_sure, &field.reasons, output)?;
    if let Some(counterfactual) = &field.counterfactual {
        output.line(&format!("          {}", hangs_on(counterfactual)))?;
    }
    if let Some(question) = &field.ask {
        output.line(&format!("          ask: {question}"))?;
    }
    Ok(())
}

/// What the answer would be without the reasons that it hangs on.
fn hangs_on(counterfactual: &Counterfactual) -> String {
    let without = counterfactual.without.as_slice();
    let (shown, others) = without.split_at(without.len().min(MAX_REMOVED));
    let mut names: Vec<String> = shown
        .iter()
        .map(|removed| removed_name(&removed.what))
        .collect();
    if !others.is_empty() {
        names.push(format!("{} more", others.len()));
    }
    let value = match &counterfactual.value {
        Some(value) => value.to_string(),
        None => "no value".to_owned(),
    };
    format!("without {}: {value}", names.join(", "))
}

fn removed_name(removed: &RemovedWhat) -> String {
    match removed {
        RemovedWhat::Rule { rule } => format!("rule {rule}"),
        RemovedWhat::Learned { feature, text } => format!("{text:?}{}", place(*feature)),
        RemovedWhat::Correction { correction } => format!("correction {correction}"),
    }
}

/// Where a learned thing stands, when it counts only there.
fn place(feature: LearnedKind) -> &'static str {
    match feature {
        LearnedKind::Subject => " in the subject",
        LearnedKind::Word | LearnedKind::Pair | LearnedKind::Together | LearnedKind::Field => "",
    }
}

fn print_label(name: &str, label: &LabelDecision, output: &mut Output) -> anyhow::Result<()> {
    let how_sure = (label.confidence, label.decision);
    print_value(name, &label.value, how_sure, &label.reasons, output)
}

fn print_value(
    name: &str,
    value: &str,
    (confidence, decision): (f64, Decision),
    reasons: &[Reason],
    output: &mut Output,
) -> anyhow::Result<()> {
    let decision = match decision {
        Decision::Apply => "apply",
        Decision::Suggest => "suggest",
        Decision::Abstain => "a human should decide",
    };
    let percent = confidence * 100.0;
    output.line(&format!(
        "{name:9} {}  {percent:.0} %, {decision}",
        output.bold(value)
    ))?;
    let (shown, others) = reasons.split_at(reasons.len().min(MAX_REASONS));
    for reason in shown {
        output.line(&format!("          {}", described(reason)))?;
    }
    if !others.is_empty() {
        let weight: f64 = others.iter().map(Reason::weight).sum();
        let n = others.len();
        output.line(&format!(
            "          {weight:+.1} {n} lighter reasons, together"
        ))?;
    }
    Ok(())
}

fn described(reason: &Reason) -> String {
    match reason {
        Reason::Bias { weight } => format!("{weight:+.1} before anything is read"),
        Reason::Category { category, weight } => {
            format!("{weight:+.1} it is the queue of {category}")
        }
        Reason::Correction { correction, weight } => {
            format!("{weight:+.1} correction {correction} of a ticket that is alike")
        }
        Reason::Rule {
            rule,
            weight,
            matched,
            fields,
            ..
        } => format!("{weight:+.1} rule {rule}: {}", found(matched, fields)),
        Reason::Learned {
            feature,
            text,
            weight,
        } => format!("{weight:+.1} learned: {text:?}{}", place(*feature)),
        Reason::Others { n, weight } => format!("{weight:+.1} learned: {n} more, together"),
        Reason::Set {
            rule,
            matched,
            fields,
            reason,
            ..
        } => format!("set  rule {rule}: {reason} ({})", found(matched, fields)),
    }
}

/// What a rule found in the texts and the fields of a ticket.
fn found(matched: &[Matched], fields: &BTreeMap<String, String>) -> String {
    let texts = matched.iter().map(|matched| format!("{:?}", matched.text));
    let fields = fields
        .iter()
        .map(|(name, value)| format!("{name} {value:?}"));
    texts.chain(fields).collect::<Vec<String>>().join(", ")
}
