//! What the command line takes.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::import::System;
use crate::model::{DecisionId, Kind, Role, Time};
use crate::triage::FieldName;

/// The search and triage engine of a help desk.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(super) struct Cli {
    /// The data folder [default: index/desk; for demo: index/demo].
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Print JSON, with the fields of the HTTP API.
    #[arg(long, global = true)]
    pub(super) json: bool,

    /// How much to log to standard error [default: info for demo and serve, warn otherwise].
    #[arg(long, global = true, value_name = "LEVEL", env = "FIRSTLINE_LOG")]
    pub(super) log: Option<String>,

    /// The form of the log.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub(super) log_format: LogFormat,

    #[command(subcommand)]
    pub(super) command: Command,
}

impl Cli {
    /// The data folder, which for the demo is its own.
    pub(super) fn data_folder(&self) -> PathBuf {
        let is_demo = matches!(self.command, Command::Demo(_));
        let default = if is_demo { "index/demo" } else { "index/desk" };
        self.data.clone().unwrap_or_else(|| PathBuf::from(default))
    }

    /// Whether the command runs until it is stopped.
    pub(super) fn is_server(&self) -> bool {
        matches!(self.command, Command::Demo(_) | Command::Serve(_))
    }
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Load the demo desk and serve it.
    #[command(after_help = "Example: firstline demo")]
    Demo(ServeArgs),
    /// Serve a data folder over HTTP until Ctrl-C.
    #[command(after_help = "Example: firstline serve --data index/desk --listen 127.0.0.1:7878")]
    Serve(ServeArgs),
    /// Store articles and tickets from files, folders or standard input.
    #[command(after_help = "Example: firstline import tickets.ndjson.gz\n         \
        firstline import zendesk-export/ --dry-run\n         \
        firstline import export.csv --kind ticket --map id=Number --map \"subject=Short description\"")]
    Import(ImportArgs),
    /// Find articles.
    #[command(after_help = "Example: firstline search --data index/demo \"vpn drops at home\"")]
    Search(SearchArgs),
    /// Find past tickets that were the same trouble.
    #[command(
        after_help = "Example: firstline similar --data index/demo \"Outlook asks for the password again\"\n         \
        firstline similar --data index/demo --id INC11004"
    )]
    Similar(SimilarArgs),
    /// Decide on a new ticket.
    #[command(
        after_help = "Example: firstline triage --data index/demo \"whole office has no wifi\"\n         \
        firstline triage --data index/demo - < mail.txt\n         \
        firstline triage --batch new.csv --map id=Number --map \"subject=Title\" --out decided.csv\n         \
        firstline triage --replay D-1042"
    )]
    Triage(TriageArgs),
    /// Check, try and propose triage rules.
    #[command(
        after_help = "Example: firstline rules check index/desk/rules.toml\n         \
        firstline rules replay new-rules.toml --since 2026-01-01\n         \
        firstline rules suggest --field category"
    )]
    Rules(RulesArgs),
    /// Show how a data folder is doing.
    #[command(after_help = "Example: firstline status --data index/demo")]
    Status,
    /// Make the indexes anew from the store.
    #[command(after_help = "Example: firstline rebuild --data index/demo")]
    Rebuild,
    /// Compare store and index.
    #[command(after_help = "Example: firstline verify --data index/demo")]
    Verify,
    /// Copy the store into one file, also while a server runs.
    #[command(after_help = "Example: firstline backup --data index/demo demo-backup.db")]
    Backup(BackupArgs),
    /// Put a backup into a new data folder.
    #[command(after_help = "Example: firstline restore --data index/again demo-backup.db")]
    Restore(RestoreArgs),
    /// Measure the answers on judged data.
    #[command(
        after_help = "Example: firstline eval search corpus/eval/search --data index/demo --as reader"
    )]
    Eval(EvalArgs),
    /// Learn triage from the resolved tickets of the data folder, and put it in use.
    #[command(after_help = "Example: firstline train --data index/demo")]
    Train,
    /// Look for better settings of similar tickets in a desk's own judgments.
    #[command(after_help = "Example: firstline tune corpus/eval/similar --data index/demo --write")]
    Tune(TuneArgs),
    /// Make, list and revoke API keys.
    #[command(after_help = "Example: firstline keys add portal --role reader")]
    Keys(KeysArgs),
}

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Address and port [default: 127.0.0.1:7878]. Without API keys only this machine is served.
    #[arg(long, value_name = "ADDR")]
    pub(super) listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// A file, a folder, a zip archive, or - for standard input; gzip is read as it is.
    #[arg(required_unless_present = "again")]
    pub(super) path: Option<PathBuf>,
    /// Whose export it is [default: auto, as the content says]: zendesk, jira, servicenow,
    /// freshservice, connectwise, confluence, sharepoint, eml, alertmanager, markdown, csv, ndjson.
    #[arg(
        long,
        value_name = "SYSTEM",
        alias = "format",
        value_parser = system,
        default_value = "auto",
        hide_default_value = true
    )]
    pub(super) from: FromArg,
    /// Only report what would be imported.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Mask e-mail addresses, telephone and card numbers, passwords, tokens and keys.
    #[arg(long)]
    pub(super) mask: bool,
    /// The desk's own tables of words [default: mapping.toml in the data folder].
    #[arg(long, value_name = "FILE")]
    pub(super) mapping: Option<PathBuf>,
    /// Convert again what earlier imports kept, after a better version or other tables.
    #[arg(long, conflicts_with_all = ["path", "dry_run", "mask"])]
    pub(super) again: bool,
    /// The kind of documents that do not say theirs.
    #[arg(long, value_parser = kind)]
    pub(super) kind: Option<Kind>,
    /// For CSV: the column of a field. May be repeated.
    #[arg(long = "map", value_name = "FIELD=COLUMN")]
    pub(super) map: Vec<String>,
}

