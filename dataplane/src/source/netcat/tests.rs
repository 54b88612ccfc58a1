use super::*;
use crate::event::{Draft, Error};
use crate::pipeline::testing::{Rig, run, settings};
use crate::pipeline::{InterceptCx, Interceptor};
use crate::reactor::{Core, Task};

const ENGLISH: &str = "It's quoting time: \"What do you do with a drunken sailor?\"";
const FRENCH: &str = "Quand on est à la campagne, même les œufs chantent: 😀";
const FULL: &str = "FAILED: Space for commit to queue couldn't be acquired. Sinks are likely not keeping up with \
                    sources, or the buffer size is too tight";

/// A running source.
struct Server {
    core: Core,
    address: std::net::SocketAddr,
    task: Task,
}

impl Server {
    async fn start(rig: &Rig, pairs: &[(&str, &str)]) -> Server {
        let all: Vec<_> = [("bind", "localhost"), ("port", "0")].iter().chain(pairs).copied().collect();
        let mut source = (KIND.build)(&settings("a1.sources.r1", &all)).unwrap();
        let address = source.open(&rig.cx).await.unwrap().parse().unwrap();
        let running = source.run(rig.cx.clone());
        let task = rig.cx.core.task("netcat", async move { running.await.unwrap() });
        Server { core: rig.cx.core.clone(), address, task }
    }

    async fn connect(&self) -> Client {
        Client { stream: self.core.connect(self.address).await.unwrap(), seen: Vec::new() }
    }
}

struct Client {
    stream: Box<dyn Stream>,
    seen: Vec<u8>,
}

impl Client {
    async fn send(&mut self, bytes: impl Into<Vec<u8>>) {
        self.stream.write(bytes.into()).await.0.unwrap();
    }

    /// Reads until `bytes` bytes are there, or the end.
    async fn bytes(&mut self, bytes: usize) -> Vec<u8> {
        while self.seen.len() < bytes {
            let mut buffer = std::mem::take(&mut self.seen);
            buffer.reserve(4096);
            let (read, buffer) = self.stream.read(buffer).await;
            self.seen = buffer;
            // A reset is an end, too.
            if read.unwrap_or(0) == 0 {
                break;
            }
        }
        let rest = self.seen.split_off(bytes.min(self.seen.len()));
        std::mem::replace(&mut self.seen, rest)
    }

    async fn line(&mut self) -> String {
        let mut line = Vec::new();
        loop {
            match self.bytes(1).await.as_slice() {
                [] => return format!("end after {line:?}"),
                b"\n" => return String::from_utf8(line).unwrap(),
                more => line.extend_from_slice(more),
            }
        }
    }

    async fn lines(&mut self, count: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for _ in 0..count {
            lines.push(self.line().await);
        }
        lines
    }

    /// All that comes until the server closes the connection.
    async fn until_closed(&mut self) -> String {
        String::from_utf8(self.bytes(usize::MAX).await).unwrap()
    }
}

/// Flume: TestNetcatSource.testUTF8encoding, testUTF16BEencoding, testUTF16LEencoding, testISO88591encoding.
#[test]
fn lines_of_any_encoding_become_utf_8() {
    for (name, charset) in [
        ("UTF-8", Charset::Utf8),
        ("UTF-16BE", Charset::Utf16Be),
        ("UTF-16LE", Charset::Utf16Le),
        ("utf-16", Charset::Utf16),
    ] {
        run(|core| async move {
            let rig = Rig::new(&core, &[]).await;
            let server = Server::start(&rig, &[("encoding", name), ("ack-every-event", "true")]).await;
            let mut client = server.connect().await;
            client.send(charset.encode(&format!("{ENGLISH}\n{FRENCH}\n\n"))).await;
            assert_eq!(rig.take(3).await, [ENGLISH, FRENCH, ""]);
            let replies = charset.encode("OK\nOK\nOK\n");
            assert_eq!(client.bytes(replies.len()).await, replies, "{name}");
        });
    }
    run(|core| async move {
        let rig = Rig::new(&core, &[]).await;
        let server = Server::start(&rig, &[("encoding", "ISO-8859-1")]).await;
        server.connect().await.send(b"\xE0 la campagne\x80\n".to_vec()).await;
        assert_eq!(rig.take(1).await, ["à la campagne\u{80}"]);
    });
}

/// Flume: testAck.
#[test]
fn every_event_is_acknowledged_unless_that_is_off() {
    run(|core| async move {
        let rig = Rig::new(&core, &[]).await;
        let server = Server::start(&rig, &[]).await;
        let mut client = server.connect().await;
        client.send("one\ntwo\r\n\nfo").await;
        assert_eq!(client.lines(3).await, ["OK", "OK", "OK"]);
        client.send("ur\n").await;
        assert_eq!(client.line().await, "OK");
        assert_eq!(rig.take(4).await, ["one", "two\r", "", "four"]);

        let quiet = Server::start(&rig, &[("ack-every-event", "false"), ("max-line-length", "5")]).await;
        let mut client = quiet.connect().await;
        client.send("a\nb\ntoo long").await;
        let refusal = "FAILED: Event exceeds the maximum length (5 chars, including newline)\n";
        assert_eq!(client.until_closed().await, refusal);
        assert_eq!(rig.take(2).await, ["a", "b"]);
    });
}

