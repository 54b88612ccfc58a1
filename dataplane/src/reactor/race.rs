//! The first of two futures.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

/// Which of two futures ended first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Either<A, B> {
    /// The first one; it is polled first, so it wins when both are ready.
    First(A),
    /// The second one.
    Second(B),
}

/// Polls both until one ends; the other is dropped.
pub async fn race<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> Either<A, B> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    std::future::poll_fn(move |cx| {
        if let Poll::Ready(v) = a.as_mut().poll(cx) {
            return Poll::Ready(Either::First(v));
        }
        b.as_mut().poll(cx).map(Either::Second)
    })
    .await
}
