//! An accepted connection's bytes: a peer that takes none is given up, and one that sends too many is found out.
//!
//! HTTP and WebSocket run on the same stream, so what is bounded here is bounded before and after the upgrade.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// What a connection has done, for whoever serves it: in each request's extensions.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    stalled: AtomicBool,
    flooded: AtomicBool,
    allowance: Mutex<Option<Allowance>>,
}

/// Bytes that may still be read without having been asked for.
#[derive(Debug)]
struct Allowance {
    left: u64,
    most: u64,
    per_s: u64,
    filled_at: Instant,
}

impl Meter {
    /// From now on, reading ends with an error once more than `most` bytes came that nobody [credited](Self::credit);
    /// `per_s` of them are forgiven each second.
    pub fn arm(&self, most: u64, per_s: u64) {
        *self.0.allowance.lock() = Some(Allowance { left: most, most, per_s, filled_at: Instant::now() });
    }

    /// So many of the bytes were of use.
    pub fn credit(&self, bytes: u64) {
        if let Some(allowance) = self.0.allowance.lock().as_mut() {
            allowance.left = allowance.left.saturating_add(bytes).min(allowance.most);
        }
    }

    /// Whether the peer took not one byte for as long as is borne with.
    pub fn stalled(&self) -> bool {
        self.0.stalled.load(Ordering::Relaxed)
    }

    /// Whether the peer sent more than was allowed.
    pub fn flooded(&self) -> bool {
        self.0.flooded.load(Ordering::Relaxed)
    }

    /// Whether that is still allowed.
    fn spend(&self, bytes: u64) -> bool {
        let mut allowance = self.0.allowance.lock();
        let Some(allowance) = allowance.as_mut() else { return true };
        if allowance.left < bytes {
            let now = Instant::now();
            let millis = u64::try_from((now - allowance.filled_at).as_millis()).unwrap_or(u64::MAX);
            allowance.left = allowance.left.saturating_add(millis.saturating_mul(allowance.per_s) / 1_000).min(allowance.most);
            allowance.filled_at = now;
        }
        let within = allowance.left >= bytes;
        allowance.left = allowance.left.saturating_sub(bytes);
        within
    }
}

/// A stream whose writes have to make progress.
#[derive(Debug)]
pub(crate) struct Wire<S> {
    stream: S,
    stall: Duration,
    /// Runs while a write waits. Made only then: most writes never do.
    stuck: Option<Pin<Box<Sleep>>>,
    meter: Meter,
}

impl<S> Wire<S> {
    /// A write of which the peer takes nothing for `stall` fails.
    pub(crate) const fn new(stream: S, stall: Duration, meter: Meter) -> Self {
        Self { stream, stall, stuck: None, meter }
    }

    fn judge<T>(&mut self, outcome: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stuck = None;
            return outcome;
        }
        let stall = self.stall;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep(stall)));
        ready!(stuck.as_mut().poll(cx));
        self.meter.0.stalled.store(true, Ordering::Relaxed);
        metrics::counter!("relay_connections_ended_total", "reason" => "stalled").increment(1);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if self.meter.spend((buf.filled().len() - before) as u64) {
            return Poll::Ready(Ok(()));
        }
        if !self.meter.0.flooded.swap(true, Ordering::Relaxed) {
            metrics::counter!("relay_connections_ended_total", "reason" => "flooding").increment(1);
        }
        Poll::Ready(Err(io::Error::other("the peer sends more than is allowed")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(outcome, cx)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.judge(outcome, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test(start_paused = true)]
    async fn a_write_that_makes_progress_goes_on_and_one_that_does_not_ends() {
        let (ours, mut theirs) = tokio::io::duplex(10);
        let meter = Meter::default();
        let mut wire = Wire::new(ours, Duration::from_secs(30), meter.clone());
        let reading = async {
            let mut taken = [0; 1];
            for _ in 0..50 {
                tokio::time::sleep(Duration::from_secs(29)).await;
                theirs.read_exact(&mut taken).await.unwrap();
            }
            Instant::now()
        };
        let writing = async { (wire.write_all(&[7; 100]).await, Instant::now()) };
        let (stopped_at, (written, failed_at)) = tokio::join!(reading, writing);
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(meter.stalled());
        let waited = (failed_at - stopped_at).as_secs();
        assert!((29..=31).contains(&waited), "{waited} s after the last byte was taken");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_asked_for_is_bounded_and_forgiven_with_time() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let meter = Meter::default();
        let mut wire = Wire::new(ours, Duration::from_secs(30), meter.clone());
        let mut buffer = [0; 100];
        theirs.write_all(&[7; 10_000]).await.unwrap();
        wire.read_exact(&mut buffer).await.unwrap();
        meter.arm(250, 10);
        wire.read_exact(&mut buffer).await.unwrap();
        meter.credit(1_000);
        wire.read_exact(&mut buffer).await.unwrap();
        wire.read_exact(&mut buffer).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        wire.read_exact(&mut buffer).await.unwrap();
        assert!(!meter.flooded());
        wire.read_exact(&mut buffer).await.unwrap_err();
        assert!(meter.flooded());
    }
}
