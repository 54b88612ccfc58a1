//! Files of a simulation.

use super::World;
use crate::reactor::net::no_room;
use crate::reactor::{File, FileStat, Fut, OpenHow};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use wal::Tick;

#[derive(Default)]
pub(super) struct Files(RefCell<BTreeMap<PathBuf, Rc<Content>>>);

struct Content {
    inode: u64,
    born_ns: Tick,
    bytes: RefCell<Vec<u8>>,
}

impl Files {
    pub(super) fn open(&self, world: &Rc<World>, path: &Path, how: OpenHow) -> io::Result<Box<dyn File>> {
        let mut files = self.0.borrow_mut();
        let inode = files.len() as u64 + 1;
        let content = match (files.get(path), how) {
            (Some(_), OpenHow::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Some(content), _) => content.clone(),
            (None, OpenHow::Read) => return Err(io::ErrorKind::NotFound.into()),
            (None, OpenHow::Create | OpenHow::CreateNew | OpenHow::Write) => {
                let new =
                    Rc::new(Content { inode, born_ns: world.executor.now(), bytes: RefCell::default() });
                files.insert(path.to_owned(), new.clone());
                new
            }
        };
        if how == OpenHow::Create {
            content.bytes.borrow_mut().clear();
        }
        Ok(Box::new(SimFile { world: world.clone(), content, how }))
    }
}

struct SimFile {
    world: Rc<World>,
    content: Rc<Content>,
    how: OpenHow,
}

impl File for SimFile {
    fn read_at<'a>(&'a self, mut into: Vec<u8>, offset_bytes: u64) -> Fut<'a, (io::Result<usize>, Vec<u8>)> {
        Box::pin(async move {
            let room = into.capacity() - into.len();
            if room == 0 {
                return (Err(no_room()), into);
            }
            if self.how != OpenHow::Read {
                return (Err(io::ErrorKind::PermissionDenied.into()), into);
            }
            self.world.dawdle().await;
            let bytes = self.content.bytes.borrow();
            let from = usize::try_from(offset_bytes).unwrap_or(usize::MAX).min(bytes.len());
            let most = room.min(bytes.len() - from);
            let n = most.min(1 + self.world.chance.below(most));
            into.extend_from_slice(&bytes[from..from + n]);
            self.world.note(format_args!("read {n} of file {}", self.content.inode));
            (Ok(n), into)
        })
    }

    fn write_at<'a>(&'a self, from: Vec<u8>, offset_bytes: u64) -> Fut<'a, (io::Result<()>, Vec<u8>)> {
        Box::pin(async move {
            if self.how == OpenHow::Read {
                return (Err(io::ErrorKind::PermissionDenied.into()), from);
            }
            self.world.dawdle().await;
            let Ok(at) = usize::try_from(offset_bytes) else {
                return (Err(io::ErrorKind::FileTooLarge.into()), from);
            };
            let mut bytes = self.content.bytes.borrow_mut();
            let end = at + from.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[at..end].copy_from_slice(&from);
            self.world.note(format_args!("write {} to file {}", from.len(), self.content.inode));
            (Ok(()), from)
        })
    }

    fn sync_data<'a>(&'a self) -> Fut<'a, io::Result<()>> {
        Box::pin(async move {
            self.world.dawdle().await;
            Ok(())
        })
    }

    fn stat<'a>(&'a self) -> Fut<'a, io::Result<FileStat>> {
        Box::pin(async move {
            Ok(FileStat {
                dev: 0,
                inode: self.content.inode,
                size_bytes: self.content.bytes.borrow().len() as u64,
                modified_ms: (super::START_WALL_MS + self.content.born_ns / 1_000_000) as i64,
                born_ns: Some(self.content.born_ns as i64),
                regular: true,
                directory: false,
            })
        })
    }
}
