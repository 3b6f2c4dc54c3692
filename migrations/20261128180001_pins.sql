-- Pinned messages. A row for each message that was ever pinned, also for what was taken back: for those the place of the event says which
-- of two came later. Nothing of a message is copied.
CREATE TABLE pins (
    conversation_id uuid    NOT NULL,
    -- The message's place.
    seq             bigint  NOT NULL,
    -- The place of the event that said so; the greatest counts.
    said_seq        bigint  NOT NULL,
    said_at_ms      bigint  NOT NULL,
    user_id         uuid    NOT NULL,
    -- Whether it is pinned.
    stays           boolean NOT NULL,
    CONSTRAINT pins_pkey PRIMARY KEY (conversation_id, seq)
);
-- The present ones of a conversation, 50 and a few at most.
CREATE INDEX pins_present ON pins (conversation_id, said_seq) WHERE stays;

-- As `reacted_upto`: a worker of before moves the watermark and knows no pins.
ALTER TABLE watermarks ADD COLUMN pinned_upto bigint NOT NULL DEFAULT 0;
UPDATE watermarks SET pinned_upto = seq;
