//! What can be asked: routes, bodies, and errors as JSON.

use super::agent_api::AgentApi;
use super::catalogue::ComponentInfo;
use super::messages::{
    ErrorBody, LogLevelRequest, LogLevels, RunningConfig, StopOutcome, StopRequest, Version,
};
use super::status::Status;
use axum::Json;
use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Grows when an old `ctl` would misread an answer.
const PROTOCOL: u32 = 1;
const MOST_BODY_BYTES: usize = 64 * 1024;

/// How long to wait for whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// The client, until the head of a request is there.
    pub(super) head: Duration,
    /// The client, until its body is there.
    pub(super) body: Duration,
    /// The agent, until its status is there: less than the client's patience, so that it hears who is slow.
    pub(super) status: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Patience { head: seconds(5), body: seconds(5), status: seconds(3) }
    }
}

/// What the routes answer from.
pub(super) struct App {
    pub(super) agent: String,
    pub(super) api: Arc<dyn AgentApi>,
    pub(super) catalogue: Vec<ComponentInfo>,
    pub(super) patience: Patience,
}

pub(super) fn router(app: App) -> Router {
    Router::new()
        .route("/version", get(version))
        .route("/status", get(status))
        .route("/components", get(components))
        .route("/config", get(config))
        .route("/log-level", get(log_levels).post(set_log_level))
        .route("/stop", axum::routing::post(stop))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .with_state(Arc::new(app))
}

type AppState = State<Arc<App>>;

async fn version(State(app): AppState) -> Json<Version> {
    Json(Version {
        agent: app.agent.clone(),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: PROTOCOL,
    })
}

async fn status(State(app): AppState) -> Result<Json<Status>, Failure> {
    let patience = app.patience.status;
    match tokio::time::timeout(patience, app.api.status()).await {
        Ok(status) => Ok(Json(status)),
        Err(_) => Err(Failure::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!("the agent's threads did not answer within {patience:?}"),
        )
        .help("a thread is busy or stuck: look at the agent's log and at top -H -p with its process id")),
    }
}

async fn components(
    State(app): AppState,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Vec<ComponentInfo>>, Failure> {
    let name = query.get("name");
    let found: Vec<_> =
        app.catalogue.iter().filter(|c| name.is_none_or(|n| c.is_named(n))).cloned().collect();
    match name {
        Some(name) if found.is_empty() => {
            Err(Failure::new(StatusCode::NOT_FOUND, format!("there is no component type {name:?}")))
        }
        _ => Ok(Json(found)),
    }
}

async fn config(State(app): AppState) -> Json<RunningConfig> {
    Json(app.api.config())
}

async fn log_levels(State(app): AppState) -> Json<LogLevels> {
    Json(app.api.log_levels())
}

async fn set_log_level(State(app): AppState, request: Request) -> Result<Json<LogLevels>, Failure> {
    let wish: LogLevelRequest = body(request, app.patience.body).await?;
    app.api.set_log_level(wish).map(Json).map_err(|why| Failure::new(StatusCode::BAD_REQUEST, why))
}

async fn stop(State(app): AppState, request: Request) -> Result<Json<StopOutcome>, Failure> {
    let wish: StopRequest = body(request, app.patience.body).await?;
    Ok(Json(app.api.stop(wish.now).await))
}

async fn no_such_path(request: Request) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, format!("there is no {}", request.uri().path()))
        .help("this agent may be older than your ctl")
}

async fn no_such_method(request: Request) -> Failure {
    let (method, path) = (request.method(), request.uri().path());
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, format!("{path} does not take {method}"))
}

/// The request's body as JSON; an empty one is an empty object.
async fn body<T: DeserializeOwned>(request: Request, patience: Duration) -> Result<T, Failure> {
    let read = axum::body::to_bytes(request.into_body(), MOST_BODY_BYTES);
    let bytes = match tokio::time::timeout(patience, read).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => {
            let text = format!("cannot read the body (at most {MOST_BODY_BYTES} bytes): {error}");
            return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        Err(_) => {
            let text = format!("the body did not arrive within {patience:?}");
            return Err(Failure::new(StatusCode::REQUEST_TIMEOUT, text));
        }
    };
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    serde_json::from_slice(text).map_err(|error| {
        Failure::new(StatusCode::BAD_REQUEST, format!("the body is not what it should be: {error}"))
    })
}

/// An answer that is not 2xx.
struct Failure(StatusCode, ErrorBody);

impl Failure {
    fn new(code: StatusCode, error: String) -> Self {
        Failure(code, ErrorBody { error, help: String::new() })
    }

    fn help(mut self, text: &str) -> Self {
        self.1.help = text.to_owned();
        self
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}
