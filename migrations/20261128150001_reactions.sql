-- Reactions. A row for each person, message and emoji, also for what was taken back: for those the place of the event says which of two
-- came later. `messages.reactions` has what a history shows of them:
-- `{"upto": …, "kinds": [{"emoji": …, "count": …, "by": [the first eight]}]}`, in the order in which each emoji first came; `{}` for none.
CREATE TABLE reactions (
    conversation_id uuid    NOT NULL,
    -- The message's place.
    seq             bigint  NOT NULL,
    user_id         uuid    NOT NULL,
    emoji           text    NOT NULL,
    -- The place of the event that said so; the greatest counts.
    said_seq        bigint  NOT NULL,
    said_at_ms      bigint  NOT NULL,
    -- Whether they react so.
    stays           boolean NOT NULL,
    CONSTRAINT reactions_pkey PRIMARY KEY (conversation_id, seq, user_id, emoji)
) PARTITION BY HASH (conversation_id);

DO $$
BEGIN
    FOR i IN 0 .. 63 LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF reactions FOR VALUES WITH (MODULUS 64, REMAINDER %s)',
                       'reactions_' || to_char(i, 'FM00'), i);
    END LOOP;
END
$$;

-- As `amended_upto`: a worker of before moves the watermark and knows no reactions.
ALTER TABLE watermarks ADD COLUMN reacted_upto bigint NOT NULL DEFAULT 0;
UPDATE watermarks SET reacted_upto = seq;
