//! What every back end of a thread must do.

use super::*;
use crate::reactor::{CommandLine, OpenHow};
use std::time::Duration;

/// Runs the same steps on every back end of this machine, as each kind of thread.
fn on_each<F: Future<Output = ()> + 'static>(steps: impl Fn(Core) -> F) {
    let mut backends = vec![(Role::DataCore { cpu: None }, IoChoice::Epoll)];
    match crate::reactor::probe_io_uring() {
        Ok(()) => {
            backends.extend([Role::DataCore { cpu: None }, Role::File].map(|role| (role, IoChoice::Uring)))
        }
        Err(why) => eprintln!("only epoll was tested: {why}"),
    }
    for (role, io) in backends {
        Engine::new(role, io).unwrap().run(|core| {
            assert_eq!(core.io_name(), if io == IoChoice::Uring { "io_uring" } else { "epoll" });
            let guarded = core.clone();
            let steps = steps(core);
            Box::pin(async move {
                let done = guarded.timeout(Duration::from_secs(20), steps).await;
                done.unwrap_or_else(|| panic!("{role:?} on {io:?}: not done within 20 s"));
            })
        });
    }
}

#[test]
fn bytes_go_to_the_other_end_and_back() {
    on_each(|core| async move {
        let mut listener = core.listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = listener.local();
        let server = core.task("echo", async move {
            let mut stream = listener.accept().await.unwrap();
            let mut seen = Vec::new();
            loop {
                let (n, back) = stream.read(Vec::with_capacity(1 << 16)).await;
                seen.extend_from_slice(&back);
                if n.unwrap() == 0 || seen.len() == 3_000_000 {
                    break;
                }
            }
            let (sent, _) = stream.write(seen).await;
            sent.unwrap();
        });
        let mut client = core.connect(addr).await.unwrap();
        assert_eq!(client.peer(), addr);
        let message: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        let (sent, message) = client.write(message).await;
        sent.unwrap();
        let mut back = Vec::with_capacity(100);
        while back.len() < message.len() {
            back.reserve(1 << 15);
            let (n, filled) = client.read(back).await;
            back = filled;
            assert!(n.unwrap() > 0, "the echo ended early");
        }
        assert!(back == message);
        let (end, _) = client.read(Vec::with_capacity(1)).await;
        assert_eq!(end.unwrap(), 0);
        drop(server);
    });
}

#[test]
fn a_read_appends_and_refuses_a_full_buffer() {
    on_each(|core| async move {
        let mut listener = core.listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let mut client = core.connect(listener.local()).await.unwrap();
        let mut server = listener.accept().await.unwrap();
        client.write(b"xyz".to_vec()).await.0.unwrap();
        let mut buffer = Vec::with_capacity(64);
        buffer.extend_from_slice(b"abc");
        let (n, buffer) = server.read(buffer).await;
        assert_eq!((n.unwrap(), &buffer[..]), (3, &b"abcxyz"[..]));
        let (full, _) = server.read(Vec::new()).await;
        assert_eq!(full.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    });
}

#[test]
fn waiting_for_bytes_needs_no_buffer_and_ends_with_the_stream_too() {
    on_each(|core| async move {
        let mut listener = core.listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let mut client = core.connect(listener.local()).await.unwrap();
        let mut served = listener.accept().await.unwrap();
        let nothing_yet = core.timeout(Duration::from_millis(5), served.readable()).await;
        assert!(nothing_yet.is_none(), "nothing was sent");
        client.write(b"xy".to_vec()).await.0.unwrap();
        for _ in 0..2 {
            served.readable().await.unwrap();
        }
        let (read, bytes) = served.read(Vec::with_capacity(9)).await;
        assert_eq!((read.unwrap(), bytes), (2, b"xy".to_vec()));
        drop(client);
        served.readable().await.unwrap();
        let (end, _) = served.read(Vec::with_capacity(9)).await;
        assert_eq!(end.unwrap(), 0);
    });
}

#[test]
fn a_refused_connection_and_a_taken_port_are_errors() {
    on_each(|core| async move {
        let listener = core.listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = listener.local();
        let taken = core.listen(addr).map(|_| ()).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        let refused = core.connect(addr).await.map(|_| ()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        // The port is free for a successor at once.
        drop(core.listen(addr).unwrap());
    });
}

#[test]
fn a_dropped_accept_loses_no_connection() {
    on_each(|core| async move {
        let mut listener = core.listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = listener.local();
        for _ in 0..50 {
            assert!(core.timeout(Duration::ZERO, listener.accept()).await.is_none());
            let mut client = core.connect(addr).await.unwrap();
            let mut maybe = core.timeout(Duration::ZERO, listener.accept()).await;
            drop(maybe.take());
            client.write(b"!".to_vec()).await.0.unwrap();
            let mut second = core.connect(addr).await.unwrap();
            second.write(b"!".to_vec()).await.0.unwrap();
            let mut server = listener.accept().await.unwrap();
            assert_eq!(server.read(Vec::with_capacity(8)).await.1, b"!");
            drop(core.timeout(Duration::from_millis(1), listener.accept()).await);
        }
    });
}

#[test]
fn files_are_read_and_written_at_offsets() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    on_each(|core| {
        let path = path.clone();
        async move {
            let file = core.open(&path, OpenHow::Create).await.unwrap();
            file.write_at(b"hello world".to_vec(), 0).await.0.unwrap();
            file.write_at(b"W".to_vec(), 6).await.0.unwrap();
            file.sync_data().await.unwrap();
            let stat = file.stat().await.unwrap();
            assert!(stat.regular && stat.size_bytes == 11 && stat.inode != 0);
            let file = core.open(&path, OpenHow::Read).await.unwrap();
            let mut into = Vec::with_capacity(32);
            into.push(b'>');
            let (n, into) = file.read_at(into, 6).await;
            assert_eq!((n.unwrap(), &into[..]), (5, &b">World"[..]));
            let (n, _) = file.read_at(Vec::with_capacity(1), 11).await;
            assert_eq!(n.unwrap(), 0);
            let keep = core.open(&path, OpenHow::Write).await.unwrap();
            keep.write_at(b"J".to_vec(), 0).await.0.unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"Jello World");
            let missing = core.open(&path.join("x"), OpenHow::Read).await.map(|_| ());
            assert!(missing.is_err());
        }
    });
}

