//! A log's disk on the ring: commits, checkpoints and reads are the ring's, what prepares and removes files goes to other
//! threads.

use super::Ring;
use super::op::Op as RingOp;
use super::slots::{Lent, Room};
use crate::reactor::{Fut, LogDisk, offload};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use wal::disk::files::Name;
use wal::disk::perform::{fault, perform};
use wal::disk::{AlignedBuf, BufferPool, Disk, Done, Fault, Op, OpId, SlotFiles};

type Outcome = (Result<u32, Fault>, Option<AlignedBuf>);

enum Going {
    Ring(RingOp),
    Elsewhere(Fut<'static, Outcome>),
}

/// The disk of one log. Dropping it leaves what is in flight, with its buffers, to the ring.
pub(in crate::reactor) struct RingDisk {
    ring: Rc<Ring>,
    files: Arc<SlotFiles>,
    pool: BufferPool,
    going: Vec<(OpId, Going)>,
    done: Vec<Done<AlignedBuf>>,
}

impl RingDisk {
    pub(in crate::reactor) fn new(ring: Rc<Ring>, files: Arc<SlotFiles>, buffer_bytes: usize) -> RingDisk {
        RingDisk { ring, files, pool: BufferPool::new(buffer_bytes), going: Vec::new(), done: Vec::new() }
    }

    fn write(&mut self, id: OpId, name: Name, buf: AlignedBuf, len_bytes: u32, offset_bytes: u64) {
        match self.files.get(name) {
            Ok(fd) => {
                let op = RingOp::write_durable(&self.ring, fd, buf, len_bytes, offset_bytes);
                self.going.push((id, Going::Ring(op)));
            }
            Err(e) => self.done.push(Done { id, result: fault(Err(e)), buf: Some(buf) }),
        }
    }

    fn read(&mut self, id: OpId, name: Name, buf: AlignedBuf, part: (u32, u32), offset_bytes: u64) {
        match self.files.get(name) {
            Ok(fd) => {
                let op = RingOp::read_block(&self.ring, fd, buf, part, offset_bytes);
                self.going.push((id, Going::Ring(op)));
            }
            Err(e) => self.done.push(Done { id, result: fault(Err(e)), buf: Some(buf) }),
        }
    }
}

impl Disk for RingDisk {
    type Buf = AlignedBuf;

    fn buffer(&mut self, at_least_bytes: usize) -> Option<AlignedBuf> {
        self.pool.buffer(at_least_bytes)
    }

    fn submit(&mut self, id: OpId, op: Op<AlignedBuf>) {
        match op {
            Op::Write { slot, offset_bytes, len_bytes, buf } => {
                self.write(id, Name::Slot(slot), buf, len_bytes, offset_bytes);
            }
            Op::Checkpoint { copy, len_bytes, buf } => {
                self.write(id, Name::Checkpoint(copy), buf, len_bytes, 0)
            }
            Op::Read { slot, offset_bytes, at_bytes, len_bytes, buf } => {
                self.read(id, Name::Slot(slot), buf, (at_bytes, len_bytes), offset_bytes);
            }
            Op::ReadCheckpoint { copy, len_bytes, buf } => {
                self.read(id, Name::Checkpoint(copy), buf, (0, len_bytes), 0);
            }
            op @ (Op::Prepare { .. } | Op::SyncDir | Op::Remove { .. } | Op::Quarantine { .. }) => {
                let files = self.files.clone();
                let work = offload::run(move || perform(&files, op));
                let outcome = async move { work.await.unwrap_or((Err(Fault::EIO), None)) };
                self.going.push((id, Going::Elsewhere(Box::pin(outcome))));
            }
        }
    }

    fn poll(&mut self, out: &mut Vec<Done<AlignedBuf>>) {
        out.append(&mut self.done);
    }
}

impl LogDisk for RingDisk {
    fn poll_progress(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let done = &mut self.done;
        self.going.retain_mut(|(id, going)| {
            let outcome = match going {
                Going::Ring(op) => Pin::new(op).poll(cx).map(|(result, lent)| (of_ring(result), block(lent))),
                Going::Elsewhere(work) => work.as_mut().poll(cx),
            };
            match outcome {
                Poll::Ready((result, buf)) => {
                    done.push(Done { id: *id, result, buf });
                    false
                }
                Poll::Pending => true,
            }
        });
        if done.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    }
}

fn of_ring(result: io::Result<u32>) -> Result<u32, Fault> {
    fault(result.map(|n| n as usize))
}

fn block(lent: Lent) -> Option<AlignedBuf> {
    match lent.room {
        Room::Block(buf) => Some(buf),
        _ => unreachable!("operations of a log lend blocks"),
    }
}
