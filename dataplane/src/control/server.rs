//! The server on the control socket: HTTP/1, a handful of routes, and bounds on everything a client can do.
//!
//! # Limits
//! 64 connections (one more closes the oldest), 64 KiB of body, 5 s for a request's head and 5 s for its body, 3 s for
//! the agent to answer a status. So no client, slow, half-open or hostile, can keep another one out or hold the agent.

use super::agent_api::AgentApi;
use super::catalogue::ComponentInfo;
use super::routes::{App, Patience, router};
use super::socket::ControlSocket;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

const MOST_CONNECTIONS: usize = 64;
/// How long answers under way may take once the agent wants to exit.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);
/// Pause after a failed accept: out of descriptors stays so for a while.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A control socket that is served.
pub struct Server {
    path: PathBuf,
    closing: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Serves the socket on the current tokio runtime. `catalogue` is every type of component, for `GET /components`.
    ///
    /// # Errors
    /// When the runtime refuses the descriptor.
    pub fn start(
        socket: ControlSocket,
        api: Arc<dyn AgentApi>,
        catalogue: Vec<ComponentInfo>,
    ) -> io::Result<Server> {
        Self::start_with(socket, api, catalogue, Patience::default())
    }

    fn start_with(
        socket: ControlSocket,
        api: Arc<dyn AgentApi>,
        catalogue: Vec<ComponentInfo>,
        patience: Patience,
    ) -> io::Result<Server> {
        let listener = UnixListener::from_std(socket.listener().try_clone()?)?;
        let (closing, wish) = watch::channel(false);
        let path = socket.path().to_path_buf();
        let app = router(App { agent: socket.agent().to_owned(), api, catalogue, patience });
        let accepting = tokio::spawn(async move {
            accept_all(listener, app, patience.head, wish).await;
            // Removes the files after the last answer: `ctl stop` reads its own before the socket goes.
            drop(socket);
        });
        Ok(Server { path, closing, accepting })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes no more connections, lets answers under way finish (half a second at most) and removes the socket.
    pub async fn close(mut self) {
        self.closing.send_replace(true);
        // An error means that the task panicked; its socket was dropped then, too.
        drop((&mut self.accepting).await);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept_all(listener: UnixListener, app: Router, head: Duration, mut closing: watch::Receiver<bool>) {
    let own_uid = rustix::process::geteuid().as_raw();
    let mut tasks = JoinSet::new();
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = closing.wait_for(|wish| *wish) => break,
        };
        while tasks.try_join_next().is_some() {}
        open.retain(|task| !task.is_finished());
        match accepted {
            Ok((stream, _)) if is_welcome(&stream, own_uid) => {
                if open.len() >= MOST_CONNECTIONS
                    && let Some(oldest) = open.pop_front()
                {
                    oldest.abort();
                }
                open.push_back(tasks.spawn(serve(stream, app.clone(), head, closing.clone())));
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!("control socket: cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let rest = async { while tasks.join_next().await.is_some() {} };
    // What takes longer is dropped with the set.
    drop(tokio::time::timeout(CLOSE_TIMEOUT, rest).await);
}

/// Whether the peer is this user or root. Others are named in the log, and see their connection closed.
fn is_welcome(stream: &UnixStream, own_uid: u32) -> bool {
    match stream.peer_cred() {
        Ok(peer) if admits(peer.uid(), own_uid) => true,
        Ok(peer) => {
            let pid = peer.pid().unwrap_or(0);
            tracing::warn!(
                "control socket: refused user {} (process {pid}): not user {own_uid}, not root",
                peer.uid()
            );
            false
        }
        Err(error) => {
            tracing::warn!("control socket: refused a peer that has no credentials: {error}");
            false
        }
    }
}

fn admits(peer_uid: u32, own_uid: u32) -> bool {
    peer_uid == own_uid || peer_uid == 0
}

async fn serve(stream: UnixStream, app: Router, head: Duration, mut closing: watch::Receiver<bool>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    tokio::pin!(connection);
    // Errors are the client's: it went away, was too slow or did not speak HTTP; hyper has told it what there is to say.
    tokio::select! {
        ended = connection.as_mut() => return drop(ended),
        _ = closing.wait_for(|wish| *wish) => connection.as_mut().graceful_shutdown(),
    }
    drop(connection.await);
}

#[cfg(test)]
mod tests;
