//! Decides on new tickets, and shows what speaks for the decision: past tickets and articles.
//!
//! The decision itself is pure (`crate::triage`); here it gets the rules, the settings and the time
//! of day. What is wanted to be stored is handed back as a change: whoever asked has it written.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::clock::{Stopwatch, now};
use super::corrections::CorrectionBox;
use super::decisions::said_in;
use super::evidence::Evidence;
use super::learning::Lessons;
use super::rule_file::RuleFile;
use super::{Engine, Error};
use crate::config;
use crate::model::{Audience, DecisionId, PriorityMatrix, Ticket, TicketId, TicketText};
use crate::search::SearchHit;
use crate::store::{Change, NewDecision, StoreReader, StoredDecision};
use crate::triage::{Basis, Corrections, Model, Rules, Thresholds, TriageDecision};

/// What is told with decisions while the rule file cannot be taken, and there are rules from before.
const BY_LAST_RULES: &str = "the rule file could not be taken (`firstline status` shows why): the \
                             last rules that were right decide";

/// The same where there are none.
const WITHOUT_RULES: &str = "the rule file could not be taken (`firstline status` shows why): no \
                             rule decides until it is mended";

/// A ticket to decide on.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The ticket as it came in.
    pub ticket: TicketText,
    /// The id under which the desk has it or will have it, when that is known.
    pub ticket_id: Option<TicketId>,
}

/// What is wanted besides the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Similar tickets and articles.
    pub evidence: bool,
    /// That the decision is kept.
    pub store: bool,
}

/// A decision with what speaks for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decided {
    /// Under which it is stored, when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<DecisionId>,
    /// The decision and its reasons.
    #[serde(flatten)]
    pub decision: TriageDecision,
    /// The most similar resolved tickets the asker may see, when they are wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Vec<Evidence>>,
    /// The articles that may help the requester, when they are wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub articles: Option<Vec<SearchHit>>,
    /// What the asker should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// The answer to a triage request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TriageAnswer {
    /// The decision with what speaks for it.
    #[serde(flatten)]
    pub decided: Decided,
    /// Microseconds from question to answer, inside the engine.
    pub took_us: u64,
}

/// The settings that a decision depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionSettings {
    /// From which confidence on values are set and suggested.
    pub thresholds: Thresholds,
    /// The priority by impact and urgency.
    pub matrix: PriorityMatrix,
    /// Further fields that are learned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub learn: Vec<String>,
    /// The values that mean none of the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub out_of_scope: Vec<String>,
}

impl From<&config::Triage> for DecisionSettings {
    fn from(settings: &config::Triage) -> Self {
        Self {
            thresholds: settings.thresholds(),
            matrix: settings.matrix,
            learn: settings.learn.clone(),
            out_of_scope: settings.out_of_scope.clone(),
        }
    }
}

/// An input of a stored decision that is no longer there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gone {
    /// Which one.
    pub input: GoneInput,
    /// The digest of the rules, the version of the model.
    pub name: String,
    /// Why it cannot be had.
    pub detail: String,
}

/// What a decision is made from besides ticket and settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GoneInput {
    /// The text of the rules.
    Rules,
    /// The learned model.
    Model,
    /// What was told since the model was learned.
    Corrections,
}

/// What decides: the rules and settings of one moment. The same ticket gets the same decision, but
/// for rules that ask for the time of a ticket that does not say when it came.
#[derive(Debug, Clone)]
pub struct Decider {
    file: Arc<RuleFile>,
    settings: DecisionSettings,
    /// What was learned; rules decide alone when there is none.
    model: Option<Arc<Model>>,
    /// What was told since.
    corrections: Arc<Corrections>,
    warning: Option<&'static str>,
}

impl Decider {
    /// Decides on a ticket.
    #[must_use]
    pub fn decide(&self, ticket: &TicketText) -> TriageDecision {
        let basis = self.basis();
        if ticket.created_at.is_none() && basis.rules.asks_time() {
            return basis.decide(&dated(ticket.clone()));
        }
        basis.decide(ticket)
    }

