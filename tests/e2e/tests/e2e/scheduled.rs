//! Messages that are sent later: each once, at its time, with the rights of then; and their author's devices know.

use relay_harness::{Harness, User, wait_for};
use relay_protocol::ErrorCode;
use relay_protocol::log::LogEvent;
use relay_protocol::scheduled::{MOST_SCHEDULED, ScheduleRequest, ScheduledState};
use relay_types::{ClientId, Clock as _, ConversationId, SystemClock};

use super::edits::logged;
use super::support::{LATE, Socket, TestResult, code_of, group, history, let_in, one_of_each_shard, text, text_of, ulid_key};

fn request(body: &str, in_ms: i64) -> ScheduleRequest {
    ScheduleRequest { body: text(body), reply_to: None, send_at_ms: SystemClock.now_ms() + in_ms, time_zone: "Europe/Berlin".to_owned() }
}

/// An hour, in milliseconds: not during a test.
const LATER: i64 = 3_600_000;

/// What is scheduled in the conversation becomes due sooner by so much, as when the time passes.
async fn pass(h: &Harness, chat: ConversationId, ms: i64) -> anyhow::Result<()> {
    let sooner = "UPDATE scheduled_messages SET send_at = send_at - $2 * interval '1 ms', due_at = due_at - $2 * interval '1 ms'
                  WHERE conversation_id = $1";
    sqlx::query(sooner).bind(chat.to_uuid()).bind(ms).execute(&mut h.database().await?).await?;
    Ok(())
}

impl Socket {
    /// Waits for word that the message of this key is in `state`, and says why it was refused, if it was.
    async fn scheduled(&mut self, key: &ClientId, state: ScheduledState) -> anyhow::Result<Option<ErrorCode>> {
        let told = |frame: &relay_protocol::ServerFrame| match frame.event()? {
            LogEvent::ScheduledMessageChanged(change) if change.client_id == *key && change.state == state => {
                Some(change.refusal.as_ref().and_then(relay_protocol::error::AnyErrorCode::known))
            }
            _ => None,
        };
        if let Some(refusal) = self.frames.iter().find_map(told) {
            return Ok(refusal);
        }
        self.until(state.as_str(), told).await
    }
}

async fn texts(user: &User, chat: ConversationId) -> anyhow::Result<Vec<String>> {
    Ok(history(&user.api, chat).await?.iter().map(|message| text_of(message).to_owned()).collect())
}

#[tokio::test]
async fn a_scheduled_message_is_sent_once_in_its_order_and_every_device_of_its_author_is_told() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let phone = ann.log_in("phone").await?;
    let chat = group(&ann, &[&bob]).await?;
    let mut phones = Socket::live(&h, 1, &phone, None).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let (first, second, never) = (ulid_key(0), ulid_key(0), ulid_key(0));

    // What is scheduled can be said anew and cancelled, and is nobody else's affair.
    ann.api.schedule_message(chat, &second, &request("not yet", LATER)).await?;
    ann.api.schedule_message(chat, &never, &request("never", LATER)).await?;
    phones.scheduled(&never, ScheduledState::Waiting).await?;
    assert_eq!(code_of(bob.api.cancel_scheduled(chat, &never).await), ErrorCode::UnknownScheduled);
    assert!(bob.api.scheduled_messages().await?.scheduled.is_empty());
    ann.api.cancel_scheduled(chat, &never).await?;
    phones.scheduled(&never, ScheduledState::Cancelled).await?;
    assert_eq!(code_of(ann.api.cancel_scheduled(chat, &never).await), ErrorCode::UnknownScheduled);
    let list = ann.api.scheduled_messages().await?.scheduled;
    assert_eq!(list.iter().map(|message| (&message.client_id, message.state)).collect::<Vec<_>>(), [(&second, ScheduledState::Waiting)]);
    assert_eq!((list[0].body.clone(), list[0].time_zone.as_str()), (text("not yet"), "Europe/Berlin"));

    let at_once = request("two", LATER + 1_000);
    ann.api.schedule_message(chat, &second, &at_once).await?;
    ann.api.schedule_message(chat, &first, &request("one", LATER)).await?;
    pass(&h, chat, LATER + 5_000).await?;
    let message = bobs.until("the second message", |frame| frame.message().filter(|sent| sent.client_id == second)).await?;
    assert_eq!(message.sender_id, ann.id());
    phones.scheduled(&first, ScheduledState::Sent).await?;
    phones.scheduled(&second, ScheduledState::Sent).await?;
    assert!(ann.api.scheduled_messages().await?.scheduled.is_empty());
    assert_eq!(texts(&bob, chat).await?, ["one", "two"], "by their times, not by when they were said");

    // What is sent is neither changed nor sent again.
    assert_eq!(code_of(ann.api.schedule_message(chat, &second, &at_once).await), ErrorCode::AlreadySent);
    assert_eq!(code_of(ann.api.cancel_scheduled(chat, &second).await), ErrorCode::UnknownScheduled);
    assert_eq!((logged(&h, &first).await?, logged(&h, &second).await?, logged(&h, &never).await?), (1, 1, 0));
    Ok(())
}

