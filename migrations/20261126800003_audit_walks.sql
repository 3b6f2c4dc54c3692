-- How far the auditor came, so that whoever starts goes on there instead of beginning again.
CREATE TABLE audit_walks (
    shard    integer     NOT NULL,
    walk     text        NOT NULL,
    -- The life of the stream that place belongs to.
    epoch    text        NOT NULL,
    -- Where it goes on, in the walk's own words; null between two rounds.
    place    text,
    -- When a round last came to an end.
    ended_at timestamptz,
    CONSTRAINT audit_walks_pkey PRIMARY KEY (shard, walk)
) WITH (fillfactor = 10);

-- Several shards lie side by side in the table, each with places of its own: the least and the greatest of a run of pages
-- would span them all, and a look for a run of one shard would read everything. Several intervals per run keep them apart.
DROP INDEX conversation_events_by_seq;
CREATE INDEX conversation_events_by_seq ON conversation_events USING brin (seq int8_minmax_multi_ops) WITH (autosummarize = on);
