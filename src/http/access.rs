//! Who asks, and what they may do.
//!
//! With API keys configured every request but the health checks needs one. Without any, the server
//! listens on the loopback address only and whoever reaches it is an admin; then the `Host` must
//! be the loopback one too, so that no web page can reach it under a name of its own (DNS
//! rebinding).

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header, request::Parts};

use super::App;
use super::problem::{Code, Problem};
use crate::model::{Audience, Role};

/// The name of whoever asks where no keys are configured.
const LOCAL: &str = "local";

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    role: Role,
    /// Of the API key.
    pub(super) name: String,
    pub(super) audience: Audience,
}

impl Caller {
    /// Whether the caller has this role or a higher one.
    pub(super) fn is_at_least(&self, role: Role) -> bool {
        self.role >= role
    }

    /// Refuses callers below a role.
    pub(super) fn require(&self, role: Role) -> Result<(), Problem> {
        if self.is_at_least(role) {
            return Ok(());
        }
        let detail = format!("this needs a key of role {role}, yours is {}", self.role);
        Err(Problem::new(Code::Forbidden, detail))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        // A read of a few microseconds, not worth a trip to the pool; it makes a new key count,
        // and a revoked one not count, from the next request on.
        if !app.engine.has_keys()? {
            require_loopback_host(&parts.headers)?;
            return Ok(Self {
                role: Role::Admin,
                name: LOCAL.to_owned(),
                audience: Audience::Everything,
            });
        }
        let Some(secret) = bearer(&parts.headers) else {
            let detail = "send an API key as `Authorization: Bearer KEY`";
            return Err(Problem::new(Code::Unauthorized, detail));
        };
        match app.engine.key_of(secret)? {
            Some(key) => Ok(Self {
                role: key.role,
                name: key.name,
                audience: Audience::of(key.role, &key.groups),
            }),
            None => Err(Problem::new(
                Code::Unauthorized,
                "this API key is not known",
            )),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

fn require_loopback_host(headers: &HeaderMap) -> Result<(), Problem> {
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    match host {
        // Not a browser: those always send one.
        None => Ok(()),
        Some(host) if is_loopback(host) => Ok(()),
        Some(host) => {
            let detail = format!("without API keys only localhost is served, not {host}");
            Err(Problem::new(Code::MisdirectedRequest, detail))
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_are_this_server() {
        for host in [
            "localhost",
            "localhost:7878",
            "127.0.0.1:80",
            "127.9.9.9",
            "[::1]:7878",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "10.0.0.1",
            "[::2]",
            "",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
