//! Stops and kills at any moment.

use super::*;

/// Numbers from a seed, the same each time: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Writers that append whole and half lines to two files, and sometimes rotate one away.
struct Writers {
    written: [u64; 2],
    /// What the last write left unfinished.
    half: [String; 2],
}

impl Writers {
    fn act(&mut self, rig: &Rig, random: &mut Random) {
        let which = random.below(2) as usize;
        let name = ["a.log", "b.log"][which];
        let mut text = std::mem::take(&mut self.half[which]);
        for _ in 0..random.below(12) {
            text += &format!("{} {}\n", ["a", "b"][which], self.written[which]);
            self.written[which] += 1;
        }
        if random.below(2) == 0 && text.len() > 3 {
            let cut = text.len() - random.below(4) as usize;
            self.half[which] = text.split_off(cut);
        }
        rig.append(name, &text);
        // A file that comes and goes between two looks cannot be known.
        let known = || rig.positions().contains_key(&rig.inode(name));
        if random.below(6) == 0 && self.half[which].is_empty() && known() {
            let rotated = format!("{name}.{}", self.written[which]);
            disk::rename(rig.log(name), rig.log(&rotated)).unwrap();
        }
    }

    fn finish(&mut self, rig: &Rig) {
        for (name, half) in ["a.log", "b.log"].iter().zip(&mut self.half) {
            rig.append(name, &std::mem::take(half));
        }
    }
}

/// The numbers of each writer, in the order in which they came.
fn numbers(bodies: &[String]) -> [Vec<u64>; 2] {
    ["a ", "b "].map(|writer| {
        let of_writer = bodies.iter().filter_map(|body| body.strip_prefix(writer));
        of_writer.map(|n| n.parse().unwrap_or_else(|_| panic!("a mangled line: {n:?}"))).collect()
    })
}

/// Every line once, whatever happens between clean stops.
#[test]
fn stops_at_any_moment_lose_and_repeat_nothing() {
    run(|core, dir| async move {
        let seed = 0x5EED_0001;
        let mut random = Random(seed);
        let mut rig = Rig::new(core, dir, &[("batchSize", "7")]).await;
        if disk::metadata(&rig.dir).unwrap().created().is_err() {
            eprintln!("skipped: this file system knows no birth times");
            return;
        }
        let mut writers = Writers { written: [0; 2], half: Default::default() };
        let mut bodies = Vec::new();
        for _ in 0..40 {
            writers.act(&rig, &mut random);
            let (stopper, stop) = stop_pair();
            let cx = rig.cx(stop);
            let mut source = rig.build().unwrap();
            source.open(&cx).await.unwrap();
            let mut life = source.run(cx);
            let mut polls = random.below(60);
            let mut stopper = Some(stopper);
            let ended = std::future::poll_fn(|task| {
                match polls.checked_sub(1) {
                    Some(left) => polls = left,
                    None => drop(stopper.take()),
                }
                if stopper.is_some() {
                    writers.act(&rig, &mut random);
                }
                life.as_mut().poll(task)
            });
            ended.await.unwrap();
            bodies.extend(rig.left().await);
        }
        writers.finish(&rig);
        let source = rig.start().await;
        let total = usize::try_from(writers.written.iter().sum::<u64>()).unwrap();
        bodies.extend(rig.bodies(total - bodies.len()).await);
        source.stop().await;
        bodies.extend(rig.left().await);
        for (writer, numbers) in numbers(&bodies).into_iter().enumerate() {
            // A file and its successor are read side by side: order holds in each, not between them.
            let mut sorted = numbers;
            sorted.sort_unstable();
            let expected: Vec<u64> = (0..writers.written[writer]).collect();
            assert_eq!(sorted, expected, "seed {seed:#x}, writer {writer}");
        }
    });
}

/// Every line at least once; the position file never claims what the channel does not have; what comes again is what
/// followed the written position.
#[test]
fn kills_at_any_moment_lose_nothing() {
    run(|core, dir| async move {
        let seed = 0x5EED_0002;
        let mut random = Random(seed);
        let mut rig = Rig::new(core, dir, &[("batchSize", "7")]).await;
        let mut writers = Writers { written: [0; 2], half: Default::default() };
        let (mut seen, mut claimed) = ([0u64; 2], [0u64; 2]);
        let mut all: [Vec<u64>; 2] = Default::default();
        for _ in 0..60 {
            let which = random.below(2) as usize;
            let name = ["a.log", "b.log"][which];
            let lines = 1 + random.below(40);
            let first = writers.written[which];
            writers.written[which] += lines;
            let text: String =
                (first..first + lines).map(|n| format!("{} {n}\n", ["a", "b"][which])).collect();
            rig.append(name, &text);
            let (_stopper, stop) = stop_pair();
            let cx = rig.cx(stop);
            let mut source = rig.build().unwrap();
            source.open(&cx).await.unwrap();
            let mut life = source.run(cx);
            let mut polls = 1 + random.below(40);
            std::future::poll_fn(|task| {
                assert!(life.as_mut().poll(task).is_pending());
                polls -= 1;
                if polls == 0 { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            drop(life);
            for (writer, numbers) in numbers(&rig.left().await).into_iter().enumerate() {
                let mut last = None;
                for number in numbers {
                    assert!(number <= seen[writer], "seed {seed:#x}: a gap before {number}");
                    assert!(last.is_none_or(|l| number == l + 1), "seed {seed:#x}: {number} after {last:?}");
                    assert!(number >= claimed[writer], "seed {seed:#x}: {number} was behind the position");
                    seen[writer] = seen[writer].max(number + 1);
                    last = Some(number);
                    all[writer].push(number);
                }
            }
            let positions = rig.positions();
            for (writer, name) in ["a.log", "b.log"].iter().enumerate() {
                let Ok(content) = disk::read_to_string(rig.log(name)) else { continue };
                let end = positions.get(&rig.inode(name)).copied().unwrap_or(0) as usize;
                claimed[writer] = content[..end].lines().count() as u64;
                assert!(claimed[writer] <= seen[writer], "seed {seed:#x}: {end} claimed of {name}");
            }
        }
        let source = rig.start().await;
        let ends =
            ["a.log", "b.log"].map(|name| (rig.inode(name), disk::metadata(rig.log(name)).unwrap().len()));
        rig.until("every position is at its end", || {
            let positions = rig.positions();
            ends.iter().all(|(inode, end)| positions.get(inode) == Some(end))
        })
        .await;
        source.stop().await;
        for (writer, numbers) in numbers(&rig.left().await).into_iter().enumerate() {
            all[writer].extend(numbers);
            all[writer].sort_unstable();
            all[writer].dedup();
            assert_eq!(all[writer], (0..writers.written[writer]).collect::<Vec<_>>(), "seed {seed:#x}");
        }
    });
}
