import { useCallback, useMemo } from 'react';
import { useMessenger, useStore } from '@/realtime/hooks';
import type { ConversationRow, MessageItem, Receipts } from '@/types';
import { useMembers } from '../groups/useMembers';

/** How many of the others have read a message, of how many; 0 of 0 where that is not told. And whether devices of all of them have it. */
export interface ReadCount {
  by: number;
  of: number;
  delivered: boolean;
}

const UNTOLD: ReadCount = { by: 0, of: 0, delivered: false };

/** Counts who has read a message of one's own, among those who are in the conversation now. */
export function useReaders(conversation: ConversationRow, me: string): (item: MessageItem) => ReadCount {
  const messenger = useMessenger();
  const { id, peer } = conversation;
  const receipts = useStore(useMemo(() => messenger.receipts(id), [messenger, id]));
  const { members, complete } = useMembers(conversation.kind === 'direct' ? null : id);
  const others = useMemo(() => {
    if (peer) return [peer.id];
    return complete ? members.map((member) => member.id).filter((member) => member !== me) : [];
  }, [peer, members, complete, me]);
  return useCallback((item: MessageItem) => readCount(item, receipts, others), [receipts, others]);
}

export function readCount(
  { seq, state }: Pick<MessageItem, 'seq' | 'state'>,
  { named, read, delivered }: Receipts,
  others: readonly string[],
): ReadCount {
  if (seq === null || state !== 'sent' || named === false || (read.size === 0 && delivered.size === 0)) return UNTOLD;
  // Who came later, or does not tell, is left out.
  const asked = others.filter((id) => (read.get(id)?.afterSeq ?? 0) < seq);
  const has = (id: string) => (delivered.get(id) ?? 0) >= seq || isRead(id);
  const isRead = (id: string) => (read.get(id)?.afterSeq ?? 0) < seq && (read.get(id)?.readSeq ?? 0) >= seq;
  const devices = asked.length > 0 ? asked : others;
  const counted = read.size > 0;
  return {
    by: asked.filter(isRead).length,
    of: counted ? asked.length : 0,
    delivered: devices.length > 0 && devices.every(has),
  };
}