#[test]
fn a_task_gives_its_panic_and_ends_with_its_handle() {
    on_each(|core| async move {
        let mut bad = core.task("bad", async { panic!("on {}", "purpose") });
        assert_eq!(bad.join().await, Err("on purpose".to_owned()));
        assert_eq!(bad.join().await, Err("on purpose".to_owned()));
        let (stopper, stop) = crate::reactor::stop_pair();
        let held = core.task("held", async move {
            let _stopper = stopper;
            std::future::pending::<()>().await;
        });
        drop(held);
        stop.wait().await;
        let mut aborted = core.task("aborted", std::future::pending());
        aborted.abort();
        assert_eq!(aborted.join().await, Ok(()));
    });
}

#[test]
fn jobs_run_elsewhere_and_a_panic_there_comes_back() {
    on_each(|core| async move {
        let here = std::thread::current().id();
        let there = core.run_elsewhere(|| std::thread::current().id()).await;
        assert_ne!(here, there);
        let with_panic = core.clone();
        let mut task = core.task("panics", async move {
            with_panic.run_elsewhere(|| panic!("far away")).await;
        });
        assert!(task.join().await.is_err());
        let jobs: Vec<_> = (0..100u64).map(|n| core.run_elsewhere(move || n * n)).collect();
        let mut sum = 0;
        for job in jobs {
            sum += job.await;
        }
        assert_eq!(sum, 328_350);
    });
}

fn shell(script: &str) -> CommandLine {
    CommandLine { program: "sh".to_owned(), args: vec!["-c".to_owned(), script.to_owned()] }
}

async fn read_all(child: &dyn crate::reactor::Child) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        all.reserve(100);
        let (n, back) = child.read_out(all).await;
        all = back;
        if n.unwrap() == 0 {
            return all;
        }
    }
}

#[test]
fn a_child_gives_its_output_and_its_exit_code() {
    on_each(|core| async move {
        let child = core.command(&shell("echo out; echo err >&2; cat; exit 7")).unwrap();
        assert_eq!(read_all(&*child).await, b"out\n");
        let (n, err) = child.read_err(Vec::with_capacity(50)).await;
        assert_eq!((n.unwrap(), &err[..]), (4, &b"err\n"[..]));
        assert_eq!(child.wait().await.unwrap(), 7);
        assert_eq!(child.wait().await.unwrap(), 7);
        let missing = core.command(&CommandLine { program: "/no/such/program".to_owned(), args: Vec::new() });
        assert_eq!(missing.map(|_| ()).unwrap_err().kind(), io::ErrorKind::NotFound);
        let killed = core.command(&shell("kill -9 $$")).unwrap();
        assert_eq!(killed.wait().await.unwrap(), 137);
        let ended = core.command(&shell("sleep 1000")).unwrap();
        ended.terminate();
        assert_eq!(ended.wait().await.unwrap(), 143);
    });
}

