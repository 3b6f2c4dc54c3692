/** A ULID in its canonical form: 26 characters of `0-9A-Z`. */
export type Ulid = string;
export type UserId = Ulid;
export type ConversationId = Ulid;
export type MessageId = Ulid;
export type SessionId = Ulid;
/** The sender's key of a message, the same over all retries. */
export type ClientId = string;
/** A place in the order of a chain. Greater is later; there are holes. */
export type Seq = number;

/**
 * One of the names this version knows, or one of a newer server's. Show the latter neutrally and never take it for one that
 * you know.
 */
export type Open<Known extends string> = Known | (string & Record<never, never>);
