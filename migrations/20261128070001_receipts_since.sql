-- When a person switched receipts on again, if they ever did. What stood in a conversation by then is told of no more: where their own
-- mark stood would say how far they had read while receipts were off, and whether they had.

ALTER TABLE users ADD COLUMN receipts_since timestamptz;
