//! Making the control socket: its folder, its lock, the file itself, and taking them away again.
//!
//! A lock file beside the socket says that an agent lives: the kernel lets go of it however the agent dies, so a socket
//! without a locked lock is stale and is replaced.

use super::place::{Surroundings, socket_path};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another agent answers there.
    #[error("{} belongs to a running agent", .path.display())]
    Taken {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is no socket is in the way; it is left alone.
    #[error("{} exists and is not a socket", .path.display())]
    NotASocket {
        /// What is in the way.
        path: PathBuf,
    },
    /// The kernel takes 107 bytes.
    #[error("{} is too long for a socket's path (107 bytes)", .path.display())]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// The folder cannot be trusted or used.
    #[error("{}: {why}", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// None of the usual folders can be used.
    #[error("no folder for the control socket: {tried}")]
    Nowhere {
        /// Each folder with its reason.
        tried: String,
    },
    /// The system refused.
    #[error("cannot {doing} {}", .path.display())]
    Io {
        /// `lock`, `bind` …
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// A bound control socket, not served yet. Dropping it removes its files.
#[derive(Debug)]
pub struct ControlSocket {
    agent: String,
    listener: UnixListener,
    path: PathBuf,
    lock: Lock,
}

impl ControlSocket {
    /// Binds the agent's socket: at `wish` if given, else in the first usual folder that can be used, with the process
    /// id in its name when the plain name is taken.
    ///
    /// # Errors
    /// See [`BindError`]. An agent can run without its control socket.
    pub fn bind(agent: &str, wish: Option<&Path>) -> Result<Self, BindError> {
        match wish {
            Some(path) => Self::at(agent, path),
            None => Self::among(agent, &Surroundings::of_process()),
        }
    }

    /// The agent's name.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn listener(&self) -> &UnixListener {
        &self.listener
    }

    pub(super) fn among(agent: &str, around: &Surroundings) -> Result<Self, BindError> {
        let mut tried = Vec::new();
        for folder in around.folders() {
            let made = prepare_folder(&folder, around.uid).and_then(|()| Self::in_folder(agent, &folder));
            match made {
                Ok(socket) => return Ok(socket),
                Err(error) => tried.push(with_cause(&error)),
            }
        }
        Err(BindError::Nowhere { tried: tried.join("; ") })
    }

    fn in_folder(agent: &str, folder: &Path) -> Result<Self, BindError> {
        match Self::at(agent, &socket_path(folder, agent, None)) {
            Err(BindError::Taken { .. }) => {
                Self::at(agent, &socket_path(folder, agent, Some(std::process::id())))
            }
            other => other,
        }
    }

    fn at(agent: &str, path: &Path) -> Result<Self, BindError> {
        let address =
            SocketAddrUnix::new(path).map_err(|_| BindError::TooLong { path: path.to_path_buf() })?;
        let lock = Lock::take(path)?;
        remove_stale(path)?;
        let listener = listen(&address).map_err(|error| io_error("bind", path, error.into()))?;
        Ok(ControlSocket { agent: agent.to_owned(), listener, path: path.to_path_buf(), lock })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // Both while the lock is held: nobody else can have made new ones yet. What cannot be removed is found stale.
        drop(fs::remove_file(&self.path));
        drop(fs::remove_file(&self.lock.path));
    }
}

/// The error with its cause, on one line.
fn with_cause(error: &BindError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn io_error(doing: &'static str, path: &Path, source: io::Error) -> BindError {
    BindError::Io { doing, path: path.to_path_buf(), source }
}

/// Makes the folder, or checks that it is ours alone.
fn prepare_folder(folder: &Path, uid: u32) -> Result<(), BindError> {
    let wrong = |why: String| BindError::Folder { path: folder.to_path_buf(), why };
    match rustix::fs::mkdir(folder, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(wrong(format!("cannot be made: {}", io::Error::from(error)))),
    }
    let found = fs::symlink_metadata(folder).map_err(|e| wrong(e.to_string()))?;
    if !found.is_dir() {
        return Err(wrong("is not a folder".to_owned()));
    }
    if found.uid() != uid {
        return Err(wrong(format!("belongs to user {}, not to {uid}", found.uid())));
    }
    if found.mode() & 0o077 != 0 {
        rustix::fs::chmod(folder, Mode::RWXU).map_err(|e| wrong(io::Error::from(e).to_string()))?;
    }
    Ok(())
}

/// Removes a socket that nobody listens on.
fn remove_stale(path: &Path) -> Result<(), BindError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error("look at", path, error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(BindError::NotASocket { path: path.to_path_buf() });
        }
        Ok(_) => {}
    }
    // The lock was free, but somebody may have removed a lock file under a living agent.
    match connect(path) {
        Err(Errno::CONNREFUSED | Errno::NOENT) => {}
        _ => return Err(BindError::Taken { path: path.to_path_buf() }),
    }
    fs::remove_file(path).map_err(|error| io_error("replace", path, error))
}

/// Connects without waiting: a living agent whose queue is full answers `EAGAIN`.
fn connect(path: &Path) -> Result<(), Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&fd, &SocketAddrUnix::new(path)?)
}

