//! Searching: what is found, and above all what is not.

use relay_client::ClientError;
use relay_harness::{Harness, User};
use relay_protocol::ErrorCode;
use relay_protocol::search::{SearchPage, SearchQuery};
use relay_types::ConversationId;

use super::support::{LATE, Socket, TestResult, code_of, direct, group, group_called, let_in, text_of, ulid_key};

fn asking(q: &str) -> SearchQuery {
    SearchQuery { q: q.to_owned(), ..SearchQuery::default() }
}

async fn search(user: &User, q: &str) -> Result<SearchPage, ClientError> {
    user.api.search(&asking(q)).await
}

/// The texts of the first page.
async fn found(user: &User, q: &str) -> anyhow::Result<Vec<String>> {
    Ok(search(user, q).await?.hits.iter().map(|hit| text_of(&hit.message).to_owned()).collect())
}

/// Waits until exactly these texts are found, the newest first.
async fn finds(user: &User, q: &str, expected: &[&str]) {
    relay_harness::wait_for(&format!("{q} to find {expected:?}"), LATE, || async {
        let found = found(user, q).await.map_err(|error| error.to_string())?;
        if found == expected { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
}

#[tokio::test]
async fn what_people_say_is_found_a_moment_later_and_shown_where() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    let chat = direct(&ann, &bob).await?;
    let team = group_called("Harbour team", &ann, &[&bob]).await?;
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    let mut bobs = Socket::live(&h, 1, &bob.device, None).await?;
    anns.post(chat, &ulid_key(0), "🚀 the Harbour walk").await?;
    let second = anns.post(team, &ulid_key(0), "walk to the harbour: https://example.com").await?;
    bobs.post(chat, &ulid_key(0), "東京都 for two").await?;
    finds(&bob, "harbour walk", &["walk to the harbour: https://example.com", "🚀 the Harbour walk"]).await;
    finds(&ann, "京都", &["東京都 for two"]).await;
    assert_eq!(found(&bob, "\"harbour walk\"").await?, ["🚀 the Harbour walk"]);
    assert_eq!(found(&bob, "walk in:harb").await?, ["walk to the harbour: https://example.com"]);
    let page = search(&bob, "\"harbour walk\"").await?;
    let text = text_of(&page.hits[0].message);
    let shown: Vec<_> = page.hits[0].spans.iter().map(|span| &text[span.to_bytes(text).expect("a part of the text")]).collect();
    assert_eq!((shown.as_slice(), page.hits[0].spans[0].start), (["Harbour walk"].as_slice(), 7), "in units of UTF-16");
    assert_eq!((page.next_cursor, page.searched_back_to_ms), (None, None));
    // Page by page.
    let first = bob.api.search(&SearchQuery { limit: Some(1), ..asking("harbour") }).await?;
    assert_eq!(first.hits[0].message.message_id, second.message_id);
    let next = bob.api.search(&SearchQuery { limit: Some(1), cursor: first.next_cursor, ..asking("harbour") }).await?;
    assert_eq!(text_of(&next.hits[0].message), "🚀 the Harbour walk");
    // What is said anew is found by what it says now.
    let edit = anns.edit(team, &ulid_key(0), second.message_id, "a kestrel").await?;
    assert!(edit.is_ok());
    assert_eq!(found(&bob, "harbour").await?, ["🚀 the Harbour walk"], "at once");
    finds(&bob, "kestrel", &["a kestrel"]).await;
    h.finish().await
}

#[tokio::test]
async fn a_search_finds_nothing_that_its_reader_may_not_see() -> TestResult {
    let h = Harness::shared().await?;
    let (ann, bob, cid) = (h.user("ann").await?, h.user("bob").await?, h.user("cid").await?);
    let (dan, eve) = (h.user("dan").await?, h.user("eve").await?);
    let chat = group(&ann, &[&bob, &dan]).await?;
    let pair = direct(&ann, &bob).await?;
    let canary = format!("canary{}", ulid_key(0).as_str().to_lowercase());
    let mut anns = Socket::live(&h, 0, &ann.device, None).await?;
    anns.post(chat, &ulid_key(0), &format!("{canary} of before")).await?;
    anns.post(pair, &ulid_key(0), &format!("{canary} of the two")).await?;
    let_in(&ann, chat, &cid).await?;
    let erased = anns.post(chat, &ulid_key(0), &format!("{canary} to be deleted")).await?;
    let hidden = anns.post(chat, &ulid_key(0), &format!("{canary} to be hidden")).await?;
    ann.api.remove_member(chat, dan.id()).await?;
    anns.post(chat, &ulid_key(0), &format!("{canary} of after")).await?;
    let texts = |kinds: &[&str]| kinds.iter().map(|kind| format!("{canary} {kind}")).collect::<Vec<_>>();
    let all = texts(&["of after", "to be hidden", "to be deleted", "of the two", "of before"]);
    finds(&ann, &canary, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    ann.api.delete_message(chat, erased.message_id, &ulid_key(0)).await?;
    bob.api.hide_message(chat, hidden.message_id).await?;

    assert_eq!(found(&bob, &canary).await?, texts(&["of after", "of the two", "of before"]));
    assert_eq!(found(&cid, &canary).await?, texts(&["of after", "to be hidden"]), "nothing of before they came");
    for (who, user) in [("who left", &dan), ("a stranger", &eve)] {
        for query in [canary.clone(), format!("from:{}", ann.profile.handle), format!("{canary} in:{chat}"), "from:me".to_owned()] {
            let page = search(user, &query).await?;
            let said = serde_json::to_string(&page)?;
            assert!(page.hits.is_empty() && !said.contains(&canary), "{who}: {said}");
        }
        for place in [chat, pair] {
            let there = SearchQuery { conversation_id: Some(place), ..asking(&canary) };
            assert_eq!(code_of(user.api.search(&there).await), ErrorCode::NotMember, "{who}");
        }
    }
    let nowhere: ConversationId = ulid_key(0).as_str().parse()?;
    assert_eq!(code_of(bob.api.search(&SearchQuery { conversation_id: Some(nowhere), ..asking("x") }).await), ErrorCode::NotMember);
    // A person one knows nothing of looks like one that there is not.
    let (known, unknown) = (search(&eve, &format!("from:{}", ann.profile.handle)).await?, search(&eve, "from:nobody_at_all").await?);
    assert_eq!(known, unknown);
    h.finish().await
}

#[tokio::test]
async fn hostile_queries_are_text_or_refused_with_a_code() -> TestResult {
    let h = Harness::shared().await?;
    let ann = h.user("ann").await?;
    for text in [
        "' OR 1=1 --",
        "a & !b | (c <-> d):*",
        "\\",
        "'); DROP TABLE messages; --",
        "%x_",
        "\u{202e}abc",
        "a\u{0}b",
        "x in:a\u{0}b",
        "<script>x",
    ] {
        match search(&ann, text).await {
            Ok(page) => assert!(page.hits.is_empty(), "{text}"),
            refused => assert_eq!(code_of(refused), ErrorCode::InvalidField, "{text}"),
        }
    }
    for refused in
        ["", "   ", "!?", "in:team", "x before:soon", "x has:everything", &"a".repeat(257), &"a ".repeat(40), &"from:a ".repeat(9)]
    {
        assert_eq!(code_of(search(&ann, refused).await), ErrorCode::InvalidField, "{refused}");
    }
    for cursor in ["", "x", "1-2-3", "-1", "99999999999999999999"] {
        let refused = ann.api.search(&SearchQuery { cursor: Some(cursor.to_owned()), ..asking("x") }).await;
        assert_eq!(code_of(refused), ErrorCode::InvalidField, "{cursor}");
    }
    for limit in [0, 51] {
        assert_eq!(code_of(ann.api.search(&SearchQuery { limit: Some(limit), ..asking("x") }).await), ErrorCode::InvalidField);
    }
    h.finish().await
}

#[tokio::test]
async fn whoever_searches_too_often_waits() -> TestResult {
    let h = Harness::builder().config("api", "limits = { searches_per_user = { limit = 2, per_s = 60 } }").start().await?;
    let (ann, bob) = (h.user("ann").await?, h.user("bob").await?);
    for _ in 0..2 {
        search(&ann, "harbour").await?;
    }
    match search(&ann, "harbour").await {
        Err(ClientError::Refused(problem)) => {
            assert_eq!(problem.code, ErrorCode::RateLimited);
            assert!(problem.retry_after_ms.is_some_and(|wait| wait > 0));
        }
        other => panic!("{other:?}"),
    }
    search(&bob, "harbour").await?;
    h.finish().await
}
