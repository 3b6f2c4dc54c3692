-- When a person switched receipts on again, if they ever did. The first mark in a conversation behind it tells nothing: where it began
-- would say how far they had read while receipts were off, and whether they had.

ALTER TABLE users ADD COLUMN receipts_since timestamptz;
