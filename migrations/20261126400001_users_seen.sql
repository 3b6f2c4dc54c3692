-- Only who has logged in has durable consumers, and is looked at.
UPDATE users u SET seen_at = now() WHERE seen_at IS NULL AND EXISTS (SELECT FROM sessions s WHERE s.user_id = u.user_id);
CREATE INDEX users_seen ON users (user_id) WHERE seen_at IS NOT NULL;
