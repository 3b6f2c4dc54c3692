-- When people had and read what was said: of each person and conversation the last 8 times, for the details of a message. A time tells
-- exactly of what stands behind `sinces` and not behind `seqs`; what stands before the first one happened before it.
ALTER TABLE sessions ADD COLUMN device_kind text;

-- Written by the API (read) and by gateways (delivered), in conversations in which people are named. No foreign keys, as in
-- delivery_marks. The lists are as long as each other, the oldest first; a device of no kind is ''.
CREATE TABLE receipt_steps (
    conversation_id uuid          NOT NULL,
    user_id         uuid          NOT NULL,
    step            text          NOT NULL CONSTRAINT receipt_steps_step_check CHECK (step IN ('delivered', 'read')),
    sinces          bigint[]      NOT NULL,
    seqs            bigint[]      NOT NULL CONSTRAINT receipt_steps_seqs_check CHECK (cardinality(seqs) BETWEEN 1 AND 8),
    ats             timestamptz[] NOT NULL,
    devices         text[]        NOT NULL,
    CONSTRAINT receipt_steps_pkey PRIMARY KEY (conversation_id, user_id, step)
) WITH (fillfactor = 70);
