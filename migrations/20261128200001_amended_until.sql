-- Editing or erasing a message changes what a list shows and moves no conversation up. So that it is found by those who ask what changed
-- since, it leaves a moment like `active_until`, where that does not lie behind it already: never before the amendment, and at most
-- six hours behind it. Written once in a span, however much is amended.
ALTER TABLE conversation_heads ADD COLUMN amended_until timestamptz;
ALTER TABLE memberships ADD COLUMN amended_until timestamptz;