#[test]
fn the_whole_group_of_a_child_ends_with_its_handle() {
    on_each(|core| async move {
        // The grandchild ignores SIGTERM and holds the pipe that we watch.
        let script = "(trap '' TERM; while :; do sleep 1000; done) & echo started; wait";
        let child = core.command(&shell(script)).unwrap();
        let (n, _) = child.read_out(Vec::with_capacity(50)).await;
        assert_eq!(n.unwrap(), 8);
        let group = rustix::process::Pid::from_raw(child.pid() as i32).unwrap();
        drop(child);
        while rustix::process::test_kill_process_group(group).is_ok() {
            core.sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn a_thread_runs_its_body_and_reports_a_panic() {
    for role in [Role::DataCore { cpu: allowed().first().copied() }, Role::File, Role::Client] {
        let (tx, rx) = mpsc::channel();
        let thread = start_thread("t", role, IoChoice::Auto, move |core| {
            Box::pin(async move {
                core.sleep(Duration::from_millis(1)).await;
                tx.send((core.io_name(), std::thread::current().name().map(str::to_owned))).unwrap();
            })
        })
        .unwrap();
        assert_eq!(thread.unpinned(), None);
        assert_eq!(thread.name(), "t");
        thread.join().unwrap();
        let (_, name) = rx.recv().unwrap();
        assert_eq!(name.as_deref(), Some("t"));
    }
    let thread =
        start_thread("bad", Role::Client, IoChoice::Auto, |_| Box::pin(async { panic!("no way") })).unwrap();
    assert_eq!(thread.join(), Err("no way".to_owned()));
}

fn allowed() -> Vec<usize> {
    affinity::allowed_cpus()
}

#[test]
fn a_pinned_thread_stays_on_its_cpu_and_its_jobs_and_children_do_not() {
    let cpu = *allowed().last().unwrap();
    let all = allowed().len();
    let (tx, rx) = mpsc::channel();
    let thread = start_thread("pinned", Role::DataCore { cpu: Some(cpu) }, IoChoice::Auto, move |core| {
        Box::pin(async move {
            let mine = rustix::thread::sched_getaffinity(None).unwrap().count();
            let elsewhere =
                core.run_elsewhere(|| rustix::thread::sched_getaffinity(None).unwrap().count()).await;
            let child = core.command(&shell("nproc")).unwrap();
            let children = String::from_utf8(read_all(&*child).await).unwrap();
            tx.send((mine as usize, elsewhere as usize, children.trim().parse::<usize>().unwrap())).unwrap();
        })
    })
    .unwrap();
    thread.join().unwrap();
    assert_eq!(rx.recv().unwrap(), (1, all, all));
    let nowhere = Role::DataCore { cpu: Some(100_000) };
    let thread = start_thread("lost", nowhere, IoChoice::Auto, |_| Box::pin(async {})).unwrap();
    assert!(thread.unpinned().unwrap().contains("100000"));
    thread.join().unwrap();
}

#[test]
fn a_dropped_listener_frees_its_port_though_somebody_was_accepting() {
    on_each(|core| async move {
        let mut listener = core.listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = listener.local();
        for _ in 0..20 {
            assert!(core.timeout(Duration::ZERO, listener.accept()).await.is_none());
            drop(listener);
            listener = core.listen(addr).unwrap();
        }
    });
}

#[test]
fn a_stream_dropped_with_its_read_closes_the_connection() {
    on_each(|core| async move {
        let mut listener = core.listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let mut client = core.connect(listener.local()).await.unwrap();
        let mut server = listener.accept().await.unwrap();
        assert!(core.timeout(Duration::ZERO, server.read(Vec::with_capacity(1 << 20))).await.is_none());
        drop(server);
        let (end, _) = client.read(Vec::with_capacity(10)).await;
        assert_eq!(end.unwrap(), 0);
    });
}

#[test]
fn a_write_dropped_half_way_closes_the_connection() {
    on_each(|core| async move {
        let mut listener = core.listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let mut client = core.connect(listener.local()).await.unwrap();
        let mut server = listener.accept().await.unwrap();
        // Nobody reads: this cannot end.
        assert!(core.timeout(Duration::from_millis(20), server.write(vec![7; 50 << 20])).await.is_none());
        drop(server);
        let mut seen = 0;
        loop {
            let (n, _) = client.read(Vec::with_capacity(1 << 20)).await;
            match n {
                Ok(0) | Err(_) => break,
                Ok(n) => seen += n,
            }
        }
        assert!(seen > 0 && seen < 50 << 20);
    });
}

#[test]
fn more_connections_wait_than_a_ring_submits_at_once() {
    on_each(|core| async move {
        let mut listener = core.listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let (mut clients, mut tasks) = (Vec::new(), Vec::new());
        let served = std::rc::Rc::new(std::cell::Cell::new(0));
        for _ in 0..300 {
            clients.push(core.connect(listener.local()).await.unwrap());
            let mut server = listener.accept().await.unwrap();
            let served = served.clone();
            tasks.push(core.task("reads", async move {
                let (n, bytes) = server.read(Vec::with_capacity(16)).await;
                assert_eq!((n.unwrap(), &bytes[..]), (2, &b"hi"[..]));
                served.set(served.get() + 1);
            }));
        }
        for client in &mut clients {
            client.write(b"hi".to_vec()).await.0.unwrap();
        }
        for mut task in tasks {
            task.join().await.unwrap();
        }
        assert_eq!(served.get(), 300);
    });
}

#[test]
fn connections_that_are_always_ready_keep_nobody_waiting() {
    on_each(|core| async move {
        let mut listener = core.listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let mut client = core.connect(listener.local()).await.unwrap();
            let mut server = listener.accept().await.unwrap();
            tasks.push(core.task("writes", async move {
                let mut block = vec![b'x'; 1 << 16];
                loop {
                    let (sent, back) = client.write(block).await;
                    sent.unwrap();
                    block = back;
                }
            }));
            tasks.push(core.task("reads", async move {
                let mut buffer = Vec::with_capacity(1 << 16);
                loop {
                    buffer.clear();
                    let (n, back) = server.read(buffer).await;
                    n.unwrap();
                    buffer = back;
                }
            }));
        }
        let mut worst = 0;
        for _ in 0..20 {
            let before = core.now();
            core.sleep(Duration::from_millis(5)).await;
            worst = worst.max(core.now() - before);
        }
        // Other tests share the machine's CPUs: generous, but far from what a starved timer would show.
        assert!(worst < 1_000_000_000, "a timer of 5 ms took {} ms", worst / 1_000_000);
        if core.io_name() == "epoll" || core.lag().turns > 0 {
            assert!(core.lag().turns > 10, "{:?}", core.lag());
        }
    });
}

#[test]
fn a_core_ends_with_operations_of_every_kind_in_flight() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    on_each(|core| {
        let path = path.clone();
        async move {
            let mut listener = core.listen("127.0.0.1:0".parse().unwrap()).unwrap();
            let mut client = core.connect(listener.local()).await.unwrap();
            let mut server = listener.accept().await.unwrap();
            let file = core.open(&path, OpenHow::Create).await.unwrap();
            let child = core.command(&shell("sleep 1000")).unwrap();
            // Not held by anybody: they go with the core.
            for work in [
                Box::pin(async move { drop(listener.accept().await) }) as Fut<'static, ()>,
                Box::pin(async move { drop(client.read(Vec::with_capacity(100)).await) }),
                Box::pin(async move { drop(server.write(vec![1; 50 << 20]).await) }),
                Box::pin(async move { drop(file.write_at(vec![1; 1 << 20], 0).await) }),
                Box::pin(async move { drop(child.wait().await) }),
            ] {
                std::mem::forget(core.spawn("left", work));
            }
            core.sleep(Duration::from_millis(2)).await;
        }
    });
}

/// How often the thread has gone to sleep.
fn sleeps(tid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/self/task/{tid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("voluntary_ctxt_switches")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn an_idle_thread_does_not_wake_up() {
    for (role, io) in [
        (Role::DataCore { cpu: None }, IoChoice::Auto),
        (Role::DataCore { cpu: None }, IoChoice::Epoll),
        (Role::File, IoChoice::Auto),
        (Role::Client, IoChoice::Auto),
    ] {
        let (stopper, stop) = crate::reactor::stop_pair();
        let (tx, rx) = mpsc::channel();
        let thread = start_thread("idle", role, io, move |core| {
            Box::pin(async move {
                let mut listener = core.listen("127.0.0.1:0".parse().unwrap()).unwrap();
                let accepting = core.task("accept", async move { drop(listener.accept().await) });
                tx.send(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
                stop.wait().await;
                drop(accepting);
            })
        })
        .unwrap();
        let tid = rx.recv().unwrap();
        block_on(IoChoice::Epoll, |core| async move {
            // Settled once it has not woken for a while.
            let mut before = sleeps(tid);
            loop {
                core.sleep(Duration::from_millis(20)).await;
                let now = sleeps(tid);
                if now == before {
                    break;
                }
                before = now;
            }
            core.sleep(Duration::from_millis(300)).await;
            assert_eq!(sleeps(tid), before, "{role:?} on {io:?}");
        })
        .unwrap();
        stopper.stop();
        thread.join().unwrap();
    }
}
