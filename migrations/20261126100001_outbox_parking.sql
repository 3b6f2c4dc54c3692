-- What became of an outbox row that did not reach the log at once. All of it stands on the first waiting row of a subject; those
-- behind it wait for it, because an order with a hole is no order.
ALTER TABLE outbox
    -- How often in vain since it was written or redriven.
    ADD COLUMN attempts  integer NOT NULL DEFAULT 0,
    -- Left alone by the relay until then.
    ADD COLUMN retry_at  timestamptz,
    -- The log refused it: nothing tries again before an operator redrives it.
    ADD COLUMN parked_at timestamptz,
    -- The log's last words.
    ADD COLUMN failure   text;
