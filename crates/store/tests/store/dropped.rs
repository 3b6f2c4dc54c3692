//! Calls whose caller goes away: a client that hangs up drops the request, and everything under way with it.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use relay_domain::ports::{Conversations as _, NewConversation};

use crate::support::{Db, LIMITS, NOON_MS, conversation_id};

/// More wake-ups than the call below has.
const WAKES: usize = 40;
const BOUND: Duration = Duration::from_secs(10);

/// Runs a call up to its `wakes`th wake-up, then drops it. Whether it came to its end before.
async fn dropped_at<T>(wakes: usize, call: impl Future<Output = T>) -> bool {
    let mut call = pin!(call);
    let mut polls = 0;
    std::future::poll_fn(|cx| {
        if polls == wakes {
            return Poll::Ready(false);
        }
        polls += 1;
        call.as_mut().poll(cx).map(|_| true)
    })
    .await
}

#[tokio::test]
async fn a_dropped_call_leaves_no_transaction_to_whoever_has_its_connection_next() {
    let db = Db::fresh().await;
    let (ann, bob) = (db.user("ann").await, db.user("bob").await);
    let new = NewConversation::Group { title: "Lobby".parse().unwrap(), members: vec![bob], client_key: None };
    let created = db.acquainted(&[ann, bob], db.store.create(conversation_id(), ann, &new, LIMITS, NOON_MS)).await;
    let id = created.unwrap().value.conversation.conversation_id;
    db.warm().await;

    let open = "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'";
    let hidden = "SELECT count(*) FROM members WHERE hidden_seq IS NOT NULL";
    for wakes in 1..=WAKES {
        let title = format!("Lobby {wakes}").parse().unwrap();
        let finished = dropped_at(wakes, db.store.rename(ann, id, &title, NOON_MS)).await;
        // Some round trips on, whatever was under way has arrived.
        for _ in 0..8 {
            db.store.ping().await.unwrap();
        }
        let closed = async {
            while db.count(open).await > 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        assert!(tokio::time::timeout(BOUND, closed).await.is_ok(), "dropped at wake-up {wakes}: a transaction stays open in the pool");
        // What another caller is told is done must be done for everybody.
        let hide = wakes % 2 == 1;
        db.store.set_hidden(bob, id, hide, NOON_MS).await.unwrap();
        assert_eq!(db.count(hidden).await, i64::from(hide), "dropped at wake-up {wakes}: what was acknowledged then is not stored");
        if finished {
            return;
        }
    }
    panic!("the call has more wake-ups than {WAKES}");
}
