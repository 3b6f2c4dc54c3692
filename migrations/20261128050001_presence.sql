-- Whom people tell whether they are there, and how they want to be seen; and when they were there last. Written by gateways, the
-- latest wins; the user of `last_seen` is no foreign key, as in delivery_marks. Names of a newer version's are kept.
ALTER TABLE users ADD COLUMN presence_to text NOT NULL DEFAULT 'contacts';
ALTER TABLE users ADD COLUMN availability text NOT NULL DEFAULT 'available';

CREATE TABLE last_seen (
    user_id uuid        NOT NULL CONSTRAINT last_seen_pkey PRIMARY KEY,
    at      timestamptz NOT NULL
) WITH (fillfactor = 70);