/// Binds with mode 0600 from the first moment on: Linux gives the file the mode of the descriptor.
fn listen(address: &SocketAddrUnix) -> Result<UnixListener, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd: OwnedFd = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::fs::fchmod(&fd, Mode::RUSR | Mode::WUSR)?;
    rustix::net::bind(&fd, address)?;
    rustix::net::listen(&fd, 64)?;
    Ok(UnixListener::from(fd))
}

/// A locked lock file.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    /// Closing it lets go of the lock.
    _file: OwnedFd,
}

impl Lock {
    fn take(socket: &Path) -> Result<Self, BindError> {
        let mut path = socket.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        loop {
            let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR)
                .map_err(|error| io_error("make", &path, error.into()))?;
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Err(BindError::Taken { path: socket.to_path_buf() }),
                Err(error) => return Err(io_error("lock", &path, error.into())),
            }
            // Its last owner may have removed the file between our opening and locking it.
            let ours = rustix::fs::fstat(&file).map_err(|error| io_error("look at", &path, error.into()))?;
            if fs::symlink_metadata(&path).is_ok_and(|m| m.ino() == ours.st_ino) {
                return Ok(Lock { path, _file: file });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixStream;

    fn around(dir: &tempfile::TempDir) -> Surroundings {
        Surroundings {
            uid: rustix::process::geteuid().as_raw(),
            runtime_dir: Some(dir.path().join("runtime")),
            run_dir: dir.path().join("run"),
            temp_dir: dir.path().join("tmp"),
        }
    }

    fn dirs() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in ["runtime", "run", "tmp"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        dir
    }

    #[test]
    fn the_socket_is_private_and_goes_with_the_agent() {
        let dir = dirs();
        let socket = ControlSocket::among("a1", &around(&dir)).unwrap();
        let path = dir.path().join("runtime/penstock/a1.sock");
        assert_eq!(socket.path(), path);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o7777, 0o700);
        drop(socket);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);
    }

    #[test]
    fn a_taken_name_gets_the_process_id() {
        let dir = dirs();
        let first = ControlSocket::among("a1", &around(&dir)).unwrap();
        let second = ControlSocket::among("a1", &around(&dir)).unwrap();
        assert!(second.path().ends_with(format!("a1-{}.sock", std::process::id())));
        assert!(UnixStream::connect(first.path()).is_ok(), "the first one lives on");
        let third = ControlSocket::bind("a1", Some(first.path())).unwrap_err();
        assert!(matches!(third, BindError::Taken { .. }), "{third}");
    }

    #[test]
    fn a_stale_socket_is_replaced_and_nothing_else_is() {
        let dir = dirs();
        let path = dir.path().join("x.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(UnixStream::connect(&path).is_err(), "nobody listens, the file is there");
        drop(ControlSocket::bind("a1", Some(&path)).unwrap());
        fs::write(&path, "precious").unwrap();
        let error = ControlSocket::bind("a1", Some(&path)).unwrap_err();
        assert!(matches!(error, BindError::NotASocket { .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_living_agent_whose_lock_was_removed_is_not_replaced() {
        let dir = dirs();
        let path = dir.path().join("x.sock");
        let first = ControlSocket::bind("a1", Some(&path)).unwrap();
        fs::remove_file(dir.path().join("x.sock.lock")).unwrap();
        let error = ControlSocket::bind("a1", Some(&path)).unwrap_err();
        assert!(matches!(error, BindError::Taken { .. }), "{error}");
        assert!(UnixStream::connect(first.path()).is_ok());
    }

    #[test]
    fn a_folder_that_is_a_link_or_missing_is_passed_over() {
        let dir = dirs();
        fs::create_dir(dir.path().join("elsewhere")).unwrap();
        symlink(dir.path().join("elsewhere"), dir.path().join("runtime/penstock")).unwrap();
        fs::remove_dir(dir.path().join("run")).unwrap();
        let socket = ControlSocket::among("a1", &around(&dir)).unwrap();
        let uid = rustix::process::geteuid().as_raw();
        assert_eq!(socket.path(), dir.path().join(format!("tmp/penstock-{uid}/a1.sock")));
        assert_eq!(fs::read_dir(dir.path().join("elsewhere")).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_of_another_user_is_refused() {
        let dir = dirs();
        let uid = rustix::process::geteuid().as_raw();
        let error = prepare_folder(dir.path(), uid + 1).unwrap_err();
        assert!(error.to_string().contains(&format!("belongs to user {uid}, not to {}", uid + 1)), "{error}");
    }

    #[test]
    fn an_open_folder_of_ours_is_closed() {
        let dir = dirs();
        let folder = dir.path().join("runtime/penstock");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let _socket = ControlSocket::among("a1", &around(&dir)).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o7777, 0o700);
    }

    #[test]
    fn nowhere_to_go_names_every_place() {
        let around = Surroundings {
            uid: 1,
            runtime_dir: Some("/nonexistent/r".into()),
            run_dir: "/nonexistent/run".into(),
            temp_dir: "/nonexistent/t".into(),
        };
        let text = ControlSocket::among("a1", &around).unwrap_err().to_string();
        assert!(
            text.contains("/nonexistent/r/penstock") && text.contains("/nonexistent/t/penstock-1"),
            "{text}"
        );
        let long = PathBuf::from(format!("/tmp/{}", "x".repeat(200)));
        let error = ControlSocket::bind("a1", Some(&long)).unwrap_err();
        assert!(matches!(error, BindError::TooLong { .. }), "{error}");
    }
}
