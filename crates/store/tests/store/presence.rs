//! What people let others know of whether they are there.

use relay_domain::ports::{PresenceRules as _, UserSettings as _};
use relay_protocol::presence::{Availability, PresenceAudience};
use relay_protocol::rest::ChangeSettingsRequest;
use relay_types::UserId;

use crate::support::{Db, NOON_MS};

async fn talk(db: &Db, people: [UserId; 2], state: &str) {
    let id = crate::support::conversation_id();
    sqlx::query(
        "INSERT INTO conversations (conversation_id, kind, title, shard, created_by, created_at) VALUES ($1, 'group', 'x', 0, $2, now())",
    )
    .bind(id.to_uuid())
    .bind(people[0].to_uuid())
    .execute(&db.raw)
    .await
    .unwrap();
    for (user, state) in people.into_iter().zip(["accepted", state]) {
        sqlx::query("INSERT INTO members (conversation_id, user_id, role, state, added_at) VALUES ($1, $2, 'member', $3, now())")
            .bind(id.to_uuid())
            .bind(user.to_uuid())
            .bind(state)
            .execute(&db.raw)
            .await
            .unwrap();
    }
}

async fn set(db: &Db, user: UserId, change: ChangeSettingsRequest) {
    db.as_role("relay_api").change_settings(user, change, NOON_MS).await.unwrap().unwrap();
}

#[tokio::test]
async fn presence_is_for_contacts_unless_somebody_says_otherwise() {
    let db = Db::fresh().await;
    let [ann, bob, cid, eve] = [db.user("ann").await, db.user("bob").await, db.user("cid").await, db.user("eve").await];
    talk(&db, [ann, bob], "accepted").await;
    talk(&db, [ann, cid], "request").await;
    let gateway = db.as_role("relay_gateway");
    let allowed = async |viewer| {
        let mut allowed = gateway.allowed(viewer, &[ann, bob, crate::support::user_id()]).await.unwrap();
        allowed.sort_unstable_by_key(|(user, _)| *user != ann);
        allowed
    };
    assert_eq!(allowed(bob).await, [(ann, None), (bob, None)]);
    assert_eq!(allowed(cid).await, [], "one of both has not accepted");
    assert_eq!(allowed(eve).await, []);
    for at_ms in [NOON_MS + 5, NOON_MS] {
        gateway.seen(&[(ann, at_ms), (ann, NOON_MS - 1)]).await.unwrap();
    }
    gateway.seen(&[]).await.unwrap();
    assert_eq!(allowed(bob).await[0], (ann, Some(NOON_MS + 5)), "the latest");
    let to = |audience| ChangeSettingsRequest { presence_to: Some(audience), ..ChangeSettingsRequest::default() };
    set(&db, ann, to(PresenceAudience::Everybody)).await;
    assert_eq!(allowed(eve).await, [(ann, Some(NOON_MS + 5))]);
    for audience in [PresenceAudience::Nobody, "friends_of_friends".parse().unwrap()] {
        set(&db, ann, to(audience)).await;
        assert_eq!(allowed(bob).await, [(bob, None)], "a wish that is not known is the most careful one");
    }

    assert_eq!(gateway.availability(&[ann]).await.unwrap(), [(ann, Availability::Available)]);
    set(&db, ann, ChangeSettingsRequest { availability: Some(Availability::Invisible), ..ChangeSettingsRequest::default() }).await;
    assert_eq!(gateway.availability(&[ann, crate::support::user_id()]).await.unwrap(), [(ann, Availability::Invisible)]);
    let settings = db.store.settings(ann).await.unwrap().unwrap();
    assert_eq!((settings.read_receipts, settings.availability), (true, Availability::Invisible));
}
