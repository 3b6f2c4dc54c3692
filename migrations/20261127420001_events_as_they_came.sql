-- What a message's event says beside what has a column here: fields of a newer version's, as a JSON object; null for nothing, which
-- is nearly always so. With it the event can be told again as it was published. See docs/adr/0018.
ALTER TABLE conversation_events ADD COLUMN further jsonb;
ALTER TABLE messages ADD COLUMN further jsonb;
