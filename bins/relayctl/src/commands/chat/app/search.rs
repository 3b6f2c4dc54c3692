//! Messages by what they say.

use relay_client::ClientError;
use relay_protocol::search::{SearchHit, SearchQuery};

use super::super::text::{body_text, short};
use super::{App, count};

/// Hits of one page.
const PAGE: u16 = 10;
/// Columns of a hit's text.
const SHOWN: usize = 100;
/// Characters before the first place that was found.
const BEFORE: usize = 30;

impl App {
    /// Begins a search, or goes on with the last one.
    pub(super) async fn search(&mut self, text: Option<String>) -> Result<(), ClientError> {
        let query = match (text, self.searched.take()) {
            (Some(q), _) => SearchQuery { q, limit: Some(PAGE), ..SearchQuery::default() },
            (None, Some(last)) => last,
            (None, None) => {
                self.not_done("nothing more was found: /search <words> looks for others");
                return Ok(());
            }
        };
        let page = self.api.search(&query).await?;
        for hit in &page.hits {
            let message = &hit.message;
            self.directory.ensure(message.conversation_id).await;
            self.directory.name(message.sender_id, message.conversation_id).await;
            let (label, who) = (self.directory.label(message.conversation_id), self.directory.author(message.sender_id));
            let at = self.screen.day(message.sent_at_ms);
            self.screen.message(&format!("{at} {label} {who}"), &excerpt(hit));
        }
        if let Some(ms) = page.index_lag_ms {
            self.screen.say(format_args!(
                "the messages of the last {} cannot be found yet",
                count(usize::try_from(ms / 1000).unwrap_or(usize::MAX), "second")
            ));
        }
        if let Some(at) = page.partial_before_ms {
            let day = self.screen.day(at);
            self.screen.say(format_args!("before {day} only the 100,000 conversations that were active last were searched"));
        }
        match (page.next_cursor, page.searched_back_to_ms) {
            (None, _) if page.hits.is_empty() && query.cursor.is_none() => self.screen.say("nothing was found"),
            (None, _) => self.screen.say("that is all"),
            (Some(cursor), back_to) => {
                let back_to = back_to.map(|at| format!("searched back to {}; ", self.screen.day(at))).unwrap_or_default();
                self.screen.say(format_args!("{back_to}/search goes on"));
                self.searched = Some(SearchQuery { cursor: Some(cursor), ..query });
            }
        }
        Ok(())
    }
}

/// The text around what was found, each place in brackets.
fn excerpt(hit: &SearchHit) -> String {
    let text = body_text(&hit.message.body);
    let places: Vec<_> = hit.spans.iter().filter_map(|span| span.to_bytes(text)).collect();
    let first = places.first().map_or(0, |place| place.start);
    let before = text.get(..first).unwrap_or_default();
    let begin = before.char_indices().rev().nth(BEFORE).map_or(0, |(at, _)| at);
    let mut shown = if begin > 0 { "…".to_owned() } else { String::new() };
    let mut at = begin;
    for place in places {
        shown += text.get(at..place.start).unwrap_or_default();
        shown += "[";
        shown += text.get(place.clone()).unwrap_or_default();
        shown += "]";
        at = place.end;
    }
    shown += text.get(at..).unwrap_or_default();
    short(&shown, SHOWN)
}