/// A system, or what the content says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FromArg(pub(super) Option<System>);

#[derive(Debug, Args)]
pub(super) struct SearchArgs {
    /// What to search for.
    #[arg(required = true)]
    pub(super) words: Vec<String>,
    /// Hits wanted.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(super) limit: u16,
    /// Only what the holder of such a key sees.
    #[arg(long = "as", value_parser = role, default_value = "admin")]
    pub(super) role: Role,
}

#[derive(Debug, Args)]
pub(super) struct SimilarArgs {
    #[command(flatten)]
    pub(super) ticket: TicketArgs,
    /// A stored ticket to compare with the others, in place of a text.
    #[arg(long, conflicts_with_all = ["text", "description"])]
    pub(super) id: Option<String>,
    /// Hits wanted.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(super) limit: u16,
    /// Hits below are left out, 0 to 1.
    #[arg(long)]
    pub(super) min_similarity: Option<f32>,
    /// What to look for.
    #[arg(long, value_enum, default_value_t = WantedArg::Ticket)]
    pub(super) kind: WantedArg,
    /// Only documents of this category. May be repeated, like the following three.
    #[arg(long, value_name = "NAME")]
    pub(super) category: Vec<String>,
    /// Only tickets of this queue.
    #[arg(long, value_name = "NAME")]
    pub(super) queue: Vec<String>,
    /// Only documents about this product.
    #[arg(long, value_name = "NAME")]
    pub(super) product: Vec<String>,
    /// Only tickets in this state.
    #[arg(long, value_name = "NAME")]
    pub(super) status: Vec<String>,
    /// Only tickets that are resolved.
    #[arg(long)]
    pub(super) only_resolved: bool,
    /// Only tickets created then or later: a date or a time.
    #[arg(long, value_name = "TIME", value_parser = Time::parse)]
    pub(super) created_from: Option<Time>,
    /// Only tickets created before.
    #[arg(long, value_name = "TIME", value_parser = Time::parse)]
    pub(super) created_before: Option<Time>,
    /// Tell how every score came about.
    #[arg(long)]
    pub(super) explain: bool,
}

/// What to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum WantedArg {
    /// Past tickets that were the same trouble.
    Ticket,
    /// Articles that answer the ticket.
    Article,
    /// Both.
    Both,
}

/// What says something of the one ticket of the command line.
const ONE_TICKET: [&str; 9] = [
    "text",
    "description",
    "channel",
    "requester",
    "organisation",
    "product",
    "at",
    "attachments",
    "fields",
];

