//! Files of every format version, as they were written once: read for ever. `WAL_GOLDEN=write cargo test -p wal golden`
//! makes those of a new version; files that exist are never written again.

use crate::world::{World, config, recover, tiny_sim};
use std::{collections::BTreeMap, path::PathBuf};
use wal::{
    disk::sim::{Image, SimDisk},
    format::{
        checkpoint::Checkpoint,
        frame::{self, FrameHeader, Seed},
        segment::{self, SegmentHeader},
    },
};

fn directory(version: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(version)
}

/// A log with everything in it: puts of one frame and of several, acknowledgements, padding, a checkpoint with a range.
fn written(closed: bool) -> World<SimDisk> {
    let mut world = World::new(config(77), SimDisk::new(tiny_sim(None)), Vec::new(), 1);
    world.pump();
    for bytes in [20, 300, 1500, 700] {
        world.put(bytes, 2).unwrap();
        world.pump();
    }
    world.ack(0..2);
    world.ack(3..4);
    world.put(50, 1).unwrap();
    world.pump();
    world.put_large(2500, 4, 2500);
    world.pump();
    world.ack(6..7);
    world.now += 20_000_000;
    world.pump();
    if closed {
        world.log.close(world.now);
        world.pump();
    }
    world
}

fn load(version: &str) -> Image {
    let mut slots = BTreeMap::new();
    let mut checkpoint = Vec::new();
    for entry in std::fs::read_dir(directory(version)).expect("golden files are in the repository") {
        let path = entry.expect("a readable directory").path();
        let bytes = std::fs::read(&path).expect("a readable file");
        match path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("seg-")) {
            Some(number) => {
                slots.insert(number.parse().expect("a slot number"), bytes);
            }
            None => checkpoint = bytes,
        }
    }
    Image { slots, checkpoint }
}

/// Every header, frame and checkpoint, decoded and encoded again, gives the same bytes: a change of the format is a new
/// version, with files of its own.
fn encodes_back(golden: &Image) {
    let mut frames = 0;
    for (slot, bytes) in &golden.slots {
        let header = SegmentHeader::decode(bytes, *slot, 0).expect("a header");
        let mut encoded = [0; segment::HEADER_BYTES];
        header.encode(0, &mut encoded);
        assert_eq!(encoded, bytes[..segment::HEADER_BYTES]);
        let seed = Seed::new(header.epoch, header.salt, *slot);
        let mut at = 256;
        while let Ok((frame, sum)) = FrameHeader::decode(seed, at as u64, &bytes[at..]) {
            let mut encoded = [0; frame::HEADER_BYTES];
            frame.encode(&mut encoded);
            let again =
                frame::seal(seed, at as u64, frame.durable_frame, frame.prev_header_crc, &mut encoded);
            assert_eq!((again, &encoded[..]), (sum, &bytes[at..at + frame::HEADER_BYTES]));
            at += frame.extent_bytes() as usize;
            frames += 1;
        }
    }
    assert!(frames > 10, "{frames} frames");
    for (copy, bytes) in golden.checkpoint.chunks(1024).enumerate() {
        let mut encoded = vec![0; 1024];
        Checkpoint::decode(bytes, copy as u8).expect("a checkpoint").encode(copy as u8, &mut encoded);
        assert_eq!(encoded, bytes);
    }
}

#[test]
fn version_1_is_read_for_ever_and_encodes_to_the_same_bytes() {
    for (name, closed) in [("v1-open", false), ("v1-closed", true)] {
        let dir = directory(name);
        if std::env::var("WAL_GOLDEN").is_ok_and(|value| value == "write") && !dir.exists() {
            let image = written(closed).disk.settled();
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(dir.join("checkpoint"), &image.checkpoint).unwrap();
            for (slot, bytes) in &image.slots {
                std::fs::write(dir.join(format!("seg-{slot:08}")), bytes).unwrap();
            }
        }
        let golden = load(name);
        encodes_back(&golden);
        let mut opened = recover(&golden, &config(78), 78);
        let report = opened.report.clone().expect("it opens");
        assert_eq!((report.was_closed, report.next_event), (closed, 13));
        assert_eq!(report.damage, []);
        let drained = opened.drain();
        let ids: Vec<u64> = drained.puts.iter().map(|(_, id)| *id).collect();
        assert_eq!(ids, [2, 3, 4, 5, 6], "put 1 is acknowledged");
        let acks = opened.log.acks().expect("open");
        assert_eq!((acks.low(), acks.ranges().collect::<Vec<_>>()), (2, vec![3..4, 6..7]));
    }
}

#[test]
fn a_file_of_a_later_version_refuses_with_a_sentence() {
    let mut image = load("v1-closed");
    let bytes = image.slots.get_mut(&0).expect("slot 0");
    for copy in [0, bytes.len() - 256] {
        let header = &mut bytes[copy..copy + 192];
        header[16] |= 2; // a required feature that nobody knows yet
        let sum = crc32c::crc32c(&header[12..]);
        header[8..12].copy_from_slice(&sum.to_le_bytes());
    }
    let opened = recover(&image, &config(79), 79);
    assert_eq!(
        opened.cannot_open.expect("refused").to_string(),
        "segment seg-00000000 was written by a later version (format 1, required features 0x2 unknown here); \
         run that version, or drain the channel with it before going back"
    );
    assert_eq!(opened.disk.settled(), image, "nothing was changed");
}
