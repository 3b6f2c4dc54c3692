import { dayKey } from '@/app/i18n/dates';
import type { ChangeItem, MessageItem, TimelineItem } from '@/types';

/** Messages of one sender further apart than this begin a new group. */
export const GROUP_GAP_MS = 5 * 60_000;

interface Head {
  key: string;
  /** Set on the first row of a day. */
  day: number | null;
  /** Whether the divider of what is new stands above this row. */
  startsNew: boolean;
}

export interface MessageRow extends Head {
  kind: 'message';
  item: MessageItem;
  mine: boolean;
  first: boolean;
  last: boolean;
}

export interface ChangeRow extends Head {
  kind: 'change';
  item: ChangeItem;
}

export type Row = MessageRow | ChangeRow;

/** Whether two neighbours of the same day are one group. */
function joins(a: TimelineItem | undefined, b: TimelineItem | undefined): boolean {
  return a?.kind === 'message' && b?.kind === 'message' && a.senderId === b.senderId && Math.abs(b.atMs - a.atMs) <= GROUP_GAP_MS;
}

function same(a: Row, b: Row): boolean {
  if (a.item !== b.item || a.day !== b.day || a.startsNew !== b.startsNew) return false;
  return a.kind === 'message' && b.kind === 'message' ? a.first === b.first && a.last === b.last && a.mine === b.mine : true;
}

/**
 * Rows of a timeline: who begins a group, who ends it, where a day begins, where the divider stands.
 * Rows of `previous` that say the same are handed back, so that React draws only what changed.
 */
export function buildRows(
  items: readonly TimelineItem[],
  me: string,
  newAfterSeq: number | null,
  previous: ReadonlyMap<string, Row> = new Map(),
): Row[] {
  const rows: Row[] = [];
  let divided = newAfterSeq === null;
  // Each day is worked out once: a window has thousands of rows, and each page makes them anew.
  const days = items.map((item) => dayKey(item.atMs));
  for (let i = 0; i < items.length; i += 1) {
    const item = items[i] as TimelineItem;
    const before = items[i - 1];
    const newDay = days[i - 1] !== days[i];
    const isNew = !divided && newAfterSeq !== null && item.kind === 'message' && item.senderId !== me && (item.seq ?? 0) > newAfterSeq;
    if (isNew) divided = true;
    const head: Head = { key: item.key, day: newDay ? item.atMs : null, startsNew: isNew };
    const last = rows[rows.length - 1];
    const row: Row =
      item.kind === 'change'
        ? { ...head, kind: 'change', item }
        : {
            ...head,
            kind: 'message',
            item,
            mine: item.senderId === me,
            first: isNew || newDay || !joins(before, item),
            last: days[i + 1] !== days[i] || !joins(item, items[i + 1]),
          };
    // A divider between two messages ends the group above it.
    if (isNew && last?.kind === 'message' && !last.last) {
      rows[rows.length - 1] = keep({ ...last, last: true }, previous);
    }
    rows.push(keep(row, previous));
  }
  return rows;
}

function keep(row: Row, previous: ReadonlyMap<string, Row>): Row {
  const old = previous.get(row.key);
  return old && same(old, row) ? old : row;
}