    /// What whoever asks should know: that the rule file as it is now could not be taken.
    #[must_use]
    pub fn warning(&self) -> Option<&'static str> {
        self.warning
    }

    pub(super) fn basis(&self) -> Basis<'_> {
        Basis {
            rules: &self.file.rules,
            model: self.model.as_deref(),
            corrections: Some(&self.corrections),
            thresholds: self.settings.thresholds,
            matrix: &self.settings.matrix,
        }
    }

    /// What tickets teach it.
    pub(super) fn lessons(&self) -> Lessons<'_> {
        Lessons::new(&self.settings.learn, &self.settings.out_of_scope)
    }

    /// What was told since the model was learned.
    pub(super) fn corrections(&self) -> Arc<Corrections> {
        Arc::clone(&self.corrections)
    }

    /// The names of rules and model.
    pub(super) fn names(&self) -> (String, String) {
        let model = self.model.as_ref();
        let model = model.map(|model| model.version().to_owned());
        (
            self.file.rules.digest().to_owned(),
            model.unwrap_or_default(),
        )
    }

    /// By its rules alone.
    pub(super) fn rules_alone(self) -> Self {
        Self {
            model: None,
            corrections: Arc::default(),
            ..self
        }
    }

    /// Whether a ticket has a part in what decides: the model was learned from it, as it was written
    /// in a change, or it was told of since.
    pub(super) fn knows(&self, seq: u64, ticket: &Ticket) -> bool {
        let learned = self.model.as_ref();
        let is_learned =
            learned.is_some_and(|model| model.has_learned(&self.lessons().past_ticket(ticket)));
        is_learned || self.corrections.iter().any(|(told, _)| told == seq)
    }

    /// The newest change of the store that the model was learned from.
    pub(super) fn model_seq(&self) -> u64 {
        self.model.as_ref().map_or(0, |model| model.seq())
    }

    /// The change that keeps a decision on a ticket with all that it was made from.
    pub(super) fn keep(
        &self,
        asked: Asked,
        decision: &TriageDecision,
    ) -> Result<Change, serde_json::Error> {
        let said = self.corrections.said(self.basis(), &asked.ticket, decision);
        Ok(Change::Decision(Box::new(NewDecision {
            created_at: now(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            ticket_id: asked.ticket_id,
            ticket: asked.ticket,
            settings: serde_json::to_string(&self.settings)?,
            rules_digest: self.file.rules.digest().to_owned(),
            rules: Arc::clone(&self.file.text),
            model_version: decision.model_version.clone(),
            told: said.map(|said| serde_json::to_string(&said)).transpose()?,
            decision: serde_json::to_string(decision)?,
        })))
    }
}

/// A ticket that does not say when it came comes now.
pub(super) fn dated(ticket: TicketText) -> TicketText {
    TicketText {
        created_at: ticket.created_at.or_else(|| Some(now())),
        ..ticket
    }
}

impl Engine {
    /// What decides now: all that was told before this was asked for is in it.
    ///
    /// # Errors
    /// An error of the store.
    pub fn decider(&self) -> Result<Decider, Error> {
        let is_wrong = self.rules.problem().is_some();
        let mut decider = Decider {
            file: self.rules.content(),
            settings: (&self.settings.triage).into(),
            model: self.models.current(),
            corrections: Arc::default(),
            warning: None,
        };
        decider.warning = is_wrong.then_some(match decider.file.rules.digest() {
            "" => WITHOUT_RULES,
            _ => BY_LAST_RULES,
        });
        decider.corrections = self.corrections.current(self.newest(), &decider)?;
        Ok(decider)
    }

    /// The same by other rules.
    pub(super) fn decider_by(&self, rules: Rules, same: &Decider) -> Result<Decider, Error> {
        let file = RuleFile {
            rules: Arc::new(rules),
            text: Arc::default(),
        };
        let mut decider = Decider {
            file: Arc::new(file),
            corrections: Arc::default(),
            ..same.clone()
        };
        decider.corrections = CorrectionBox::default().current(self.newest(), &decider)?;
        Ok(decider)
    }

    /// The store, and the newest change that is known to be in it.
    fn newest(&self) -> (&StoreReader, u64) {
        (&self.store, self.progress.stored_seq())
    }

