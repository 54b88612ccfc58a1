//! A file of sectors and a name, each with a durable state and what was done since.

use std::collections::BTreeMap;

/// A value written to a sector and not synced yet.
#[derive(Debug, Clone)]
pub(super) struct Unsynced {
    pub(super) operation: u64,
    pub(super) bytes: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(super) struct SimFile {
    pub(super) durable: Vec<u8>,
    pub(super) unsynced: BTreeMap<usize, Vec<Unsynced>>,
    pub(super) sector_bytes: usize,
    sick: bool,
}

impl SimFile {
    pub(super) fn new(len: usize, sector_bytes: usize) -> SimFile {
        SimFile::of(vec![0; len], sector_bytes)
    }

    pub(super) fn of(durable: Vec<u8>, sector_bytes: usize) -> SimFile {
        SimFile { durable, unsynced: BTreeMap::new(), sector_bytes, sick: false }
    }

    pub(super) fn len(&self) -> usize {
        self.durable.len()
    }

    pub(super) fn write(&mut self, operation: u64, offset_bytes: u64, bytes: &[u8]) {
        assert!(
            (offset_bytes as usize).is_multiple_of(self.sector_bytes)
                && bytes.len().is_multiple_of(self.sector_bytes),
            "writes are whole sectors"
        );
        for (index, bytes) in bytes.chunks_exact(self.sector_bytes).enumerate() {
            let sector = offset_bytes as usize / self.sector_bytes + index;
            let value = Unsynced { operation, bytes: bytes.to_vec() };
            self.unsynced.entry(sector).or_default().push(value);
        }
    }

    /// What `operation` wrote becomes durable, unless the file has failed before.
    pub(super) fn sync(&mut self, operation: u64) {
        if self.sick {
            return;
        }
        let size = self.sector_bytes;
        for (sector, values) in &mut self.unsynced {
            if let Some(at) = values.iter().position(|value| value.operation == operation) {
                self.durable[sector * size..(sector + 1) * size].copy_from_slice(&values[at].bytes);
                values.drain(..=at);
            }
        }
        self.unsynced.retain(|_, values| !values.is_empty());
    }

    /// A failed write: from now on syncs lie.
    pub(super) fn sicken(&mut self) {
        self.sick = true;
    }

    /// A short write: what lies behind the first `kept_bytes` of `operation` was never written.
    pub(super) fn forget(&mut self, operation: u64, kept_bytes: usize) {
        let first = self.unsynced.iter().find(|(_, values)| values.iter().any(|v| v.operation == operation));
        let Some(first) = first.map(|(sector, _)| *sector) else { return };
        let behind = first + kept_bytes / self.sector_bytes;
        for (_, values) in self.unsynced.range_mut(behind..) {
            values.retain(|value| value.operation != operation);
        }
        self.unsynced.retain(|_, values| !values.is_empty());
    }

    /// Reads the newest value of each sector, as a running system sees them; returns how much there was.
    pub(super) fn read(&self, offset_bytes: u64, into: &mut [u8]) -> usize {
        let start = (offset_bytes as usize).min(self.len());
        let len = into.len().min(self.len() - start);
        into[..len].copy_from_slice(&self.durable[start..start + len]);
        let size = self.sector_bytes;
        for (sector, values) in self.unsynced.range(start / size..(start + len).div_ceil(size)) {
            let (from, to) = ((sector * size).max(start), ((sector + 1) * size).min(start + len));
            if let Some(value) = values.last()
                && from < to
            {
                into[from - start..to - start]
                    .copy_from_slice(&value.bytes[from - sector * size..to - sector * size]);
            }
        }
        len
    }
}

/// What a name points to: durably, and what was done since.
#[derive(Debug, Clone, Default)]
pub(super) struct Name {
    pub(super) durable: Option<usize>,
    pub(super) unsynced: Vec<Option<usize>>,
}

impl Name {
    pub(super) fn latest(&self) -> Option<usize> {
        self.unsynced.last().copied().unwrap_or(self.durable)
    }

    pub(super) fn set(&mut self, file: Option<usize>) {
        self.unsynced.push(file);
    }

    pub(super) fn sync(&mut self) {
        self.durable = self.latest();
        self.unsynced.clear();
    }
}
