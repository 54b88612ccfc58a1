//! The log's buffers of one purpose: few, of one size, owned for as long as they are needed.
//!
//! Commits, reads and the small things have stocks of their own, or a reader that would free memory waits for memory.

use crate::disk::IoBuf;

pub(crate) struct Stock<B> {
    free: Vec<B>,
    /// Free and lent together.
    owned: usize,
    limit: usize,
    size_bytes: usize,
    /// Somebody asked in vain, or buffers are wanted before anybody asks.
    short: bool,
    eager: bool,
}

impl<B: IoBuf> Stock<B> {
    pub(crate) fn new(limit: usize, size_bytes: usize) -> Stock<B> {
        Stock { free: Vec::new(), owned: 0, limit, size_bytes, short: false, eager: false }
    }

    /// All buffers are wanted from the beginning, so that nobody ever waits for the first.
    pub(crate) fn eager(mut self) -> Stock<B> {
        self.eager = true;
        self
    }

    pub(crate) fn take(&mut self) -> Option<B> {
        let buf = self.free.pop();
        self.short = buf.is_none();
        buf
    }

    /// How many more can be taken, those that the limit still allows to get included.
    pub(crate) fn obtainable(&self) -> usize {
        self.free.len() + (self.limit - self.owned)
    }

    /// How many can be taken at once.
    pub(crate) fn free(&self) -> usize {
        self.free.len()
    }

    /// Takes back what was lent.
    pub(crate) fn put(&mut self, buf: B) {
        if buf.as_ref().len() >= self.size_bytes {
            self.free.push(buf);
        } else {
            self.owned -= 1;
        }
        assert!(self.free.len() <= self.owned, "a buffer came back twice");
    }

    /// A lent buffer is gone.
    pub(crate) fn lost(&mut self) {
        self.owned -= 1;
    }

    /// The size of a buffer that would be of use now.
    pub(crate) fn want(&self) -> Option<usize> {
        let short = self.eager || self.short && self.free.is_empty();
        (short && self.owned < self.limit).then_some(self.size_bytes)
    }

    /// A new buffer.
    pub(crate) fn give(&mut self, buf: B) {
        assert!(buf.as_ref().len() >= self.size_bytes, "a buffer smaller than was asked for");
        self.owned += 1;
        self.short = false;
        self.free.push(buf);
    }

    /// Buffers must be at least this large from now on.
    pub(crate) fn enlarge(&mut self, size_bytes: usize) {
        if size_bytes > self.size_bytes {
            self.size_bytes = size_bytes;
            self.owned -= self.free.len();
            self.free.clear();
        }
    }

    /// Gives back what nobody uses, but for `keep` buffers.
    pub(crate) fn trim(&mut self, keep: usize) {
        let surplus = self.free.len().saturating_sub(keep);
        self.owned -= surplus;
        self.free.truncate(keep);
    }
}
