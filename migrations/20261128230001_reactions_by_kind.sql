-- Who reacted with an emoji first, without a look at all who did: counts of a popular message go on instead of being made anew.
CREATE INDEX reactions_by_kind ON reactions (conversation_id, seq, emoji, said_seq) WHERE stays;
