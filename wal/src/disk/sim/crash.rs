//! What a power cut may leave behind.

use super::{Random, SimConfig, SimDisk, file::Name, file::SimFile};
use std::collections::{BTreeMap, BTreeSet};

/// The bytes on a disk after a power cut: every slot whose name survived, and the two checkpoint copies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Image {
    /// Slot number to contents.
    pub slots: BTreeMap<u32, Vec<u8>>,
    /// Both copies, one after the other.
    pub checkpoint: Vec<u8>,
}

/// One thing a crash decides: a sector of a file, or a name. The number of its possible outcomes follows.
enum Fact {
    Sector { file: Option<usize>, sector: usize, choices: usize },
    Name { slot: u32, choices: usize },
}

impl Fact {
    fn choices(&self) -> usize {
        match self {
            Fact::Sector { choices, .. } | Fact::Name { choices, .. } => *choices,
        }
    }
}

impl SimDisk {
    /// A disk with the bytes of an image.
    pub fn from_image(config: SimConfig, image: &Image) -> SimDisk {
        let mut disk = SimDisk::new(config);
        let sector_bytes = disk.config.sector_bytes;
        for (slot, bytes) in &image.slots {
            disk.files.push(SimFile::of(bytes.clone(), sector_bytes));
            disk.names.insert(*slot, Name { durable: Some(disk.files.len() - 1), unsynced: Vec::new() });
        }
        disk.checkpoint = SimFile::of(image.checkpoint.clone(), sector_bytes);
        disk
    }

    /// What stays if the power goes now: all possibilities while there are at most 64, else `sample` of them chosen by
    /// `seed`, always with "nothing", "everything", "only the newest write", "only the oldest", "data without names"
    /// and "names without data". Without repetitions.
    pub fn images(&self, sample: usize, seed: u64) -> Vec<Image> {
        let facts = self.facts();
        let mut random = Random::new(seed);
        let total = facts
            .iter()
            .try_fold(1usize, |total, fact| total.checked_mul(fact.choices()).filter(|total| *total <= 64));
        let mut picks: Vec<Vec<usize>> = Vec::new();
        if let Some(total) = total {
            for mut number in 0..total {
                let pick = |fact: &Fact| {
                    let choice = number % fact.choices();
                    number /= fact.choices();
                    choice
                };
                picks.push(facts.iter().map(pick).collect());
            }
        } else {
            let named = |wanted: &dyn Fn(&Fact) -> bool| -> Vec<usize> {
                facts.iter().map(|fact| if wanted(fact) { fact.choices() - 1 } else { 0 }).collect()
            };
            let operations = self.unsynced_operations();
            let only = |operation: Option<&u64>| {
                named(&|fact| operation.is_some_and(|operation| self.last_writer(fact) == Some(*operation)))
            };
            picks.push(named(&|_| false));
            picks.push(named(&|_| true));
            picks.push(only(operations.last()));
            picks.push(only(operations.first()));
            picks.push(named(&|fact| matches!(fact, Fact::Sector { .. })));
            picks.push(named(&|fact| matches!(fact, Fact::Name { .. })));
            while picks.len() < sample.max(6) {
                picks.push(facts.iter().map(|fact| random.below(fact.choices() as u64) as usize).collect());
            }
        }
        let images: BTreeSet<Image> = picks.iter().map(|pick| self.image(&facts, pick)).collect();
        images.into_iter().collect()
    }

    /// One of the images, chosen at random.
    pub fn crash(&self, random: &mut Random) -> Image {
        let facts = self.facts();
        let calm = random.below(4);
        let pick: Vec<usize> = facts
            .iter()
            .map(|fact| match calm {
                0 => 0,
                1 => fact.choices() - 1,
                _ => random.below(fact.choices() as u64) as usize,
            })
            .collect();
        self.image(&facts, &pick)
    }

    /// What stays if everything submitted so far was completed and synced first.
    pub fn settled(&self) -> Image {
        let facts = self.facts();
        let pick: Vec<usize> = facts.iter().map(|fact| fact.choices() - 1).collect();
        self.image(&facts, &pick)
    }

    fn file(&self, file: Option<usize>) -> &SimFile {
        file.map_or(&self.checkpoint, |file| &self.files[file])
    }

