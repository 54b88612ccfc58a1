//! A disk on threads of its own: for kernels and file systems without a ring.

#![allow(clippy::disallowed_methods, reason = "a back end of the log is a door to the disk itself")]

use super::perform::perform;
use super::{AlignedBuf, BufferPool, Disk, Done, Op, OpId, SlotFiles};
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Called on a disk's thread after each completion: wakes whoever polls the disk.
pub type WakeUp = Arc<dyn Fn() + Send + Sync>;

type Job = (OpId, Op<AlignedBuf>);

/// Performs operations with blocking calls, several at a time. Dropping it waits for what is under way.
pub struct ThreadDisk {
    jobs: Option<Sender<Job>>,
    done: Receiver<Done<AlignedBuf>>,
    pool: BufferPool,
    threads: Vec<JoinHandle<()>>,
}

impl ThreadDisk {
    /// Starts `threads` threads, as many as operations may be under way at once; at most `buffer_bytes` of buffers are out.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        files: Arc<SlotFiles>,
        threads: usize,
        buffer_bytes: usize,
        wake: &WakeUp,
    ) -> io::Result<ThreadDisk> {
        let (jobs, queue) = channel::<Job>();
        let (finished, done) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let threads = (0..threads.max(1))
            .map(|_| {
                let (files, queue, finished, wake) =
                    (files.clone(), queue.clone(), finished.clone(), wake.clone());
                std::thread::Builder::new()
                    .name("wal".into())
                    .spawn(move || work(&files, &queue, &finished, &wake))
            })
            .collect::<io::Result<_>>()?;
        Ok(ThreadDisk { jobs: Some(jobs), done, pool: BufferPool::new(buffer_bytes), threads })
    }
}

fn work(files: &SlotFiles, queue: &Mutex<Receiver<Job>>, finished: &Sender<Done<AlignedBuf>>, wake: &WakeUp) {
    loop {
        let job = queue.lock().expect("nobody panics while holding the lock").recv();
        let Ok((id, op)) = job else { return };
        let (result, buf) = perform(files, op);
        if finished.send(Done { id, result, buf }).is_err() {
            return;
        }
        wake();
    }
}

impl Disk for ThreadDisk {
    type Buf = AlignedBuf;

    fn buffer(&mut self, at_least_bytes: usize) -> Option<AlignedBuf> {
        self.pool.buffer(at_least_bytes)
    }

    fn submit(&mut self, id: OpId, op: Op<AlignedBuf>) {
        let jobs = self.jobs.as_ref().expect("taken by drop only");
        assert!(jobs.send((id, op)).is_ok(), "the disk's threads live as long as the disk");
    }

    fn poll(&mut self, out: &mut Vec<Done<AlignedBuf>>) {
        out.extend(self.done.try_iter());
    }
}

impl Drop for ThreadDisk {
    fn drop(&mut self) {
        drop(self.jobs.take());
        for thread in self.threads.drain(..) {
            // A panic there has been printed; there is nobody left to tell.
            thread.join().ok();
        }
    }
}
