use std::os::unix::fs::PermissionsExt as _;

use relay_protocol::message::MessageBody;
use relay_types::{Seq, ShardId};

use super::*;

fn send(n: usize) -> QueuedSend {
    QueuedSend {
        client_id: format!("k{n}").parse().unwrap(),
        conversation_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
        body: MessageBody::Text { text: "line one\nline two 🙂".parse().unwrap() },
    }
}

fn keys(saved: &Saved) -> Vec<String> {
    saved.outbox.iter().map(|send| send.client_id.to_string()).collect()
}

#[tokio::test]
async fn what_was_put_is_there_in_order_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let position = Position { epoch: "E1".to_owned(), shards: [(ShardId(0), Seq(7))].into() };
    {
        let store = FileStore::open(dir.path()).unwrap();
        assert_eq!(store.load().await.unwrap(), Saved::default());
        for n in 0..4 {
            store.put_send(&send(n)).await.unwrap();
        }
        store.forget_send(&send(1).client_id).await.unwrap();
        store.save_position(&position).await.unwrap();
    }
    let saved = FileStore::open(dir.path()).unwrap().load().await.unwrap();
    assert_eq!(keys(&saved), ["k0", "k2", "k3"]);
    assert_eq!(saved.outbox[0], send(0));
    assert_eq!(saved.position, Some(position));
}

#[tokio::test]
async fn a_torn_last_line_is_dropped_and_a_damaged_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("outbox.jsonl");
    {
        let store = FileStore::open(dir.path()).unwrap();
        store.put_send(&send(0)).await.unwrap();
    }
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{whole}{}", &whole[..whole.len() / 2])).unwrap();
    {
        let store = FileStore::open(dir.path()).unwrap();
        store.put_send(&send(1)).await.unwrap();
    }
    assert_eq!(keys(&FileStore::open(dir.path()).unwrap().load().await.unwrap()), ["k0", "k1"]);
    std::fs::write(&path, format!("garbage\n{whole}")).unwrap();
    assert!(matches!(FileStore::open(dir.path()), Err(StoreError::Corrupt { line: 1, .. })));
}

#[tokio::test]
async fn the_outbox_file_stays_small() {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::open(dir.path()).unwrap();
    for n in 0..COMPACT_AFTER {
        store.put_send(&send(n)).await.unwrap();
        store.forget_send(&send(n).client_id).await.unwrap();
    }
    let lines = std::fs::read_to_string(dir.path().join("outbox.jsonl")).unwrap().lines().count();
    assert!(lines <= COMPACT_AFTER, "{lines} lines");
}

#[test]
fn one_process_at_a_time_and_nobody_else_reads() {
    let dir = tempfile::tempdir().unwrap();
    let profile = dir.path().join("deep/ann");
    let store = FileStore::open(&profile).unwrap();
    assert!(matches!(FileStore::open(&profile), Err(StoreError::InUse { .. })));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&profile), 0o700);
    assert_eq!(mode(&profile.join("outbox.jsonl")), 0o600);
    drop(store);
    assert!(FileStore::open(&profile).is_ok());
}
