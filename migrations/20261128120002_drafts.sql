-- What people are writing, for their other devices: the text only here, never in the log, which is only told that it changed. A row
-- without a text was emptied. It goes with the membership.
CREATE TABLE drafts (
    user_id         uuid        NOT NULL,
    conversation_id uuid        NOT NULL,
    -- The conversation's.
    shard           integer     NOT NULL,
    -- Rises with each change; by the clock, so that it also rises over a stay in the conversation.
    version         bigint      NOT NULL,
    -- Up to where the person's devices were told, and from when on they may be told again.
    told_version    bigint      NOT NULL,
    due_at          timestamptz NOT NULL,
    text            text        CONSTRAINT drafts_text_check CHECK (octet_length(text) BETWEEN 1 AND 65536),
    -- The message that it answers; what that says is read when it is shown.
    reply_to        uuid,
    CONSTRAINT drafts_pkey PRIMARY KEY (user_id, conversation_id),
    CONSTRAINT drafts_member_fkey FOREIGN KEY (conversation_id, user_id) REFERENCES members (conversation_id, user_id) ON DELETE CASCADE
) WITH (fillfactor = 70);
-- A membership that goes finds its draft.
CREATE INDEX drafts_by_conversation ON drafts (conversation_id, user_id);
CREATE INDEX drafts_due ON drafts (due_at) WHERE told_version < version;
