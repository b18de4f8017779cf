//! What is small in a space export: pages without their bodies, spaces, labels, users, and who may
//! see what. Old revisions, drafts' duplicates and deleted pages are not kept.
//!
//! Visibility fails closed: whoever may see a page is named on it and on all restricted pages above.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::super::assemble::RawContent;
use super::super::inputs::Input;
use super::super::{Skipped, System};
use super::hibernate::{Object, Objects};
use crate::model::{DocumentKey, Kind};

/// Pages above pages that are followed.
const MAX_ANCESTORS: usize = 64;

/// The classes of small objects.
const SMALL: [&str; 9] = [
    "Space",
    "Page",
    "BlogPost",
    "Label",
    "Labelling",
    "ContentPermissionSet",
    "ContentPermission",
    "SpacePermission",
    "ConfluenceUserImpl",
];

/// A page without its body.
#[derive(Debug, Default)]
struct Page {
    is_blog: bool,
    title: String,
    space: Option<u64>,
    parent: Option<u64>,
    version: String,
    created: String,
    modified: String,
    status: String,
    is_done: bool,
}

#[derive(Debug, Default)]
struct Space {
    key: String,
    name: String,
    is_public: bool,
}

/// Whom a permission names.
#[derive(Debug)]
enum Reader {
    Group(String),
    /// By name in old exports, by key in newer ones.
    User(String),
}

/// All that is small.
#[derive(Debug, Default)]
pub(super) struct Index {
    pages: BTreeMap<u64, Page>,
    spaces: HashMap<u64, Space>,
    labels: HashMap<u64, String>,
    labelled: HashMap<u64, Vec<u64>>,
    /// The content of a set of view permissions.
    sets: HashMap<u64, u64>,
    /// Who is named by a set: groups and users.
    readers: HashMap<u64, Vec<Reader>>,
    /// Who may see a page that has view permissions of its own.
    viewers: HashMap<u64, Vec<String>>,
    /// The names of users by their keys.
    users: HashMap<String, String>,
    /// Pages that are deleted: what an earlier import kept of them must go.
    deleted: Vec<u64>,
    /// What else is not kept, and how often.
    skipped: BTreeMap<&'static str, u64>,
}

impl Index {
    /// The first reading. What fails in it fails again in the second, where it is told.
    pub(super) fn read(input: &Input) -> Self {
        let mut index = Self::default();
        for object in Objects::open(input, &|_| (), &SMALL).flatten() {
            index.add(&object);
        }
        index.join_permissions();
        index
    }

    fn add(&mut self, object: &Object) {
        let Some(id) = object.id else {
            let name = ["lowerName", "name"].map(|name| object.text(name));
            let name = name.into_iter().find(|name| !name.is_empty());
            self.users
                .extend(name.map(|name| (object.key.clone(), name)));
            return;
        };
        match object.class.as_str() {
            "Space" => {
                let space = self.spaces.entry(id).or_default();
                space.key = object.text("key");
                space.name = object.text("name");
            }
            "Page" | "BlogPost" => self.add_page(id, object),
            "Label" => {
                self.labels.insert(id, object.text("name"));
            }
            "Labelling" => {
                if let (Some(label), Some(content)) =
                    (object.reference("label"), object.reference("content"))
                {
                    self.labelled.entry(content).or_default().push(label);
                }
            }
            "ContentPermissionSet" => {
                let is_view = object.text("type").eq_ignore_ascii_case("view");
                if let Some(content) = object.reference("owningContent").filter(|_| is_view) {
                    self.sets.insert(id, content);
                }
            }
            "ContentPermission" => self.add_permission(object),
            "SpacePermission" => self.add_space_permission(object),
            _ => {}
        }
    }

    fn add_page(&mut self, id: u64, object: &Object) {
        if object.reference("originalVersion").is_some() {
            self.skip("an old revision");
            return;
        }
        let status = object.text("contentStatus");
        match status.as_str() {
            "deleted" => self.deleted.push(id),
            // A draft of a page that is there as well.
            "draft" => self.skip("a draft"),
            _ => {
                let page = Page {
                    is_blog: object.class == "BlogPost",
                    title: object.text("title"),
                    space: object.reference("space"),
                    parent: object.reference("parent"),
                    version: object.text("version"),
                    created: object.text("creationDate"),
                    modified: object.text("lastModificationDate"),
                    status,
                    is_done: false,
                };
                self.pages.insert(id, page);
            }
        }
    }

    fn skip(&mut self, reason: &'static str) {
        *self.skipped.entry(reason).or_insert(0) += 1;
    }

    fn add_permission(&mut self, object: &Object) {
        let is_view = object.text("type").eq_ignore_ascii_case("view");
        let set = object
            .reference("owningSet")
            .or_else(|| object.reference("owner"));
        let Some(set) = set.filter(|_| is_view) else {
            return;
        };
        let readers = self.readers.entry(set).or_default();
        let group = object.text("groupName");
        if !group.is_empty() {
            readers.push(Reader::Group(group));
        }
        for field in ["userSubject", "userName"] {
            let user = object.text(field);
            if !user.is_empty() {
                readers.push(Reader::User(user));
            }
        }
    }

