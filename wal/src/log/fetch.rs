//! Fills a buffer from a slot although reads come short or fail: the rest is asked for again, a failed read is tried
//! three times, then block by block, and a block that stays unreadable becomes zeros and is remembered.

use crate::disk::{Done, Fault, IoBuf, Op};

const TRIES: u32 = 3;

pub(crate) struct Fetch<B> {
    pub(crate) slot: u32,
    pub(crate) offset_bytes: u64,
    len: u32,
    have: u32,
    block: u32,
    tries: u32,
    blockwise: bool,
    buf: Option<B>,
    /// The fault of the last block that could not be read, and how many there were.
    pub(crate) fault: Option<Fault>,
    pub(crate) bad_blocks: u32,
}

impl<B: IoBuf> Fetch<B> {
    /// Fetches `len` bytes, a multiple of `block`, into the beginning of `buf`.
    pub(crate) fn new(slot: u32, offset_bytes: u64, len: u32, block: u32, buf: B) -> Fetch<B> {
        assert!(len as usize <= buf.as_ref().len() && len > 0, "the buffer holds what is fetched");
        Fetch {
            slot,
            offset_bytes,
            len,
            have: 0,
            block,
            tries: 0,
            blockwise: false,
            buf: Some(buf),
            fault: None,
            bad_blocks: 0,
        }
    }

    /// The next read, unless one is on its way or all is there.
    pub(crate) fn op(&mut self) -> Option<Op<B>> {
        if self.is_complete() {
            return None;
        }
        let buf = self.buf.take()?;
        let left = self.len - self.have;
        Some(Op::Read {
            slot: self.slot,
            offset_bytes: self.offset_bytes + u64::from(self.have),
            at_bytes: self.have,
            len_bytes: if self.blockwise { left.min(self.block) } else { left },
            buf,
        })
    }

    /// Takes the completion of its read. False if the buffer is lost.
    pub(crate) fn done(&mut self, done: Done<B>) -> bool {
        self.buf = done.buf;
        let Some(buf) = &mut self.buf else { return false };
        match done.result {
            Ok(0) => {
                // Behind the end of the file: as if nothing had ever been written there.
                buf.as_mut()[self.have as usize..self.len as usize].fill(0);
                self.have = self.len;
            }
            Ok(bytes) => {
                self.have += (bytes - bytes % self.block).min(self.len - self.have);
                self.tries = if bytes < self.block { self.tries + 1 } else { 0 };
                if self.tries >= TRIES {
                    self.give_up_block(Fault::EIO);
                }
            }
            Err(fault) => {
                self.tries += 1;
                if self.tries >= TRIES {
                    if self.blockwise || self.len - self.have <= self.block {
                        self.give_up_block(fault);
                    } else {
                        self.blockwise = true;
                        self.tries = 0;
                    }
                }
            }
        }
        true
    }

    fn give_up_block(&mut self, fault: Fault) {
        let end = (self.have + self.block).min(self.len);
        if let Some(buf) = &mut self.buf {
            buf.as_mut()[self.have as usize..end as usize].fill(0);
        }
        self.have = end;
        self.tries = 0;
        self.bad_blocks += 1;
        self.fault = Some(fault);
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.have == self.len && self.buf.is_some()
    }

    /// The filled buffer and how much of it counts.
    pub(crate) fn into_buf(self) -> Option<(B, usize)> {
        self.buf.map(|buf| (buf, self.len as usize))
    }
}
