//! The names by which JSON of other systems tells a list of records from a record.

/// The members under which systems list their records.
pub(super) const LISTS: [&str; 32] = [
    "tickets",
    "issues",
    "results",
    "result",
    "articles",
    "values",
    "value",
    "pages",
    "audits",
    "ticket_events",
    "comments",
    "users",
    "groups",
    "organizations",
    "sections",
    "categories",
    "conversations",
    "folders",
    "agents",
    "requesters",
    "departments",
    "ticket_metrics",
    "metric_sets",
    "requests",
    "suspended_tickets",
    "data",
    "items",
    "notes",
    "spaces",
    "translations",
    "ticket_fields",
    "records",
];

/// The members that make an object a record.
pub(super) const MARKS: [&str; 6] = ["id", "key", "kind", "sys_id", "number", "issueId"];
