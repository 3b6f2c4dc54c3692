-- no-transaction
-- What a list of drafts reads, and what is counted: emptied rows stay a while, so that their version goes on.
CREATE INDEX CONCURRENTLY drafts_with_text ON drafts (user_id, version DESC) WHERE text IS NOT NULL;
