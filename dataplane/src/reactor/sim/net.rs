//! Connections of a simulation.

use super::World;
use crate::reactor::net::no_room;
use crate::reactor::{Fut, Listener, Stream};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::{Rc, Weak};
use std::task::{Poll, Waker};

/// Bytes that a connection holds on their way.
const IN_FLIGHT_BYTES: usize = 4096;

#[derive(Default)]
pub(super) struct Net {
    listening: Rc<RefCell<BTreeMap<SocketAddr, Weak<RefCell<Queue>>>>>,
    ports_given: Cell<u16>,
}

/// Connections that nobody has accepted yet.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<SimStream>,
    acceptor: Option<Waker>,
}

impl Net {
    pub(super) fn listen(&self, world: &Rc<World>, mut addr: SocketAddr) -> io::Result<Box<dyn Listener>> {
        if addr.port() == 0 {
            addr.set_port(self.free_port());
        }
        let mut listening = self.listening.borrow_mut();
        if listening.contains_key(&addr) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let queue = Rc::new(RefCell::new(Queue::default()));
        listening.insert(addr, Rc::downgrade(&queue));
        let listening = self.listening.clone();
        Ok(Box::new(SimListener { world: world.clone(), queue, addr, listening }))
    }

    pub(super) fn connect(&self, world: &Rc<World>, addr: SocketAddr) -> io::Result<Box<dyn Stream>> {
        let queue = self.listening.borrow().get(&addr).and_then(Weak::upgrade);
        let queue = queue.ok_or(io::ErrorKind::ConnectionRefused)?;
        let own = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.free_port());
        let (there, back) = (Pipe::shared(), Pipe::shared());
        let near = SimStream { world: world.clone(), input: back.clone(), output: there.clone(), peer: addr };
        let far = SimStream { world: world.clone(), input: there, output: back, peer: own };
        let mut queue = queue.borrow_mut();
        queue.waiting.push_back(far);
        if let Some(acceptor) = queue.acceptor.take() {
            acceptor.wake();
        }
        Ok(Box::new(near))
    }

    fn free_port(&self) -> u16 {
        let given = self.ports_given.get();
        self.ports_given.set(given + 1);
        40_000 + given % 20_000
    }
}

struct SimListener {
    world: Rc<World>,
    queue: Rc<RefCell<Queue>>,
    addr: SocketAddr,
    listening: Rc<RefCell<BTreeMap<SocketAddr, Weak<RefCell<Queue>>>>>,
}

impl Listener for SimListener {
    fn accept<'a>(&'a mut self) -> Fut<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            self.world.dawdle().await;
            let accepted = poll_fn(|cx| {
                let mut queue = self.queue.borrow_mut();
                match queue.waiting.pop_front() {
                    Some(stream) => Poll::Ready(stream),
                    None => {
                        queue.acceptor = Some(cx.waker().clone());
                        Poll::Pending
                    }
                }
            })
            .await;
            self.world.note(format_args!("accept {} from {}", self.addr, accepted.peer));
            Ok(Box::new(accepted) as Box<dyn Stream>)
        })
    }

    fn local(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        self.listening.borrow_mut().remove(&self.addr);
    }
}

/// One direction of a connection.
#[derive(Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    fn shared() -> Rc<RefCell<Pipe>> {
        Rc::default()
    }

    fn wake(&mut self) {
        self.reader.take().into_iter().chain(self.writer.take()).for_each(Waker::wake);
    }
}

struct SimStream {
    world: Rc<World>,
    input: Rc<RefCell<Pipe>>,
    output: Rc<RefCell<Pipe>>,
    peer: SocketAddr,
}

impl Stream for SimStream {
    fn read<'a>(&'a mut self, mut into: Vec<u8>) -> Fut<'a, (io::Result<usize>, Vec<u8>)> {
        Box::pin(async move {
            let room = into.capacity() - into.len();
            if room == 0 {
                return (Err(no_room()), into);
            }
            self.world.dawdle().await;
            let n = poll_fn(|cx| {
                let mut pipe = self.input.borrow_mut();
                if pipe.bytes.is_empty() && !pipe.closed {
                    pipe.reader = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                let most = room.min(pipe.bytes.len());
                let n = most.min(1 + self.world.chance.below(most));
                into.extend(pipe.bytes.drain(..n));
                pipe.wake();
                Poll::Ready(n)
            })
            .await;
            self.world.note(format_args!("read {n} from {}", self.peer));
            (Ok(n), into)
        })
    }

    fn write<'a>(&'a mut self, from: Vec<u8>) -> Fut<'a, (io::Result<()>, Vec<u8>)> {
        Box::pin(async move {
            let mut rest = &from[..];
            while !rest.is_empty() {
                self.world.dawdle().await;
                let written = poll_fn(|cx| {
                    let mut pipe = self.output.borrow_mut();
                    if pipe.closed {
                        return Poll::Ready(Err(io::Error::from(io::ErrorKind::BrokenPipe)));
                    }
                    let most = rest.len().min(IN_FLIGHT_BYTES.saturating_sub(pipe.bytes.len()));
                    if most == 0 {
                        pipe.writer = Some(cx.waker().clone());
                        return Poll::Pending;
                    }
                    let n = 1 + self.world.chance.below(most);
                    pipe.bytes.extend(&rest[..n]);
                    pipe.wake();
                    Poll::Ready(Ok(n))
                })
                .await;
                match written {
                    Ok(n) => {
                        self.world.note(format_args!("write {n} to {}", self.peer));
                        rest = &rest[n..];
                    }
                    Err(e) => return (Err(e), from),
                }
            }
            (Ok(()), from)
        })
    }

    fn peer(&self) -> SocketAddr {
        self.peer
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        for pipe in [&self.input, &self.output] {
            let mut pipe = pipe.borrow_mut();
            pipe.closed = true;
            pipe.wake();
        }
    }
}
