-- A user's list in the order of activity without a look at all of their conversations, and without a write per member and
-- message. See docs/adr/0013.

-- The newest message, for the list's preview; changes of a conversation may lie behind it.
ALTER TABLE conversation_heads ADD COLUMN message_seq bigint;
ALTER TABLE conversation_heads ADD COLUMN message_at timestamptz;
-- The end of the span of six hours that last_at lies in. Each conversation's spans begin at a moment of its own.
ALTER TABLE conversation_heads ADD COLUMN active_until timestamptz;
UPDATE conversation_heads SET active_until = last_at + interval '6 hours';
UPDATE conversation_heads h SET message_seq = e.seq, message_at = e.at
    FROM (SELECT DISTINCT ON (conversation_id) conversation_id, seq, at FROM conversation_events
          WHERE kind = 'MESSAGE_SENT' ORDER BY conversation_id, seq DESC) AS e
    WHERE e.conversation_id = h.conversation_id;
ALTER TABLE conversation_heads ALTER COLUMN active_until SET NOT NULL;

-- Room for sent_seq to change in place: it moves with every run of the log that holds a message of this member.
ALTER TABLE memberships SET (fillfactor = 85);
-- The member's newest own message. What they wrote behind, they have read.
ALTER TABLE memberships ADD COLUMN sent_seq bigint NOT NULL DEFAULT 0;
-- Never before the conversation's last activity, and at most six hours behind it: written once in a span, however many messages there are.
ALTER TABLE memberships ADD COLUMN active_until timestamptz;
UPDATE memberships m SET active_until = h.active_until FROM conversation_heads h WHERE h.conversation_id = m.conversation_id;
UPDATE memberships SET active_until = now() + interval '6 hours' WHERE active_until IS NULL;
UPDATE memberships m SET sent_seq = e.seq
    FROM (SELECT conversation_id, actor_id, max(seq) AS seq FROM conversation_events
          WHERE kind = 'MESSAGE_SENT' GROUP BY conversation_id, actor_id) AS e
    WHERE m.left_seq IS NULL AND e.conversation_id = m.conversation_id AND e.actor_id = m.user_id AND e.seq >= m.joined_seq;
ALTER TABLE memberships ALTER COLUMN active_until SET NOT NULL;
CREATE INDEX memberships_by_activity ON memberships (user_id, active_until DESC, conversation_id) WHERE left_seq IS NULL;

-- A user's newest memberships as decided: those that the projection may not know yet.
CREATE INDEX members_by_user_and_age ON members (user_id, added_at DESC, conversation_id);
