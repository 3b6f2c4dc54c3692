import type { UserId } from '../api/ids.ts';
import type { Reaction } from '../api/messages.ts';
import type { MessageReacted, MessageSent } from '../wire/events.ts';

/** People who are named beside a count, as the server does it. */
const MOST_NAMED = 8;

/** What a person says with an emoji from now on. */
export interface Said {
  readonly user: UserId;
  readonly isMe: boolean;
  readonly emoji: string;
  readonly on: boolean;
}

/** The reactions after that; the same array where it changes nothing. */
export function afterSaid(reactions: readonly Reaction[], said: Said): readonly Reaction[] {
  const { user, isMe, emoji, on } = said;
  const index = reactions.findIndex((kind) => kind.emoji === emoji);
  const kind = reactions[index];
  if (kind === undefined) return on ? [...reactions, { emoji, count: 1, mine: isMe, by: [user] }] : reactions;
  if (isCounted(kind, said) === on) return reactions;
  const count = kind.count + (on ? 1 : -1);
  if (count <= 0) return reactions.toSpliced(index, 1);
  const others = kind.by.filter((named) => named !== user);
  const by = on && others.length < MOST_NAMED ? [...others, user] : others;
  return reactions.with(index, { emoji, count, mine: isMe ? on : kind.mine, by });
}

/** Of those who are not named that is taken from what they say: whoever reacts was not counted. */
function isCounted({ by, count, mine }: Reaction, { user, isMe, on }: Said): boolean {
  if (by.includes(user)) return true;
  if (isMe) return mine;
  return by.length < count && !on;
}

/** The message after a reaction; the same object where it is counted already, or the content is gone. */
export function reacted(message: MessageSent, event: MessageReacted): MessageSent {
  const { message_id, actor_id, emoji, on, seq, mine } = event;
  if (message.message_id !== message_id || message.body.type === 'erased' || (message.reacted_seq ?? 0) >= seq) return message;
  const said = { user: actor_id, isMe: mine === true, emoji, on };
  return { ...message, reactions: afterSaid(message.reactions ?? [], said), reacted_seq: seq };
}
