-- Messages to be sent later. Decided, so it is not part of the projection, and comes back from backups only. At most 100 of one
-- person. A row is there until its message is in the log, or its author cancels it. See docs/adr/0030.
CREATE TABLE scheduled_messages (
    user_id         uuid        NOT NULL,
    conversation_id uuid        NOT NULL,
    -- The key that the message is sent with, however often that is tried.
    client_id       text        NOT NULL,
    body            jsonb       NOT NULL,
    reply_to        uuid,
    send_at         timestamptz NOT NULL,
    -- The zone that its author chose the time in, for people to read.
    time_zone       text        NOT NULL,
    state           text        NOT NULL CHECK (state IN ('waiting', 'sending', 'refused', 'overdue')),
    -- Why it was refused.
    refusal         text,
    -- When it is taken up next; nothing while its author is asked.
    due_at          timestamptz,
    CONSTRAINT scheduled_messages_pkey PRIMARY KEY (user_id, conversation_id, client_id)
);

CREATE INDEX scheduled_messages_due ON scheduled_messages (due_at, user_id) WHERE due_at IS NOT NULL;
