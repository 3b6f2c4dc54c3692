-- Keys by the week (UTC) in which the log stored their message: weeks that ran out are dropped, which costs the same however
-- many keys they held. A look-up visits every week that is kept, which is why they are weeks and not days.
ALTER TABLE send_keys RENAME TO send_keys_of_old;
ALTER TABLE send_keys_of_old RENAME CONSTRAINT send_keys_pkey TO send_keys_of_old_pkey;

CREATE TABLE send_keys (
    conversation_id uuid        NOT NULL,
    sender_id       uuid        NOT NULL,
    client_id       text        COLLATE "C" NOT NULL,
    message_id      uuid        NOT NULL,
    seq             bigint      NOT NULL,
    -- By the accepting server's clock, in milliseconds since the epoch: part of the original ack.
    sent_at_ms      bigint      NOT NULL,
    -- When the stream stored it. In the key because partitions demand it: a key that was used twice has two rows, and the
    -- lesser seq is the original.
    at              timestamptz NOT NULL,
    CONSTRAINT send_keys_pkey PRIMARY KEY (conversation_id, sender_id, client_id, at)
) PARTITION BY RANGE (at);

-- Takes what no week covers, so that nothing is ever refused; ensure_send_key_partitions empties it.
CREATE TABLE send_keys_default PARTITION OF send_keys DEFAULT;
CREATE INDEX send_keys_default_by_age ON send_keys_default (at);

-- Creates the partitions of `weeks` weeks from the one that holds `since`, and returns how many it created. Rows that the
-- default partition holds for a new week move there. Safe to call at any time, by many at once.
CREATE FUNCTION ensure_send_key_partitions(since timestamptz, weeks integer) RETURNS integer
    LANGUAGE plpgsql
    SET timezone = 'UTC'
AS $$
DECLARE
    first_at  timestamptz := date_trunc('week', since);
    from_at   timestamptz;
    upto_at   timestamptz;
    partition text;
    created   integer := 0;
BEGIN
    IF weeks NOT BETWEEN 1 AND 60 THEN
        RAISE EXCEPTION 'weeks has to be 1 to 60, not %', weeks;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('send_key_partitions', 0));
    FOR i IN 0 .. weeks - 1 LOOP
        from_at := first_at + make_interval(weeks => i);
        upto_at := first_at + make_interval(weeks => i + 1);
        partition := 'send_keys_' || to_char(from_at, 'YYYY_MM_DD');
        CONTINUE WHEN to_regclass(partition) IS NOT NULL;
        -- Attached rather than created in place: that leaves the parent readable and writable.
        EXECUTE format('CREATE TABLE %I (LIKE send_keys INCLUDING ALL)', partition);
        LOCK TABLE send_keys_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format(
            'WITH moved AS (DELETE FROM send_keys_default WHERE at >= %L AND at < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
            from_at, upto_at, partition);
        EXECUTE format('ALTER TABLE send_keys ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', partition, from_at, upto_at);
        created := created + 1;
    END LOOP;
    RETURN created;
END
$$;

-- Drops the partitions of weeks that ended at or before `before`, the oldest first, and returns how many. One that stays
-- locked by readers for a second is left for the next call: whoever waits for a table's lock makes everybody behind it wait.
CREATE FUNCTION drop_send_key_partitions(before timestamptz) RETURNS integer
    LANGUAGE plpgsql
    SET timezone = 'UTC'
    SET lock_timeout = '1s'
AS $$
DECLARE
    partition text;
    dropped   integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('send_key_partitions', 0));
    FOR partition IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'send_keys'::regclass AND c.relname ~ '^send_keys_\d{4}_\d{2}_\d{2}$'
          AND to_date(right(c.relname, 10), 'YYYY_MM_DD') + 7 <= before
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE %I', partition);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;

SELECT ensure_send_key_partitions(now() - interval '31 days', 9);
INSERT INTO send_keys SELECT * FROM send_keys_of_old;
DROP TABLE send_keys_of_old;

-- What is pruned by age elsewhere. BRIN finds it only as long as rows lie in the order of their age: once deletes have made
-- room for new rows among old ones, every range of pages seems to hold something old, and pruning reads the whole table.
DROP INDEX outbox_by_age;
CREATE INDEX outbox_published_by_age ON outbox (created_at) WHERE published_seq IS NOT NULL;
DROP INDEX refresh_tokens_by_age;
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);
