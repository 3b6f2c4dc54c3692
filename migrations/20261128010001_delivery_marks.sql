-- Up to where a person's devices have everything of a shard. It never leaves the server as it is: from it follows, for each sender,
-- which of their own messages have arrived. Written by gateways, the greatest wins. The user is no foreign key: gateways may not read
-- users.
CREATE TABLE delivery_marks (
    user_id uuid        NOT NULL,
    shard   integer     NOT NULL CONSTRAINT delivery_marks_shard_check CHECK (shard BETWEEN 0 AND 65535),
    seq     bigint      NOT NULL CONSTRAINT delivery_marks_seq_check CHECK (seq >= 0),
    at      timestamptz NOT NULL,
    CONSTRAINT delivery_marks_pkey PRIMARY KEY (user_id, shard)
) WITH (fillfactor = 70);
