use std::os::unix::fs::PermissionsExt as _;

use relay_protocol::message::MessageBody;
use relay_types::{Seq, ShardId};

use super::outbox::COMPACT_AFTER;
use super::*;

fn send(n: usize) -> QueuedSend {
    QueuedSend::message(
        format!("k{n}").parse().unwrap(),
        "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
        MessageBody::Text { text: "line one\nline two 🙂".parse().unwrap() },
    )
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
    let store = FileStore::open(dir.path()).unwrap();
    assert_eq!(keys(&store.load().await.unwrap()), ["k0", "k1"]);
    assert!(store.repairs().is_empty(), "a torn end is no damage");
}

#[tokio::test]
async fn damage_is_moved_away_and_said_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("outbox.jsonl");
    {
        let store = FileStore::open(dir.path()).unwrap();
        store.put_send(&send(0)).await.unwrap();
        store.put_send(&send(1)).await.unwrap();
    }
    // Half a line with a whole one behind it, as an earlier version left it on a full disk; and bytes that are no text.
    let whole = std::fs::read_to_string(&path).unwrap();
    let (first, second) = whole.split_once('\n').unwrap();
    std::fs::write(&path, [format!("{}{second}\n", &first[..40]).as_bytes(), b"\xFF\xFE\n", first.as_bytes(), b"\n"].concat()).unwrap();
    std::fs::write(dir.path().join("position"), "nonsense").unwrap();
    std::fs::write(dir.path().join("tokens.json"), "{\"access").unwrap();
    {
        let store = FileStore::open(dir.path()).unwrap();
        let saved = store.load().await.unwrap();
        assert_eq!((keys(&saved), saved.position), (vec!["k1".to_owned(), "k0".to_owned()], None));
        assert!(store.load_tokens().unwrap().is_none());
        let repairs = store.repairs();
        assert_eq!(repairs.len(), 3, "{repairs:?}");
        assert!(repairs.iter().all(|repair| repair.contains(".damaged")), "{repairs:?}");
        store.put_send(&send(2)).await.unwrap();
    }
    let store = FileStore::open(dir.path()).unwrap();
    assert_eq!(keys(&store.load().await.unwrap()), ["k1", "k0", "k2"]);
    assert!(store.repairs().is_empty(), "said once");
    assert!(std::fs::read_to_string(dir.path().join("outbox.damaged")).unwrap().contains("{\"put\""), "nothing is thrown away");
}

/// What the test below runs with a limit on the size of its files.
#[tokio::test]
#[ignore = "run by the test below, which limits the size of files"]
async fn fill_the_disk() {
    let dir = std::path::PathBuf::from(std::env::var_os("RELAY_TEST_PROFILE").expect("run by the test below"));
    let store = FileStore::open(&dir).unwrap();
    let mut put = 0;
    let error = loop {
        match store.put_send(&send(put)).await {
            Ok(()) => put += 1,
            Err(error) => break error,
        }
    };
    assert!(put > 3 && put < 1_000, "the disk was full after {put}: {error}");
    assert_eq!(keys(&store.load().await.unwrap()).len(), put, "what was refused is not there");
    // A shorter line still fits, and lies behind whole lines.
    store.forget_send(&send(0).client_id).await.unwrap();
    let _ = store.put_send(&send(put)).await.unwrap_err();
    std::fs::write(dir.join("count"), put.to_string()).unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_the_message_and_leaves_the_profile_whole() {
    let dir = tempfile::tempdir().unwrap();
    // A file may not grow beyond the limit: the write that meets it is cut in the middle, as on a full disk.
    let script = "trap '' XFSZ; ulimit -f 4; exec \"$0\" --ignored --exact store::file::tests::fill_the_disk";
    let child = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .env("RELAY_TEST_PROFILE", dir.path())
        .output()
        .unwrap();
    assert!(child.status.success(), "{}{}", String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    let put: usize = std::fs::read_to_string(dir.path().join("count")).unwrap().parse().unwrap();
    let store = FileStore::open(dir.path()).unwrap();
    assert!(store.repairs().is_empty());
    assert_eq!(keys(&store.load().await.unwrap()).len(), put - 1);
    store.put_send(&send(put)).await.unwrap();
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
