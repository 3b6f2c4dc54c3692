-- What was declined (hidden for good) waits for no answer: it counts against nobody's room, and is not looked at for it. It stays as
-- long as its conversation, so there may be any number.
DROP INDEX members_requests_by_user;
CREATE INDEX members_requests_by_user ON members (user_id)
    WHERE state = 'request' AND (hidden_seq IS NULL OR hidden_seq < 9223372036854775807);
