-- Read marks of which the user's other devices are told, at most once in some seconds for each conversation: in READ_MARK_MOVED on
-- the user's own subject. The mark itself is members.read_seq. A row is here from the first move until the last was told and the
-- time is over, so there are as many as people who are reading.
CREATE TABLE read_mark_news (
    user_id         uuid        NOT NULL,
    conversation_id uuid        NOT NULL,
    -- The conversation's.
    shard           integer     NOT NULL,
    -- The mark, and up to where it was told; both only rise.
    seq             bigint      NOT NULL,
    told_seq        bigint      NOT NULL,
    -- The next one may be told from then on.
    due_at          timestamptz NOT NULL,
    CONSTRAINT read_mark_news_pkey PRIMARY KEY (user_id, conversation_id)
) WITH (fillfactor = 70);
CREATE INDEX read_mark_news_by_due ON read_mark_news (due_at);