/// Flume: testMaxLineLength, testMaxLineLengthwithAck, and what was seen with the default of 512.
#[test]
fn a_line_of_511_characters_is_taken_and_one_of_512_ends_the_connection() {
    run(|core| async move {
        let rig = Rig::new(&core, &[]).await;
        let server = Server::start(&rig, &[]).await;
        for (line, length) in [("x".repeat(511), 511), ("é".repeat(511), 1_022)] {
            let mut client = server.connect().await;
            client.send(format!("{line}\n")).await;
            assert_eq!(client.line().await, "OK");
            assert_eq!(rig.take(1).await[0].len(), length);
        }
        for end in ["\n", ""] {
            let mut client = server.connect().await;
            client.send(format!("before\n{}{end}", "x".repeat(512))).await;
            assert_eq!(
                client.until_closed().await,
                "OK\nFAILED: Event exceeds the maximum length (512 chars, including newline)\n"
            );
            assert_eq!(rig.take(1).await, ["before"]);
        }
        assert_eq!(rig.cx.metrics.read_failures.get(), 2);
    });
}

#[test]
fn what_is_not_text_ends_the_connection_without_a_word() {
    run(|core| async move {
        let rig = Rig::new(&core, &[]).await;
        let server = Server::start(&rig, &[]).await;
        let mut client = server.connect().await;
        client.send(b"good\nb\xFFad\nnever\n".to_vec()).await;
        assert_eq!(client.until_closed().await, "OK\n");
        let mut client = server.connect().await;
        client.send(b"half a character: \xE2\x82".to_vec()).await;
        client.send(b"\xAC\n".to_vec()).await;
        assert_eq!(client.line().await, "OK");
        let mut junk = server.connect().await;
        junk.send((0..=255).cycle().skip(128).take(100_000).collect::<Vec<u8>>()).await;
        assert_eq!(junk.until_closed().await, "");
        assert_eq!(rig.take(2).await, ["good", "half a character: €"]);
    });
}

#[test]
fn text_without_a_line_feed_at_the_end_is_dropped() {
    run(|core| async move {
        let rig = Rig::new(&core, &[]).await;
        let server = Server::start(&rig, &[]).await;
        let mut client = server.connect().await;
        client.send("whole\nhalf").await;
        assert_eq!(client.line().await, "OK");
        drop(client);
        while rig.cx.metrics.open_connections.get() > 0 {
            core.sleep(Duration::from_millis(1)).await;
        }
        assert_eq!((rig.queued().await, rig.take(1).await), (1, vec!["whole".to_owned()]));
    });
}

#[test]
fn what_fits_into_a_full_channel_is_taken_and_the_rest_refused() {
    run(|core| async move {
        let small = [("capacity", "3"), ("transactionCapacity", "3"), ("keep-alive", "0")];
        let rig = Rig::new(&core, &small).await;
        let server = Server::start(&rig, &[]).await;
        let mut client = server.connect().await;
        client.send("1\n2\n").await;
        assert_eq!(client.lines(2).await, ["OK", "OK"]);
        client.send("3\n4\n5\n").await;
        assert_eq!(client.lines(3).await, ["OK", FULL, FULL]);
        assert_eq!(rig.take(3).await, ["1", "2", "3"]);
        client.send("6\n").await;
        assert_eq!(client.line().await, "OK", "the connection goes on");
        let m = &rig.cx.metrics;
        assert_eq!((m.events_received.get(), m.events_accepted.get(), m.events_refused.get()), (6, 4, 2));
    });
}

#[test]
fn each_line_waits_for_room_as_if_it_were_alone() {
    run(|core| async move {
        let small = [("capacity", "10"), ("transactionCapacity", "10"), ("keep-alive", "1")];
        let rig = Rig::new(&core, &small).await;
        let server = Server::start(&rig, &[]).await;
        let mut client = server.connect().await;
        client.send("a\n".repeat(10)).await;
        client.lines(10).await;
        client.send("b\n".repeat(10)).await;
        // The sink makes room for one event in 0.3 s: never for ten within the keep-alive, always for the next one.
        let (taken, replies) = (std::cell::Cell::new(0), std::cell::RefCell::new(Vec::new()));
        let sink = async {
            while taken.get() < 20 {
                core.sleep(Duration::from_millis(300)).await;
                rig.take(1).await;
                taken.set(taken.get() + 1);
            }
            std::future::pending::<()>().await
        };
        race(async { *replies.borrow_mut() = client.lines(10).await }, sink).await;
        assert_eq!(*replies.borrow(), ["OK"; 10]);
    });
}

