//! What happens on one connection: whether anything has been asked lately, and whether a request was begun and isn't
//! finished.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper::body::{Body, Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::sleep,
};

use crate::webhook::connections::Seat;

/// What happens on one connection.
#[derive(Default)]
pub(super) struct Activity {
    running: AtomicUsize,
    begun: AtomicUsize,
    /// How often something was read, ever, and when the last answer was made.
    read: AtomicUsize,
    read_at_answer: AtomicUsize,
    /// How often something was written, ever, and whether the peer has yet to make room for more.
    written: AtomicUsize,
    peer_is_full: AtomicBool,
    /// The seat of a connection that counts with others.
    seat: Option<Seat>,
}

impl Activity {
    pub(super) fn seated(seat: Seat) -> Self {
        Self {
            seat: Some(seat),
            ..Self::default()
        }
    }

    /// Returns when the connection has to go for another one.
    pub(super) async fn seat_taken_away(&self) {
        match &self.seat {
            Some(seat) => seat.taken_away().await,
            None => std::future::pending().await,
        }
    }

    /// Returns when the peer has taken nothing of an answer for that time, at the latest after twice that time.
    pub(super) async fn answer_untaken(&self, time: Duration) {
        loop {
            let written = self.written.load(Ordering::Relaxed);
            let was_full = self.peer_is_full.load(Ordering::Relaxed);
            sleep(time).await;
            let is_full = self.peer_is_full.load(Ordering::Relaxed);
            if was_full && is_full && self.written.load(Ordering::Relaxed) == written {
                return;
            }
        }
    }

    fn wrote<T>(&self, done: &Poll<T>) {
        if done.is_ready() {
            self.written.fetch_add(1, Ordering::Relaxed);
        }
        self.peer_is_full
            .store(done.is_pending(), Ordering::Relaxed);
    }

    /// Returns after that time without a request, at the latest after twice that time.
    pub(super) async fn idle_for(&self, time: Duration) {
        loop {
            let begun = self.begun.load(Ordering::Relaxed);
            sleep(time).await;
            let none_began = self.begun.load(Ordering::Relaxed) == begun;
            if none_began && self.running.load(Ordering::Relaxed) == 0 {
                return;
            }
        }
    }

    /// Returns when the head of an HTTP/1 request hasn't come for that time, at the latest after twice
    /// that time: the first one, or one that was begun. A connection on which nothing is said after an
    /// answer is idle, and that is something else: the server must not close it as long as a client may
    /// send another request on it.
    pub(super) async fn head_overdue(&self, time: Duration) {
        loop {
            let begun = self.begun.load(Ordering::Relaxed);
            let was_awaited = self.awaits_head();
            sleep(time).await;
            let none_began = self.begun.load(Ordering::Relaxed) == begun;
            if was_awaited && none_began && self.awaits_head() {
                return;
            }
        }
    }

    fn awaits_head(&self) -> bool {
        let is_first = self.begun.load(Ordering::Relaxed) == 0;
        let at_answer = self.read_at_answer.load(Ordering::Relaxed);
        let has_begun = self.read.load(Ordering::Relaxed) != at_answer;
        self.running.load(Ordering::Relaxed) == 0 && (is_first || has_begun)
    }
}

/// A request that is being answered.
pub(super) struct Busy {
    activity: Arc<Activity>,
    has_come: Arc<AtomicBool>,
}

impl Busy {
    pub(super) fn new(activity: &Arc<Activity>) -> Self {
        activity.begun.fetch_add(1, Ordering::Relaxed);
        activity.running.fetch_add(1, Ordering::Relaxed);
        if let Some(seat) = &activity.seat {
            seat.hears();
        }
        Self {
            activity: Arc::clone(activity),
            has_come: Arc::default(),
        }
    }

    /// The request's body: when it has come to its end, the connection works.
    pub(super) fn body<B>(&self, body: B) -> ObservedBody<B> {
        ObservedBody {
            body,
            activity: Arc::clone(&self.activity),
            has_come: Arc::clone(&self.has_come),
        }
    }
}

/// A body that notes its end.
pub(super) struct ObservedBody<B> {
    body: B,
    activity: Arc<Activity>,
    has_come: Arc<AtomicBool>,
}

impl<B: Body + Unpin> Body for ObservedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None))
            && !self.has_come.swap(true, Ordering::Relaxed)
            && let Some(seat) = &self.activity.seat
        {
            seat.begins_to_work();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let Activity {
            running,
            read,
            read_at_answer,
            seat,
            ..
        } = &*self.activity;
        read_at_answer.store(read.load(Ordering::Relaxed), Ordering::Relaxed);
        running.fetch_sub(1, Ordering::Relaxed);
        match seat {
            Some(seat) if self.has_come.load(Ordering::Relaxed) => seat.has_worked(),
            Some(seat) => seat.hears(),
            None => {}
        }
    }
}

/// A stream that notes when something is read from it or written to it.
pub(super) struct Observed<S> {
    pub(super) stream: S,
    pub(super) activity: Arc<Activity>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Observed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.read.fetch_add(1, Ordering::Relaxed);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Observed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, buffer);
        self.activity.wrote(&written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.activity.wrote(&flushed);
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.activity.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::{Instant, timeout},
    };

    use super::*;

    const IDLE: Duration = Duration::from_secs(60);
    const HEAD: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_when_nothing_runs_or_begins_for_a_while() {
        let activity = Arc::new(Activity::default());
        let start = Instant::now();
        let running = Busy::new(&activity);
        tokio::spawn(async move {
            sleep(IDLE * 3 / 2).await;
            drop(running);
        });
        activity.idle_for(IDLE).await;
        assert_eq!(start.elapsed(), IDLE * 2);

        drop(Busy::new(&activity));
        let again = Arc::clone(&activity);
        tokio::spawn(async move {
            sleep(IDLE / 2).await;
            drop(Busy::new(&again));
        });
        activity.idle_for(IDLE).await;
        assert_eq!(start.elapsed(), IDLE * 4);
    }

    /// Otherwise a request may meet the connection while it is being closed, and is lost.
    #[tokio::test(start_paused = true)]
    async fn a_head_is_overdue_when_it_is_the_first_or_was_begun() {
        let activity = Arc::new(Activity::default());
        let (mut client, server) = duplex(64);
        let mut stream = Observed {
            stream: server,
            activity: Arc::clone(&activity),
        };
        let is_overdue = async || {
            let overdue = activity.head_overdue(HEAD);
            timeout(HEAD * 9, overdue).await.is_ok()
        };
        assert!(is_overdue().await, "nothing was ever said");

        client.write_all(b"POST").await.unwrap();
        stream.read_exact(&mut [0; 4]).await.unwrap();
        let running = Busy::new(&activity);
        assert!(!is_overdue().await, "the request is being answered");
        drop(running);
        assert!(
            !is_overdue().await,
            "it was answered, and nothing was said since"
        );

        client.write_all(b"PO").await.unwrap();
        stream.read_exact(&mut [0; 2]).await.unwrap();
        assert!(is_overdue().await, "another one was begun");
    }
}
