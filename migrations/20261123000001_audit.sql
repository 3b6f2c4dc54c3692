-- The audit reads runs of the log across conversations. Rows arrive in nearly this order, which is what BRIN is for: some
-- kilobytes for millions of events.
CREATE INDEX conversation_events_by_seq ON conversation_events USING brin (seq) WITH (autosummarize = on);
