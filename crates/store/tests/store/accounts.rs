use relay_domain::ports::{Accounts as _, MemberDirectory as _, NewAccount, PasswordHash, RegisterError};
use relay_types::{ShardId, UserId};

use crate::support::{Db, MemMessageLog, NOON_MS, user_id};

fn account(handle: &str) -> NewAccount {
    NewAccount {
        user: user_id(),
        handle: handle.parse().unwrap(),
        display_name: "Ann Ó'Hara".parse().unwrap(),
        password_hash: PasswordHash("$argon2id$stored".to_owned()),
        home_shard: ShardId(1),
        at_ms: NOON_MS,
    }
}

#[tokio::test]
async fn an_account_is_found_and_announced() {
    let db = Db::fresh().await;
    let ann = account("ann");
    let touched = db.store.register(&ann).await.unwrap();
    assert_eq!(touched, [relay_domain::ports::LogAddress::User { shard: ShardId(1), id: ann.user }]);

    let profile = db.store.profile(ann.user).await.unwrap().unwrap();
    assert_eq!((profile.handle.as_str(), profile.display_name.as_str()), ("ann", "Ann Ó'Hara"));
    assert_eq!(db.store.find_by_handle(&ann.handle).await.unwrap().unwrap(), profile);
    let credentials = db.store.credentials(&ann.handle, "192.0.2.1", NOON_MS).await.unwrap().unwrap();
    assert!(credentials.user == ann.user && credentials.password_hash == ann.password_hash);

    let nobody = "nobody".parse().unwrap();
    assert!(db.store.credentials(&nobody, "192.0.2.1", NOON_MS).await.unwrap().is_none());
    assert!(db.store.find_by_handle(&nobody).await.unwrap().is_none());
    assert!(db.store.profile(user_id()).await.unwrap().is_none());

    let log = MemMessageLog::default();
    assert_eq!(relay_domain::ports::Outbox::flush(&db.store, touched[0], &log).await.unwrap(), 1);
    assert_eq!(log.names(), ["USER_REGISTERED"]);
}

#[tokio::test]
async fn of_many_who_want_a_handle_one_gets_it() {
    let db = Db::fresh().await;
    let accounts: Vec<_> = (0..10).map(|_| account("ann")).collect();
    db.warm().await;
    let results = futures::future::join_all(accounts.iter().map(|account| db.store.register(account))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().all(|result| matches!(result, Ok(_) | Err(RegisterError::HandleTaken))));
    assert_eq!(db.count("SELECT count(*) FROM outbox").await, 1, "the refused left nothing");
}

#[tokio::test]
async fn users_who_have_logged_in_are_paged_without_a_gap() {
    let db = Db::fresh().await;
    let mut expected = Vec::new();
    for n in 0..7 {
        let user = db.user(&format!("user{n}")).await;
        db.user(&format!("never{n}")).await;
        db.seen(user).await;
        expected.push(user);
    }
    expected.sort();
    let mut read: Vec<UserId> = Vec::new();
    loop {
        let page = db.store.users_page(read.last().copied(), 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!(read, expected);
}

#[tokio::test]
async fn every_table_has_its_grants() {
    let db = Db::fresh().await;
    let mut connection = db.raw.acquire().await.unwrap();
    let without = relay_store::tables_without_grants(&mut connection).await.unwrap();
    assert!(without.is_empty(), "crates/store/src/roles.rs has no line for {without:?}");
}

#[tokio::test]
async fn another_name_is_told_once() {
    let db = Db::fresh().await;
    let ann = account("ann");
    let touched = db.store.register(&ann).await.unwrap();
    let name = "Ann the second".parse().unwrap();
    for _ in 0..2 {
        let (profile, told) = db.store.change_profile(ann.user, &name, NOON_MS).await.unwrap().unwrap();
        assert_eq!((profile.display_name.as_str(), &told), ("Ann the second", &touched), "a repetition names what may wait");
    }
    assert!(db.store.change_profile(user_id(), &name, NOON_MS).await.unwrap().is_none());
    assert_eq!(db.store.profile(ann.user).await.unwrap().unwrap().display_name, name);
    let log = MemMessageLog::default();
    relay_domain::ports::Outbox::flush(&db.store, touched[0], &log).await.unwrap();
    assert_eq!(log.names(), ["USER_REGISTERED", "PROFILE_CHANGED"]);
}
