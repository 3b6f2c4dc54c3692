//! In which conversations something ephemeral is told: asked of Postgres when somebody first gives a notice there, and
//! remembered for a while.
//!
//! Not in large conversations, where everybody would be told of everybody. Not in a direct conversation
//! that waits for an answer: neither side is told anything of the other before. Without an answer of Postgres nothing is told.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use relay_domain::ports::EphemeralAudience;
use relay_types::ConversationId;

/// How long a yes holds: who has answered has answered, and a group grows slowly.
const YES_HOLDS: Duration = Duration::from_secs(60);
/// How long a no holds: the answer may come at any moment.
const NO_HOLDS: Duration = Duration::from_secs(5);
/// Answers remembered at most.
const MOST_KNOWN: usize = 20_000;
/// Conversations in one question.
const MOST_ASKED: usize = 256;
/// For Postgres to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Whether something is told in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Told,
    Silent,
    /// It has to be asked for.
    NotKnown,
}

/// An answer to one question, or none.
pub(crate) struct Answer {
    asked: Vec<ConversationId>,
    silent: Option<HashSet<ConversationId>>,
}

impl Answer {
    /// The conversations in question, if Postgres did not say.
    pub(crate) fn unanswered(&self) -> Option<&[ConversationId]> {
        self.silent.is_none().then_some(&self.asked)
    }
}

#[derive(Default)]
pub(crate) struct Known {
    verdicts: HashMap<ConversationId, (bool, Instant)>,
}

impl Known {
    pub(crate) fn verdict(&self, conversation: ConversationId, now: Instant) -> Verdict {
        match self.verdicts.get(&conversation) {
            Some((told, until)) if *until > now => {
                if *told {
                    Verdict::Told
                } else {
                    Verdict::Silent
                }
            }
            Some(_) | None => Verdict::NotKnown,
        }
    }

    /// As [`Self::verdict`], for what was given at `given` and may wait: a no from before it may be over by now, and is asked about
    /// again when its time has come.
    pub(crate) fn verdict_since(&self, conversation: ConversationId, given: Instant, now: Instant) -> Verdict {
        match (self.verdict(conversation, now), self.verdicts.get(&conversation)) {
            (Verdict::Silent, Some((_, until))) if *until < given + NO_HOLDS => Verdict::NotKnown,
            (verdict, _) => verdict,
        }
    }

    pub(crate) fn learn(&mut self, answer: &Answer, now: Instant) {
        let Some(silent) = &answer.silent else { return };
        if self.verdicts.len() + answer.asked.len() > MOST_KNOWN {
            self.verdicts.retain(|_, (_, until)| *until > now);
            if self.verdicts.len() + answer.asked.len() > MOST_KNOWN {
                self.verdicts = HashMap::new();
            }
        }
        for conversation in &answer.asked {
            let told = !silent.contains(conversation);
            self.verdicts.insert(*conversation, (told, now + if told { YES_HOLDS } else { NO_HOLDS }));
        }
    }
}

/// Asks about these conversations, as many as fit into one question. Nothing is told where more than `most_members` are.
pub(crate) fn ask(
    audience: &Arc<dyn EphemeralAudience>,
    most_members: u32,
    conversations: impl Iterator<Item = ConversationId>,
) -> BoxFuture<'static, Answer> {
    let asked: HashSet<ConversationId> = conversations.take(MOST_ASKED).collect();
    let (audience, asked) = (Arc::clone(audience), asked.into_iter().collect::<Vec<_>>());
    Box::pin(async move {
        let answer = tokio::time::timeout(ANSWER_LIMIT, audience.silent(&asked, most_members)).await;
        let silent = match answer {
            Ok(Ok(silent)) => Some(silent.into_iter().collect()),
            Ok(Err(error)) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "whether something is told in a conversation is not known");
                None
            }
            Err(_late) => None,
        };
        Answer { asked, silent }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(n: usize) -> ConversationId {
        format!("{n:026}").parse().unwrap()
    }

    #[test]
    fn a_no_is_soon_asked_again_and_what_is_known_is_bounded() {
        let (mut known, now) = (Known::default(), Instant::now());
        let answer = Answer { asked: vec![room(1), room(2)], silent: Some([room(2)].into()) };
        known.learn(&answer, now);
        let verdicts = |known: &Known, at| [1, 2, 3].map(|n| known.verdict(room(n), at));
        assert_eq!(verdicts(&known, now), [Verdict::Told, Verdict::Silent, Verdict::NotKnown]);
        assert_eq!(verdicts(&known, now + NO_HOLDS), [Verdict::Told, Verdict::NotKnown, Verdict::NotKnown]);
        let since = |given, at| known.verdict_since(room(2), given, at);
        let later = now + Duration::from_secs(1);
        assert_eq!([since(now, later), since(later, later)], [Verdict::Silent, Verdict::NotKnown], "the answer may have changed");
        known.learn(&Answer { asked: vec![room(3)], silent: None }, now);
        assert_eq!(known.verdict(room(3), now), Verdict::NotKnown, "no answer says nothing");
        for n in 0..500 {
            known.learn(&Answer { asked: (0..100).map(|m| room(n * 100 + m)).collect(), silent: Some(HashSet::new()) }, now);
        }
        assert!(known.verdicts.len() <= MOST_KNOWN);
    }
}
