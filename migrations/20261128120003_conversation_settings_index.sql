-- no-transaction
-- Holds only what somebody pinned or archived.
CREATE INDEX CONCURRENTLY members_set_apart ON members (user_id, pinned_at) WHERE pinned_at IS NOT NULL OR archived_seq IS NOT NULL;
