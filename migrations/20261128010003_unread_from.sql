-- A person marked a conversation as unread from there on, when its last event was at `unread_at`. Theirs alone: their read mark stays
-- where it was, and nobody else is told. What they write later ends it.
ALTER TABLE members ADD COLUMN unread_from bigint;
ALTER TABLE members ADD COLUMN unread_at bigint;