#[derive(Debug, Args)]
pub(super) struct TriageArgs {
    #[command(flatten)]
    pub(super) ticket: TicketArgs,
    /// How the ticket came: email, portal, phone, chat, monitoring.
    #[arg(long)]
    pub(super) channel: Option<String>,
    /// Who asked.
    #[arg(long)]
    pub(super) requester: Option<String>,
    /// The organisation of the requester.
    #[arg(long)]
    pub(super) organisation: Option<String>,
    /// The product it is about.
    #[arg(long)]
    pub(super) product: Option<String>,
    /// When it came [default: now].
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) at: Option<Time>,
    /// The name of an attached file. May be repeated.
    #[arg(long = "attachment", value_name = "NAME")]
    pub(super) attachments: Vec<String>,
    /// A further field that rules ask for. May be repeated.
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(super) fields: Vec<(String, String)>,
    #[command(flatten)]
    pub(super) batch: BatchArgs,
    /// Make a stored decision again from what it was made from, and compare. Past tickets and
    /// articles are no part of it.
    #[arg(long, value_name = "ID", value_parser = decision_id)]
    #[arg(conflicts_with_all = ONE_TICKET, conflicts_with = "batch")]
    pub(super) replay: Option<DecisionId>,
}

#[derive(Debug, Args)]
pub(super) struct BatchArgs {
    /// Decide on all tickets of a file, or of standard input (-): JSON lines or CSV, gzip too, with
    /// the fields that `import` takes. Rows of CSV need an id.
    #[arg(long, value_name = "FILE", conflicts_with_all = ONE_TICKET)]
    pub(super) batch: Option<PathBuf>,
    /// The file to write the decisions to; it must not be there yet [default: standard output].
    #[arg(long, value_name = "FILE", requires = "batch")]
    pub(super) out: Option<PathBuf>,
    /// The form of the decisions [default: csv for an --out file of that name, ndjson otherwise].
    #[arg(long, value_enum, requires = "batch")]
    pub(super) format: Option<BatchFormat>,
    /// For CSV: the column of a field. May be repeated.
    #[arg(long = "map", value_name = "FIELD=COLUMN", requires = "batch")]
    pub(super) map: Vec<String>,
}

/// The form of many decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum BatchFormat {
    /// One JSON object a line, with the reasons.
    Ndjson,
    /// A row a ticket, values and confidences only.
    Csv,
}

#[derive(Debug, Args)]
pub(super) struct RulesArgs {
    #[command(subcommand)]
    pub(super) command: RulesCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// Name everything that is wrong with a rule file, with its place.
    Check {
        /// The rule file.
        file: PathBuf,
        /// Warnings count as errors.
        #[arg(long)]
        strict: bool,
    },
    /// Print the JSON Schema of the rule file, for editors.
    Schema,
    /// Decide the past tickets by a rule file and compare with the rules in use, each with the model
    /// in use and what was told since, as new tickets are decided.
    Replay(ReplayArgs),
    /// Propose rules that the past tickets support, as TOML to copy.
    Suggest(SuggestArgs),
}

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The new rule file.
    pub(super) file: PathBuf,
    /// Only tickets created since then.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) since: Option<Time>,
    /// The field to compare: category, queue, impact or urgency; all when not given.
    #[arg(long, value_parser = field)]
    pub(super) field: Option<FieldName>,
    /// Leave the model and what was told since out.
    #[arg(long)]
    pub(super) rules_alone: bool,
    /// Changed tickets that are listed for a field.
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(super) limit: usize,
}

#[derive(Debug, Args)]
pub(super) struct SuggestArgs {
    /// The field: category, queue, impact or urgency.
    #[arg(long, value_parser = field, default_value = "category")]
    pub(super) field: FieldName,
    /// Only tickets created since then.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) since: Option<Time>,
    /// Tickets that must have the phrase and the value.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) min_support: u32,
    /// The share of the tickets with the phrase that must have the value, 0 to 1.
    #[arg(long, default_value_t = 0.9, value_name = "SHARE")]
    pub(super) min_precision: f64,
    /// Rules wanted.
    #[arg(long, default_value_t = 30, value_name = "N")]
    pub(super) limit: usize,
}

