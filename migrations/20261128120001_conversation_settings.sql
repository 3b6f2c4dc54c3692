-- What a person set for a conversation, for all their devices: until when it is muted, when they pinned it, where its newest message
-- stood when they archived it, and of what they are notified ('all' is no value). `settings_version` rises with each change.
ALTER TABLE members
    ADD COLUMN muted_until timestamptz,
    ADD COLUMN pinned_at timestamptz,
    ADD COLUMN archived_seq bigint,
    ADD COLUMN notify_level text,
    ADD COLUMN settings_version integer NOT NULL DEFAULT 0;
