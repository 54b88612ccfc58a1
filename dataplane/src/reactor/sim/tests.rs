//! A simulation repeats itself, and does what a real machine does.

use super::*;
use crate::reactor::Signal;

/// Clients write through a relay into a file, with timers in between: something of everything.
async fn busy_world(core: Core) -> Vec<u8> {
    let mut listener = core.listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = listener.local();
    let clients: Vec<_> = (0..5u8)
        .map(|client| {
            let own = core.clone();
            core.task("client", async move {
                let mut stream = own.connect(addr).await.unwrap();
                for n in 0..20u8 {
                    own.sleep(Duration::from_millis(own.random() % 10)).await;
                    stream.write(vec![client * 20 + n; 700]).await.0.unwrap();
                }
            })
        })
        .collect();
    let file = Rc::new(core.open(Path::new("/out"), OpenHow::Create).await.unwrap());
    let end = Rc::new(Cell::new(0));
    let done = Signal::default();
    let mut relays = Vec::new();
    for _ in 0..clients.len() {
        let mut stream = listener.accept().await.unwrap();
        let (file, end, done) = (file.clone(), end.clone(), done.clone());
        relays.push(core.task("relay", async move {
            loop {
                let (n, bytes) = stream.read(Vec::with_capacity(512)).await;
                if n.unwrap() == 0 {
                    return done.notify_one();
                }
                let at = end.get();
                end.set(at + bytes.len() as u64);
                file.write_at(bytes, at).await.0.unwrap();
            }
        }));
    }
    for mut task in clients.into_iter().chain(relays) {
        task.join().await.unwrap();
    }
    done.wait().await;
    let file = core.open(Path::new("/out"), OpenHow::Read).await.unwrap();
    let mut all = Vec::new();
    loop {
        all.reserve(1000);
        let at = all.len() as u64;
        let (n, back) = file.read_at(all, at).await;
        all = back;
        if n.unwrap() == 0 {
            return all;
        }
    }
}

#[test]
fn the_same_seed_does_the_same_and_another_seed_something_else() {
    let (first, again) = (simulate(7, busy_world), simulate(7, busy_world));
    assert_eq!(first.value.len(), 5 * 20 * 700);
    assert!(first.log.len() > 500 && first.took_ns > 0);
    assert!(first.log == again.log && first.value == again.value && first.took_ns == again.took_ns);
    let other = simulate(8, busy_world);
    assert!(first.log != other.log);
    // Whatever the order: every client's bytes are all there.
    for outcome in [first, other] {
        for client in 0..100u8 {
            assert_eq!(outcome.value.iter().filter(|b| **b == client).count(), 700);
        }
    }
}

#[test]
fn time_passes_only_when_everybody_waits() {
    let outcome = simulate(1, |core| async move {
        let wall = core.wall_ms();
        core.sleep(Duration::from_secs(3600)).await;
        assert_eq!(core.wall_ms(), wall + 3_600_000);
        let late = core.timeout(Duration::from_secs(5), std::future::pending::<()>()).await;
        assert_eq!(late, None);
        core.now()
    });
    assert_eq!(outcome.value, 3_605_000_000_000);
    assert_eq!(outcome.took_ns, outcome.value);
}

#[test]
fn tasks_panic_abort_and_end_as_on_real_threads() {
    simulate(3, |core| async move {
        let mut bad = core.task("bad", async { panic!("on {}", "purpose") });
        assert_eq!(bad.join().await, Err("on purpose".to_owned()));
        assert_eq!(bad.join().await, Err("on purpose".to_owned()));
        let (stopper, stop) = crate::reactor::stop_pair();
        drop(core.task("held", async move {
            let _stopper = stopper;
            std::future::pending::<()>().await;
        }));
        stop.wait().await;
        assert_eq!(core.run_elsewhere(|| 7).await, 7);
        let refused = core.connect("127.0.0.1:1".parse().unwrap()).await.map(|_| ()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let line = CommandLine { program: "ls".to_owned(), args: Vec::new() };
        assert_eq!(core.command(&line).map(|_| ()).unwrap_err().kind(), io::ErrorKind::Unsupported);
    });
}

#[test]
fn connections_close_from_both_sides() {
    simulate(4, |core| async move {
        let mut listener = core.listen("127.0.0.1:5000".parse().unwrap()).unwrap();
        let taken = core.listen(listener.local()).map(|_| ()).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        let mut client = core.connect(listener.local()).await.unwrap();
        let mut server = listener.accept().await.unwrap();
        server.write(b"last words".to_vec()).await.0.unwrap();
        drop(server);
        let mut heard = Vec::new();
        loop {
            heard.reserve(4);
            let (n, back) = client.read(heard).await;
            heard = back;
            if n.unwrap() == 0 {
                break;
            }
        }
        assert_eq!(heard, b"last words");
        let broken = client.write(vec![0; 10]).await.0.unwrap_err();
        assert_eq!(broken.kind(), io::ErrorKind::BrokenPipe);
        let addr = listener.local();
        drop(listener);
        drop(core.listen(addr).unwrap());
    });
}

#[test]
#[should_panic(expected = "seed 9: everybody waits for ever")]
fn a_world_in_which_nothing_can_happen_is_named() {
    simulate(9, |_core| std::future::pending::<()>());
}