#[derive(Debug, Args)]
pub(super) struct TicketArgs {
    /// The ticket: its subject, or - to read subject (first line) and description from standard
    /// input.
    pub(super) text: Vec<String>,
    /// What the requester wrote.
    #[arg(long)]
    pub(super) description: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The file to write; it must not be there yet.
    pub(super) target: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The backup to read.
    pub(super) source: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct EvalArgs {
    #[command(subcommand)]
    pub(super) command: EvalCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum EvalCommand {
    /// Measure article search on a folder with queries.jsonl, qrels.tsv and docs.jsonl (each
    /// also with .gz); without docs, on the articles of the data folder.
    Search(EvalSearchArgs),
    /// Measure how well tickets that were the same trouble are found: on a folder with
    /// queries.jsonl and qrels.tsv, or groups.jsonl, and the tickets in docs.jsonl or train.jsonl
    /// and test.jsonl (each also with .gz); without docs, on the tickets of the data folder.
    Similar(EvalSimilarArgs),
    /// Learn a field from `train.jsonl` of a folder and decide on the tickets of `test.jsonl`.
    #[command(after_help = "Example: firstline eval triage sets/tickets --field category --json")]
    Triage(EvalTriageArgs),
}

#[derive(Debug, Args)]
pub(super) struct EvalSearchArgs {
    /// The folder.
    pub(super) set: PathBuf,
    /// Only the queries of this split.
    #[arg(long)]
    pub(super) split: Option<String>,
    /// The field of a query that is asked, where it has one.
    #[arg(long, default_value = "text", value_name = "FIELD")]
    pub(super) query_field: String,
    /// Only so many queries, the first ones.
    #[arg(long, value_name = "N")]
    pub(super) limit_queries: Option<usize>,
    /// Only what the holder of such a key sees.
    #[arg(long = "as", value_parser = role, default_value = "admin")]
    pub(super) role: Role,
}

#[derive(Debug, Args)]
pub(super) struct EvalSimilarArgs {
    /// The folder.
    pub(super) set: PathBuf,
    /// Only the queries of this split.
    #[arg(long)]
    pub(super) split: Option<String>,
    /// Only tickets that were created before the query count.
    #[arg(long)]
    pub(super) past_only: bool,
    /// Only so many queries, the first ones.
    #[arg(long, value_name = "N")]
    pub(super) limit_queries: Option<usize>,
}

#[derive(Debug, Args)]
pub(super) struct EvalTriageArgs {
    /// The folder.
    pub(super) set: PathBuf,
    /// The field that is learned and decided.
    #[arg(long)]
    pub(super) field: String,
    /// Start from the rules of this file.
    #[arg(long, value_name = "FILE")]
    pub(super) rules: Option<PathBuf>,
    /// How often a value that is applied should be right, 0 to 1.
    #[arg(long, default_value_t = 0.9)]
    pub(super) precision: f64,
}

#[derive(Debug, Args)]
pub(super) struct TuneArgs {
    /// A folder as for `eval similar`: tickets that were the same trouble.
    pub(super) set: PathBuf,
    /// Only tickets that were created before the query count.
    #[arg(long)]
    pub(super) past_only: bool,
    /// Add what was found to the settings file of the data folder, if it gains on the half of the
    /// queries that was held out.
    #[arg(long)]
    pub(super) write: bool,
}

#[derive(Debug, Args)]
pub(super) struct KeysArgs {
    #[command(subcommand)]
    pub(super) command: KeysCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Make a key and print it, once.
    Add {
        /// Whose key it is.
        name: String,
        /// What it may do: reader, analyst or admin.
        #[arg(long, value_parser = role)]
        role: Role,
        /// The groups whose restricted documents it sees.
        #[arg(long, value_delimiter = ',')]
        groups: Vec<String>,
    },
    /// List the keys; the secrets are not kept.
    List,
    /// Take a key back.
    Revoke {
        /// Whose key it is.
        name: String,
    },
}

fn role(name: &str) -> Result<Role, String> {
    Role::from_name(name).ok_or_else(|| "a role is reader, analyst or admin".to_owned())
}

fn system(name: &str) -> Result<FromArg, String> {
    let system = System::from_name(name);
    if name == "auto" || system.is_some() {
        return Ok(FromArg(system));
    }
    let names: Vec<&str> = System::ALL.into_iter().map(System::as_str).collect();
    Err(format!("a system is auto, {}", names.join(", ")))
}

fn kind(name: &str) -> Result<Kind, String> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == name);
    kind.ok_or_else(|| "a kind is article or ticket".to_owned())
}

fn time(text: &str) -> Result<Time, String> {
    Time::parse(text).map_err(|error| error.to_string())
}

fn field(name: &str) -> Result<FieldName, String> {
    let field = FieldName::ALL
        .into_iter()
        .find(|field| field.as_str() == name);
    field.ok_or_else(|| "a field is category, queue, impact or urgency".to_owned())
}

fn decision_id(text: &str) -> Result<DecisionId, String> {
    DecisionId::parse(text).map_err(|error| error.to_string())
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=');
    let parts = parts.map(|(name, value)| (name.to_owned(), value.to_owned()));
    parts.ok_or_else(|| "write it as NAME=VALUE".to_owned())
}
