//! To nobody: for what is done on somebody's behalf who has no connection here.

use std::task::{Context, Poll};

use super::{Ended, Incoming, Transport, Writing};

/// Takes everything, and brings nothing.
pub(crate) struct Nowhere;

impl Transport for Nowhere {
    const NAME: &'static str = "none";
    const BRINGS_COMMANDS: bool = false;
    type Text = &'static str;

    async fn receive(&mut self) -> Result<Incoming<Self::Text>, Ended> {
        std::future::pending().await
    }

    fn poll_write(&mut self, _: &mut Context<'_>, writing: &mut Writing) -> Poll<Result<(), Ended>> {
        *writing = Writing::default();
        Poll::Ready(Ok(()))
    }

    async fn close(&mut self, _: Ended) {}
}
