//! One direction of one connection.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::faults::{Direction, Faults};

/// Read at once.
const CHUNK: usize = 64 * 1024;
/// Bytes on their way at most; beyond, the sender is no longer read.
const IN_FLIGHT: usize = 256 * 1024;
/// With a rate, one piece is what passes in this time.
const RATE_STEP_MS: u64 = 20;

/// What was read and when it is due; an empty piece is the end.
struct Piece {
    due: Instant,
    bytes: Vec<u8>,
}

/// Carries bytes until the end, and lets `hear` know them. An error means that the connection is to be reset.
pub(crate) async fn pump(
    from: &OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    mut faults: watch::Receiver<Faults>,
    side: impl Fn(&Faults) -> Direction,
    hear: impl Fn(&[u8]),
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut queue: VecDeque<Piece> = VecDeque::new();
    let (mut in_flight, mut ended, mut lost) = (0_usize, false, false);
    let mut last_due = Instant::now();
    loop {
        let now = side(&faults.borrow_and_update());
        if lost && !now.swallow {
            return Err(io::Error::other("bytes were lost on the way"));
        }
        if now.reset {
            return Err(io::Error::other("this is not let through"));
        }
        if now.blackhole {
            changed(&mut faults).await?;
            continue;
        }
        let may_read = !ended && in_flight < IN_FLIGHT;
        let due = queue.front().map(|piece| piece.due);
        tokio::select! {
            biased;
            healed = changed(&mut faults) => healed?,
            () = until(due), if due.is_some() => {
                let Some(piece) = queue.pop_front() else { continue };
                in_flight -= piece.bytes.len();
                if piece.bytes.is_empty() {
                    // The other direction goes on.
                    return to.shutdown().await;
                }
                deliver(to, piece.bytes, &mut faults, &side).await?;
            }
            ready = from.readable(), if may_read => {
                ready?;
                match from.try_read(&mut buffer) {
                    Ok(read) => {
                        let mut bytes = buffer.get(..read).unwrap_or_default().to_vec();
                        hear(&bytes);
                        if now.swallow {
                            // An end that does not arrive either: wait for what comes next.
                            lost |= read > 0;
                            if read == 0 {
                                ended = true;
                                lost = true;
                            }
                            continue;
                        }
                        ended = read == 0;
                        corrupt(&mut bytes, now.corrupt);
                        // Never before what was sent earlier, whatever the jitter.
                        last_due = last_due.max(Instant::now() + now.latency + jitter(now.jitter));
                        in_flight += read;
                        queue.push_back(Piece { due: last_due, bytes });
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

async fn changed(faults: &mut watch::Receiver<Faults>) -> io::Result<()> {
    faults.changed().await.map_err(|_| io::Error::other("the proxy is gone"))
}

async fn until(due: Option<Instant>) {
    match due {
        // Most links have no latency: no timer for them.
        Some(due) if due <= Instant::now() => {}
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Writes a piece under the faults of the moment: a partition that begins meanwhile stops it where it is.
async fn deliver(
    to: &OwnedWriteHalf,
    bytes: Vec<u8>,
    faults: &mut watch::Receiver<Faults>,
    side: &impl Fn(&Faults) -> Direction,
) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        let now = side(&faults.borrow());
        if now.swallow {
            // Lost on the way; the caller learns it from the next piece or from healing, both of which end the link.
            return lose(faults, side).await;
        }
        if now.blackhole {
            faults.changed().await.map_err(|_| io::Error::other("the proxy is gone"))?;
            continue;
        }
        let most = now.slice.map_or(usize::MAX, std::num::NonZeroUsize::get);
        let most = now.bytes_per_s.map_or(most, |rate| most.min(per_step(rate.get())));
        let end = bytes.len().min(written.saturating_add(most));
        let count = write(to, bytes.get(written..end).unwrap_or_default()).await?;
        written += count;
        if let Some(rate) = now.bytes_per_s {
            #[expect(clippy::cast_precision_loss, reason = "a time of milliseconds")]
            tokio::time::sleep(Duration::from_secs_f64(count as f64 / rate.get() as f64)).await;
        }
    }
    Ok(())
}

/// Part of the stream is gone: the link stays open while the fault lasts, and is reset when it ends.
async fn lose(faults: &mut watch::Receiver<Faults>, side: &impl Fn(&Faults) -> Direction) -> io::Result<()> {
    loop {
        if !side(&faults.borrow()).swallow {
            return Err(io::Error::other("bytes were lost on the way"));
        }
        changed(faults).await?;
    }
}

async fn write(to: &OwnedWriteHalf, bytes: &[u8]) -> io::Result<usize> {
    loop {
        to.writable().await?;
        match to.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return result,
        }
    }
}

fn per_step(rate: u64) -> usize {
    usize::try_from(rate.saturating_mul(RATE_STEP_MS) / 1000).unwrap_or(usize::MAX).max(1)
}

fn corrupt(bytes: &mut [u8], probability: f64) {
    if probability > 0.0
        && !bytes.is_empty()
        && rand::random_bool(probability.min(1.0))
        && let Some(byte) = bytes.get_mut(rand::random_range(0..bytes.len()))
    {
        *byte ^= 1 << rand::random_range(0..8_u8);
    }
}

fn jitter(most: Duration) -> Duration {
    if most.is_zero() { Duration::ZERO } else { most.mul_f64(rand::random::<f64>()) }
}