/// Drops every event whose body says so.
struct DropSome;

impl Interceptor for DropSome {
    fn intercept(&self, draft: &mut Draft, _cx: &mut InterceptCx<'_>) -> Result<(), Error> {
        draft.retain(|d, event| d.body(event) != b"drop");
        if draft.bodies().any(|b| b == b"reject") {
            return Err(Error::new(Advice::Reject, "not this one"));
        }
        Ok(())
    }
}

#[test]
fn replies_stay_with_their_lines_when_interceptors_drop_some() {
    run(|core| async move {
        let small = [("capacity", "2"), ("transactionCapacity", "2"), ("keep-alive", "0")];
        let rig = Rig::intercepted(&core, &small, vec![Box::new(DropSome)]).await;
        let server = Server::start(&rig, &[]).await;
        let mut client = server.connect().await;
        client.send("1\n2\n").await;
        client.lines(2).await;
        for (lines, replies) in [("drop\n3\n", ["OK", FULL]), ("3\ndrop\n", [FULL, "OK"])] {
            client.send(lines).await;
            assert_eq!(client.lines(2).await, replies);
        }
        client.send("reject\n").await;
        assert_eq!(client.line().await, "FAILED: not this one");
        assert_eq!(rig.cx.metrics.events_filtered.get(), 2);
    });
}

/// Flume: testSourceStoppedOnFlumeException.
#[test]
fn a_port_in_use_a_strange_address_and_a_strange_name_are_explained() {
    run(|core| async move {
        let rig = Rig::new(&core, &[]).await;
        let server = Server::start(&rig, &[]).await;
        let port = server.address.port().to_string();
        for (bind, port, part) in [
            ("127.0.0.1", port.as_str(), "cannot listen on 127.0.0.1"),
            ("127.0.0.1", port.as_str(), "address in use: stop what listens there, or choose another port"),
            ("192.0.2.1", "0", "not an address of this host: correct bind"),
            (
                "no.such.host.invalid",
                "0",
                "no address for bind = no.such.host.invalid: give an address of this host",
            ),
        ] {
            let pairs = [("bind", bind), ("port", port)];
            let mut source = (KIND.build)(&settings("a1.sources.r2", &pairs)).unwrap();
            let error = source.open(&rig.cx).await.unwrap_err();
            assert!(error.line().contains(part), "{}", error.line());
            assert_eq!(error.advice, Advice::RetryAfter(RETRY));
        }
    });
}

#[test]
fn a_stop_settles_and_answers_what_was_read_and_frees_the_port() {
    run(|core| async move {
        let small = [("capacity", "1"), ("transactionCapacity", "1"), ("keep-alive", "30")];
        let rig = Rig::new(&core, &small).await;
        let mut server = Server::start(&rig, &[]).await;
        let (mut idle, mut busy) = (server.connect().await, server.connect().await);
        busy.send("1\n2\n").await;
        assert_eq!(busy.line().await, "OK");
        while rig.cx.metrics.open_connections.get() < 2 {
            core.sleep(Duration::from_millis(1)).await;
        }
        rig.stopper.stop();
        assert_eq!(idle.until_closed().await, "");
        assert_eq!(rig.take(2).await, ["1", "2"]);
        assert_eq!(busy.until_closed().await, "OK\n");
        server.task.join().await.unwrap();
        assert_eq!(rig.cx.metrics.open_connections.get(), 0);
        drop(core.listen(server.address).unwrap());
    });
}

#[test]
fn many_connections_at_once_lose_nothing() {
    const CLIENTS: usize = 50;
    const LINES: usize = 400;
    run(|core| async move {
        let rig = Rig::new(&core, &[("capacity", "1000")]).await;
        let server = Server::start(&rig, &[]).await;
        let mut idle = Vec::new();
        for _ in 0..100 {
            idle.push(server.connect().await);
        }
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            let mut client = server.connect().await;
            clients.push(core.task("client", async move {
                let text: String = (0..LINES).map(|n| format!("{number} {n}\n")).collect();
                client.send(text).await;
                assert_eq!(client.bytes(3 * LINES).await, b"OK\n".repeat(LINES));
            }));
        }
        let bodies = rig.take(CLIENTS * LINES).await;
        for client in &mut clients {
            client.join().await.unwrap();
        }
        for number in 0..CLIENTS {
            let own: Vec<&String> = bodies.iter().filter(|b| b.starts_with(&format!("{number} "))).collect();
            let expected: Vec<String> = (0..LINES).map(|n| format!("{number} {n}")).collect();
            assert!(own.into_iter().eq(expected.iter()), "client {number}: every line once and in order");
        }
    });
}