    fn facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        let mut reachable = BTreeSet::from([None]);
        for (slot, name) in &self.names {
            reachable.extend(name.unsynced.iter().chain([&name.durable]).flatten().map(|file| Some(*file)));
            if !name.unsynced.is_empty() {
                facts.push(Fact::Name { slot: *slot, choices: name.unsynced.len() + 1 });
            }
        }
        for file in reachable {
            for (sector, values) in &self.file(file).unsynced {
                facts.push(Fact::Sector { file, sector: *sector, choices: values.len() + 1 });
            }
        }
        facts
    }

    fn unsynced_operations(&self) -> BTreeSet<u64> {
        let files = self.files.iter().chain([&self.checkpoint]);
        let values = files.flat_map(|file| file.unsynced.values().flatten());
        values.map(|value| value.operation).collect()
    }

    fn last_writer(&self, fact: &Fact) -> Option<u64> {
        let Fact::Sector { file, sector, .. } = fact else { return None };
        self.file(*file).unsynced.get(sector)?.last().map(|value| value.operation)
    }

    fn image(&self, facts: &[Fact], pick: &[usize]) -> Image {
        let mut names: BTreeMap<u32, Option<usize>> =
            self.names.iter().map(|(slot, name)| (*slot, name.durable)).collect();
        let mut checkpoint = self.checkpoint.durable.clone();
        let mut files: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        for (fact, choice) in facts.iter().zip(pick).filter(|(_, choice)| **choice > 0) {
            match fact {
                Fact::Name { slot, .. } => {
                    names.insert(*slot, self.names[slot].unsynced[choice - 1]);
                }
                Fact::Sector { file, sector, .. } => {
                    let value = &self.file(*file).unsynced[sector][choice - 1];
                    let bytes = match file {
                        Some(file) => files.entry(*file).or_insert_with(|| self.files[*file].durable.clone()),
                        None => &mut checkpoint,
                    };
                    bytes[sector * self.config.sector_bytes..][..self.config.sector_bytes]
                        .copy_from_slice(&value.bytes);
                }
            }
        }
        let contents = |file: usize| files.get(&file).unwrap_or(&self.files[file].durable).clone();
        let slots = names.iter().filter_map(|(slot, file)| Some((*slot, contents((*file)?)))).collect();
        Image { slots, checkpoint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{AlignedBuf, Disk, Op, OpId};

    fn disk() -> SimDisk {
        let config = SimConfig { sector_bytes: 64, checkpoint_bytes: 128, ..SimConfig::default() };
        let mut disk = SimDisk::new(config);
        disk.submit(OpId(0), Op::Prepare { slot: 0, size_bytes: 256 });
        disk.poll(&mut Vec::new());
        disk
    }

    fn write(disk: &mut SimDisk, offset_bytes: u64, value: u8) {
        let mut buf = AlignedBuf::new(128);
        buf.as_mut().fill(value);
        disk.submit(OpId(1), Op::Write { slot: 0, offset_bytes, len_bytes: 128, buf });
    }

    #[test]
    fn a_crash_keeps_what_was_synced_and_any_part_of_the_rest() {
        let mut disk = disk();
        write(&mut disk, 0, 7);
        // Two sectors and a name: eight outcomes, four of which have no file at all and look the same.
        assert_eq!(disk.images(0, 1).len(), 5);
        disk.poll(&mut Vec::new());
        assert_eq!(disk.images(0, 1).len(), 2);
        disk.submit(OpId(2), Op::SyncDir);
        disk.poll(&mut Vec::new());
        let images = disk.images(0, 1);
        assert_eq!(images.len(), 1);
        assert_eq!(images[0].slots[&0][..128], [7; 128]);
    }

    #[test]
    fn many_outcomes_are_sampled_with_the_extreme_ones() {
        let mut disk = disk();
        disk.submit(OpId(2), Op::SyncDir);
        disk.poll(&mut Vec::new());
        for value in 1..=4 {
            write(&mut disk, 0, value);
            write(&mut disk, 128, value);
        }
        let images = disk.images(20, 1);
        assert!((15..=20).contains(&images.len()), "{}", images.len());
        assert!(images.iter().any(|image| image.slots[&0] == [0; 256]));
        assert!(images.iter().any(|image| image.slots[&0] == [4; 256]));
        assert_eq!(images, disk.images(20, 1));
    }
}