    /// What decided once, or what of it is no longer there. What corrections said is kept with the
    /// decision: nobody can take it out of the corrected tickets once these have changed.
    pub(super) fn decider_of(
        &self,
        stored: &StoredDecision,
        settings: DecisionSettings,
    ) -> Result<Result<Decider, Vec<Gone>>, Error> {
        let version = stored.model_version.as_deref().unwrap_or_default();
        let (version, told) = version.split_once('+').unwrap_or((version, ""));
        let model = (!version.is_empty()).then(|| self.model_of(version));
        let corrections = match said_in(stored)? {
            None if !told.is_empty() => Err(Gone {
                input: GoneInput::Corrections,
                name: told.to_owned(),
                detail: "the version that decided did not keep what they said".to_owned(),
            }),
            said => Ok(said.map(Corrections::of_said).unwrap_or_default()),
        };
        let inputs = (
            self.rules_of(&stored.rules_digest)?,
            model.transpose(),
            corrections,
        );
        Ok(match inputs {
            (Ok(file), Ok(model), Ok(corrections)) => Ok(Decider {
                file,
                settings,
                model,
                corrections: Arc::new(corrections),
                warning: None,
            }),
            (file, model, corrections) => {
                let gone = file.err().into_iter().chain(model.err());
                Err(gone.chain(corrections.err()).collect())
            }
        })
    }

    /// The model of a version: the one in use, or one that is still kept.
    fn model_of(&self, version: &str) -> Result<Arc<Model>, Gone> {
        let current = self.models.current();
        match current.filter(|model| model.version() == version) {
            Some(model) => Ok(model),
            None => self.models.of_version(version).map_err(|detail| Gone {
                input: GoneInput::Model,
                name: version.to_owned(),
                detail,
            }),
        }
    }

    /// The rules with a digest: those in use, or what stored decisions keep.
    fn rules_of(&self, digest: &str) -> Result<Result<Arc<RuleFile>, Gone>, Error> {
        let current = self.rules.content();
        if current.rules.digest() == digest {
            return Ok(Ok(current));
        }
        if digest.is_empty() {
            return Ok(Ok(Arc::default()));
        }
        let gone = |detail: String| Gone {
            input: GoneInput::Rules,
            name: digest.to_owned(),
            detail,
        };
        let Some(text) = self.store.rules_text(digest)? else {
            return Ok(Err(gone("their text is not kept".to_owned())));
        };
        let name = format!("the rules {digest}");
        Ok(RuleFile::parse(&name, &text)
            .map(Arc::new)
            // An older version took them.
            .map_err(|problems| gone(problems.to_string())))
    }

    /// Decides on a new ticket, with similar tickets as evidence and articles that may help.
    ///
    /// # Errors
    /// An error of store or index.
    pub fn triage(&self, ticket: &TicketText, audience: &Audience) -> Result<TriageAnswer, Error> {
        let asked = Asked {
            ticket: ticket.clone(),
            ticket_id: None,
        };
        let wanted = Wanted {
            evidence: true,
            store: false,
        };
        let (answer, _) = self.triage_one(asked, wanted, audience)?;
        Ok(answer)
    }

    /// Decides on a new ticket. Gives the change that stores the decision too, when that is wanted:
    /// the decision gets its id when it is written.
    ///
    /// # Errors
    /// An error of store or index.
    pub fn triage_one(
        &self,
        asked: Asked,
        wanted: Wanted,
        audience: &Audience,
    ) -> Result<(TriageAnswer, Option<Change>), Error> {
        let started = Stopwatch::start();
        let (decided, change) = self.decided(&self.decider()?, asked, wanted, audience)?;
        let answer = TriageAnswer {
            decided,
            took_us: started.elapsed_us(),
        };
        Ok((answer, change))
    }

    /// As [`Engine::triage_one`] for many tickets, by the same rules, on all processors. The
    /// decisions are in the order of the tickets.
    ///
    /// # Errors
    /// An error of store or index.
    pub fn triage_all(
        &self,
        asked: Vec<Asked>,
        wanted: Wanted,
        audience: &Audience,
    ) -> Result<Vec<(Decided, Option<Change>)>, Error> {
        let decider = self.decider()?;
        let decided = asked.into_par_iter();
        decided
            .map(|asked| self.decided(&decider, asked, wanted, audience))
            .collect()
    }

    fn decided(
        &self,
        decider: &Decider,
        asked: Asked,
        wanted: Wanted,
        audience: &Audience,
    ) -> Result<(Decided, Option<Change>), Error> {
        let asked = Asked {
            ticket: dated(asked.ticket),
            ..asked
        };
        let mut decided = Decided {
            decision_id: None,
            decision: decider.decide(&asked.ticket),
            evidence: None,
            articles: None,
            warnings: decider.warning.map(str::to_owned).into_iter().collect(),
        };
        if wanted.evidence {
            self.add_evidence(&asked, &decider.lessons(), audience, &mut decided)?;
        }
        let change = match wanted.store {
            true => Some(decider.keep(asked, &decided.decision)?),
            false => None,
        };
        Ok((decided, change))
    }
}