    /// Anonymous users may view: nobody is named, neither a group nor a user.
    fn add_space_permission(&mut self, object: &Object) {
        let is_view = object.text("type") == "VIEWSPACE";
        let names = ["group", "userSubject", "userName", "groupName"];
        let is_for_some = names.iter().any(|name| object.has(name));
        let all_users = object.text("allUsersSubject");
        let is_anonymous = all_users == "anonymous-users" || (all_users.is_empty() && !is_for_some);
        if let Some(space) = object
            .reference("space")
            .filter(|_| is_view && is_anonymous)
        {
            self.spaces.entry(space).or_default().is_public = true;
        }
    }

    /// The page with its body, as REST gives one.
    pub(super) fn take(&mut self, id: u64, body: &str, is_wiki: bool) -> Option<RawContent> {
        let page = self.pages.get_mut(&id).filter(|page| !page.is_done)?;
        page.is_done = true;
        let page = self.pages.get(&id)?;
        let mut ancestors = Vec::new();
        let mut restricted = self.restricted(id);
        let mut above = page.parent;
        while let Some(parent_id) = above.filter(|_| ancestors.len() < MAX_ANCESTORS) {
            let Some(parent) = self.pages.get(&parent_id) else {
                break;
            };
            ancestors.push(json!({"id": parent_id.to_string(), "title": parent.title}));
            // Who may see a page must be named on all restricted ones above it; one group that is
            // named on one of them only would be too many.
            restricted = narrower(restricted, self.restricted(parent_id));
            above = parent.parent;
        }
        ancestors.reverse();
        let space = page.space.and_then(|space| self.spaces.get(&space));
        let labels = self.labelled.get(&id).into_iter().flatten();
        let labels: Vec<&String> = labels.filter_map(|label| self.labels.get(label)).collect();
        let status = if page.status.is_empty() {
            "current"
        } else {
            &page.status
        };
        let form = if is_wiki { "wiki" } else { "storage" };
        let record = json!({
            "id": id.to_string(),
            "type": if page.is_blog { "blogpost" } else { "page" },
            "status": status,
            "title": page.title,
            "space": space.map(|space| json!({"key": space.key, "name": space.name})),
            "ancestors": ancestors,
            "labels": labels,
            "history": {"createdDate": page.created},
            "version": {"number": page.version, "when": page.modified},
            "body": {form: {"value": body}},
            "isPublic": space.is_some_and(|space| space.is_public),
            "isRestricted": restricted.is_some(),
            "readers": restricted.unwrap_or_default(),
        });
        let Value::Object(record) = record else {
            return None;
        };
        let json = serde_json::to_vec(&record).unwrap_or_default();
        Some(RawContent::Json(record, json))
    }

    /// Who may see a page by its own permissions, if not everybody.
    fn restricted(&self, content: u64) -> Option<Vec<String>> {
        self.viewers.get(&content).cloned()
    }

    /// Joins the sets of permissions with those whom they name.
    fn join_permissions(&mut self) {
        let mut sets: Vec<(u64, u64)> = self.sets.drain().collect();
        sets.sort_unstable();
        for (set, content) in sets {
            let readers = self.readers.remove(&set).unwrap_or_default();
            let readers = readers.into_iter().map(|reader| match reader {
                Reader::Group(name) => format!("confluence-group-{name}"),
                Reader::User(key) => {
                    let name = self.users.get(&key).unwrap_or(&key);
                    format!("confluence-user-{name}")
                }
            });
            self.viewers.entry(content).or_default().extend(readers);
        }
    }

    /// What is not kept, one by one: nothing is left when all is told.
    pub(super) fn next_skipped(&mut self) -> Option<Skipped> {
        if let Some(id) = self.deleted.pop() {
            let id = format!("{}:{id}", System::Confluence);
            return Some(Skipped {
                reason: "a deleted page".to_owned(),
                removes: DocumentKey::new(Kind::Article, id).ok(),
            });
        }
        let mut first = self.skipped.first_entry()?;
        let reason = (*first.key()).to_owned();
        *first.get_mut() -= 1;
        if *first.get() == 0 {
            first.remove();
        }
        Some(Skipped {
            reason,
            removes: None,
        })
    }

    /// The pages that had no body, the last one first.
    pub(super) fn without_body(&self) -> Vec<u64> {
        let open = self.pages.iter().filter(|(_, page)| !page.is_done);
        open.map(|(id, _)| *id).rev().collect()
    }
}

/// The groups that both name; the same when only one says anything.
pub(super) fn narrower(a: Option<Vec<String>>, b: Option<Vec<String>>) -> Option<Vec<String>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.into_iter().filter(|reader| b.contains(reader)).collect()),
        (a, b) => a.or(b),
    }
}
