-- What people have read, as others may know it. Beside `members.read_seq`, which is the reader's own and moves for those who tell
-- nothing, too.

ALTER TABLE users ADD COLUMN read_receipts boolean NOT NULL DEFAULT true;

CREATE TABLE read_receipts (
    conversation_id uuid        NOT NULL CONSTRAINT read_receipts_conversation_id_fkey REFERENCES conversations ON DELETE CASCADE,
    user_id         uuid        NOT NULL CONSTRAINT read_receipts_user_id_fkey REFERENCES users ON DELETE CASCADE,
    -- What stands at or before it says nothing: it was read while receipts were off, or before this stay began. Rises only.
    after_seq       bigint      NOT NULL CONSTRAINT read_receipts_after_seq_check CHECK (after_seq >= 0),
    -- Up to where they have read; rises only.
    read_seq        bigint      NOT NULL CONSTRAINT read_receipts_read_seq_check CHECK (read_seq >= 0),
    read_at         timestamptz NOT NULL,
    CONSTRAINT read_receipts_pkey PRIMARY KEY (conversation_id, user_id)
) WITH (fillfactor = 80);
