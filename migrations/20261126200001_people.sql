-- Groups that may be large, and people who are asked first.

-- Kinds and roles that come later are named now, so that no check has to be rewritten when they do.
ALTER TABLE conversations
    DROP CONSTRAINT conversations_kind_check,
    DROP CONSTRAINT conversations_shape_check,
    ADD CONSTRAINT conversations_kind_check CHECK (kind IN ('direct', 'group', 'channel')),
    ADD CONSTRAINT conversations_shape_check CHECK ((kind = 'direct') = (direct_key IS NOT NULL) AND (kind <> 'direct') = (title IS NOT NULL)),
    -- As many rows as `members` has: counting 10,000 rows under the conversation's lock takes longer than the change itself.
    ADD COLUMN member_count integer NOT NULL DEFAULT 0 CONSTRAINT conversations_member_count_check CHECK (member_count >= 0),
    -- The creator's own key: the same key again finds the same conversation.
    ADD COLUMN client_key text COLLATE "C";
UPDATE conversations AS c SET member_count = (SELECT count(*) FROM members m WHERE m.conversation_id = c.conversation_id);
CREATE UNIQUE INDEX conversations_client_key ON conversations (created_by, client_key) WHERE client_key IS NOT NULL;

ALTER TABLE members
    DROP CONSTRAINT members_role_check,
    ADD CONSTRAINT members_role_check CHECK (role IN ('member', 'admin', 'owner', 'moderator', 'restricted')),
    -- 'request': somebody began a direct conversation with them, and they have not answered yet.
    ADD COLUMN state text NOT NULL DEFAULT 'accepted' CONSTRAINT members_state_check CHECK (state IN ('accepted', 'request')),
    -- Not listed until an event comes after this one.
    ADD COLUMN hidden_seq bigint;
-- Whose answer is awaited: few of all rows, and each message asks.
CREATE INDEX members_requests ON members (conversation_id, user_id) WHERE state = 'request';
CREATE INDEX members_requests_by_user ON members (user_id) WHERE state = 'request';

-- Who is asked to join a group, and has not answered.
CREATE TABLE invitations (
    user_id         uuid        NOT NULL CONSTRAINT invitations_user_id_fkey REFERENCES users ON DELETE CASCADE,
    conversation_id uuid        NOT NULL CONSTRAINT invitations_conversation_id_fkey REFERENCES conversations ON DELETE CASCADE,
    invited_by      uuid        NOT NULL,
    invited_at      timestamptz NOT NULL,
    CONSTRAINT invitations_pkey PRIMARY KEY (user_id, conversation_id)
);
CREATE INDEX invitations_by_conversation ON invitations (conversation_id, user_id);

-- First log-in: before it nobody needs a durable consumer.
ALTER TABLE users ADD COLUMN seen_at timestamptz;
UPDATE users SET seen_at = now();
