-- no-transaction
-- Holds only conversations in which something was amended while they were quiet.
CREATE INDEX CONCURRENTLY memberships_by_amendment ON memberships (user_id, amended_until DESC)
    WHERE left_seq IS NULL AND amended_until IS NOT NULL;