#[tokio::test]
async fn the_rights_are_those_of_the_due_moment_and_the_author_keeps_the_text() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&ann, &[&bob]).await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let key = ulid_key(0);
    bob.api.schedule_message(chat, &key, &request("later", LATER)).await?;
    ann.api.remove_member(chat, bob.id()).await?;
    // Who is out may take it back, and cannot schedule anew.
    assert_eq!(code_of(bob.api.schedule_message(chat, &key, &request("now", 0)).await), ErrorCode::NotMember);
    let_in(&ann, chat, &bob).await?;
    bob.api.schedule_message(chat, &key, &request("soon", LATER)).await?;
    ann.api.remove_member(chat, bob.id()).await?;
    pass(&h, chat, LATER).await?;
    assert_eq!(bobs.scheduled(&key, ScheduledState::Refused).await?, Some(ErrorCode::NotMember));
    let list = bob.api.scheduled_messages().await?.scheduled;
    assert_eq!((list[0].state, list[0].body.clone()), (ScheduledState::Refused, text("soon")));
    assert_eq!(texts(&ann, chat).await?, Vec::<String>::new());

    let_in(&ann, chat, &bob).await?;
    bob.api.schedule_message(chat, &key, &request("at last", 0)).await?;
    bobs.scheduled(&key, ScheduledState::Sent).await?;
    assert_eq!(texts(&ann, chat).await?, ["at last"]);

    // What nothing could send for more than a day is asked about.
    let late = ulid_key(0);
    ann.api.schedule_message(chat, &late, &request("yesterday", LATER)).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    pass(&h, chat, 25 * LATER + 60_000).await?;
    assert_eq!(anns.scheduled(&late, ScheduledState::Overdue).await?, None);
    assert_eq!(ann.api.scheduled_messages().await?.scheduled[0].state, ScheduledState::Overdue);
    ann.api.schedule_message(chat, &late, &request("today", 0)).await?;
    anns.scheduled(&late, ScheduledState::Sent).await?;
    assert_eq!(texts(&ann, chat).await?, ["at last", "today"]);
    Ok(())
}

#[tokio::test]
async fn what_waits_to_be_sent_is_bounded_and_bad_requests_leave_nothing() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob, eve) = (h.user("ann").await?, h.user("bob").await?, h.user("eve").await?);
    let chat = group(&ann, &[&bob]).await?;
    assert_eq!(code_of(eve.api.schedule_message(chat, &ulid_key(0), &request("hello", LATER)).await), ErrorCode::NotMember);
    for bad in [
        ScheduleRequest { send_at_ms: i64::MAX, ..request("far", 0) },
        ScheduleRequest { send_at_ms: -1, ..request("before time", 0) },
        ScheduleRequest { time_zone: "<script>".to_owned(), ..request("zone", LATER) },
    ] {
        assert_eq!(code_of(ann.api.schedule_message(chat, &ulid_key(0), &bad).await), ErrorCode::InvalidField, "{bad:?}");
    }
    // It would be refused at its time, and hold up what comes behind it.
    let of_2100 = ulid::Ulid::from_parts(4_102_444_800_000, 7).to_string().parse()?;
    assert_eq!(code_of(ann.api.schedule_message(chat, &of_2100, &request("early", LATER)).await), ErrorCode::ClientIdAhead);
    assert!(ann.api.scheduled_messages().await?.scheduled.is_empty());

    // By bytes, and by number.
    let long = "x".repeat(16 * 1024);
    for n in 0..64 {
        match ann.api.schedule_message(chat, &ulid_key(0), &request(&long, LATER)).await {
            Ok(_) => assert!(n < 63, "more than 1 MiB"),
            refused => assert_eq!((code_of(refused), n), (ErrorCode::TooManyScheduled, 63)),
        }
    }
    for n in 0..MOST_SCHEDULED {
        bob.api.schedule_message(chat, &format!("k-{n}").parse()?, &request("short", LATER)).await?;
    }
    assert_eq!(code_of(bob.api.schedule_message(chat, &ulid_key(0), &request("short", LATER)).await), ErrorCode::TooManyScheduled);
    bob.api.schedule_message(chat, &"k-7".parse()?, &request("said anew", LATER)).await?;
    assert_eq!(bob.api.scheduled_messages().await?.scheduled.len(), MOST_SCHEDULED);
    Ok(())
}

