-- Searching by words: a projection of its own, filled from `messages` by the worker's job `index`, behind it. What is shown is always
-- read from `messages`. See docs/adr/0026.

CREATE TABLE search_messages (
    conversation_id uuid        NOT NULL,
    -- When the stream stored the message.
    created_at      timestamptz NOT NULL,
    seq             bigint      NOT NULL,
    -- What it is found by, without places.
    words           tsvector    NOT NULL,
    CONSTRAINT search_messages_pkey PRIMARY KEY (conversation_id, created_at, seq)
) PARTITION BY RANGE (created_at);

-- Both columns in one index: of those who are in many conversations, what is common to both is found without reading a row. Without
-- `fastupdate`: what waits in its list would be read by everyone who searches.
CREATE INDEX search_messages_by_words ON search_messages USING gin ((ARRAY[conversation_id]), words) WITH (fastupdate = off);

-- Takes what no month covers, so that nothing is ever refused; ensure_search_partition empties it.
CREATE TABLE search_messages_default PARTITION OF search_messages DEFAULT;

-- Up to where each shard's messages are in the index.
CREATE TABLE search_watermarks (
    shard      integer     NOT NULL CONSTRAINT search_watermarks_pkey PRIMARY KEY,
    seq        bigint      NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 10);

-- Messages behind the watermark that have to be looked at again: an audit put them in, or changed them.
CREATE TABLE search_again (
    conversation_id uuid   NOT NULL,
    seq             bigint NOT NULL,
    CONSTRAINT search_again_pkey PRIMARY KEY (conversation_id, seq)
);

-- Creates the partition of the month (UTC) that holds `at`, if it is missing, and says whether it did. Rows that the default
-- partition holds for it move there. Safe to call at any time, by many at once.
CREATE FUNCTION ensure_search_partition(at timestamptz) RETURNS boolean
    LANGUAGE plpgsql
    SET timezone = 'UTC'
AS $$
DECLARE
    from_at   timestamptz := date_trunc('month', at);
    upto_at   timestamptz := from_at + interval '1 month';
    partition text := 'search_messages_' || to_char(from_at, 'YYYY_MM');
BEGIN
    IF at NOT BETWEEN '2020-01-01' AND '2100-01-01' OR to_regclass(partition) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('ensure_search_partition', 0));
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN false;
    END IF;
    -- Attached rather than created in place: that leaves the parent readable and writable.
    EXECUTE format('CREATE TABLE %I (LIKE search_messages INCLUDING ALL)', partition);
    -- How common words are decides how they are looked up: ten thousand of them are counted instead of one thousand.
    EXECUTE format('ALTER TABLE %I ALTER COLUMN words SET STATISTICS 1000', partition);
    LOCK TABLE search_messages_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format(
        'WITH moved AS (DELETE FROM search_messages_default WHERE created_at >= %L AND created_at < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
        from_at, upto_at, partition);
    EXECUTE format('ALTER TABLE search_messages ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', partition, from_at, upto_at);
    RETURN true;
END
$$;

SELECT ensure_search_partition(now()), ensure_search_partition(now() + interval '1 month');

-- The months that there are, the newest first, with the bytes of their rows.
CREATE FUNCTION search_months() RETURNS TABLE (from_at timestamptz, bytes bigint)
    LANGUAGE sql
    STABLE
    SET timezone = 'UTC'
AS $$
    SELECT to_date(right(c.relname, 7), 'YYYY_MM')::timestamptz, pg_relation_size(c.oid)
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'search_messages'::regclass AND c.relname ~ '^search_messages_\d{4}_\d{2}$'
    ORDER BY 1 DESC
$$;

-- How common words are, as a share of the messages, by what Postgres last counted in the largest of the newest six months; the empty
-- word stands for all that were too rare to be counted. Nothing before it counted for the first time.
CREATE FUNCTION search_frequencies() RETURNS TABLE (word text, frequency real)
    LANGUAGE sql
    STABLE
AS $$
    WITH counted AS MATERIALIZED (
        SELECT s.most_common_elems::text::text[] AS words, s.most_common_elem_freqs AS frequencies
        FROM (SELECT * FROM search_months() LIMIT 6) AS month
        JOIN pg_stats s ON s.schemaname = 'public' AND s.attname = 'words'
             AND s.tablename = 'search_messages_' || to_char(month.from_at AT TIME ZONE 'UTC', 'YYYY_MM')
        WHERE s.most_common_elems IS NOT NULL
        ORDER BY month.bytes DESC LIMIT 1)
    SELECT w.word, frequencies[w.place] FROM counted, unnest(words) WITH ORDINALITY AS w (word, place)
    UNION ALL
    -- The least and the greatest stand behind the others.
    SELECT '', frequencies[cardinality(words) + 1] FROM counted
$$;
