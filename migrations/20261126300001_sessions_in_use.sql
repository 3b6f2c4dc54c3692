-- A session whose device is connected counts as used, however many log-ins come in between. Gateways say so every few minutes,
-- and until when it holds without being said again.
ALTER TABLE sessions ADD COLUMN in_use_until timestamptz;