#[tokio::test]
async fn a_scheduled_message_survives_the_processes_that_were_to_send_it() -> TestResult {
    let h = Harness::builder().private_postgres().expect_errors().start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = group(&ann, &[&bob]).await?;
    let (soon, taken) = (ulid_key(0), ulid_key(0));
    ann.api.schedule_message(chat, &soon, &request("soon", 500)).await?;
    ann.api.schedule_message(chat, &taken, &request("taken up", 600)).await?;
    h.api().kill();
    h.api().restart().await?;
    let mut bobs = Socket::live(&h, 0, &bob.device, None).await?;
    let came = |key: ClientId| move |frame: &relay_protocol::ServerFrame| frame.message().filter(|sent| sent.client_id == key).map(drop);
    for key in [&soon, &taken] {
        if !bobs.frames.iter().any(|frame| came(key.clone())(frame).is_some()) {
            bobs.until("a scheduled message", came(key.clone())).await?;
        }
        assert_eq!(logged(&h, key).await?, 1);
    }
    Ok(())
}

#[tokio::test]
async fn what_a_shard_holds_up_delays_nothing_that_is_scheduled_on_another() -> TestResult {
    // Longer than the test may take, and shorter than what is taken up is left alone.
    let h = Harness::builder().shards(2).config("postgres", "statement_timeout_ms = 25000").expect_errors().start().await?;
    let [zero, one] = one_of_each_shard(&h).await?;
    let mut ones = Socket::live(&h, 0, &one.device, None).await?;
    let mut holder = h.database().await?;
    // More than are sent there at once, and no post of them comes to the log.
    for _ in 0..20 {
        let slow = group(&zero, &[]).await?;
        let held = sqlx::query("SELECT pg_advisory_lock(hashtextextended('posting.' || $1::text, 0))");
        held.bind(slow.to_uuid().to_string()).execute(&mut holder).await?;
        zero.api.schedule_message(slow, &ulid_key(0), &request("slow", 0)).await?;
    }
    let sending = async || -> Result<i64, String> {
        let query = sqlx::query_scalar("SELECT count(*) FROM scheduled_messages WHERE user_id = $1 AND state = 'sending'");
        let mut database = h.database().await.map_err(|error| format!("{error:#}"))?;
        query.bind(zero.id().to_uuid()).fetch_one(&mut database).await.map_err(|error| error.to_string())
    };
    let all_taken = async || match sending().await {
        Ok(count) if count >= 16 => Ok(()),
        other => Err(format!("{other:?}")),
    };
    wait_for("messages on their way", LATE, all_taken).await;
    let (quick, first, second) = (group(&one, &[]).await?, ulid_key(0), ulid_key(0));
    one.api.schedule_message(quick, &first, &request("one", 0)).await?;
    one.api.schedule_message(quick, &second, &request("two", 1)).await?;
    ones.scheduled(&second, ScheduledState::Sent).await?;
    assert_eq!(texts(&one, quick).await?, ["one", "two"]);
    assert!(sending().await.map_err(anyhow::Error::msg)? >= 16, "they were sent past those, and not after them");
    Ok(())
}
