import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef } from 'react';
import { useLocation } from 'wouter';
import { textScale } from '@/app/ui/textScale';
import { useLook } from '@/store/look';
import type { ConversationRow, Person } from '@/types';
import { ConversationRowView } from './ConversationRowView';
import { RowMenu } from './RowMenu';
import { isMuted } from './setApart';

export interface ListRowsProps {
  rows: ConversationRow[];
  me: Person;
  selected: string | null;
  /** By which they are muted. */
  nowMs: number;
}

/** The list itself. Rows have one height, and only those on the screen are mounted. */
export function ListRows({ rows, me, selected, nowMs }: ListRowsProps) {
  const [, navigate] = useLocation();
  const compact = useLook((look) => look.density === 'compact');
  const textSize = useLook((look) => look.textSize);
  const place = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the setting is a part of it
  const scale = useMemo(textScale, [textSize]);
  const height = (compact ? 48 : 64) * scale;
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => place.current?.closest<HTMLElement>('.list-body') ?? null,
    getItemKey: (index) => rows[index]?.id ?? index,
    estimateSize: () => height,
    overscan: 8,
    scrollMargin: place.current?.offsetTop ?? 0,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height of rows changed
  useEffect(() => virtualizer.measure(), [height, virtualizer]);
  return (
    // biome-ignore lint/a11y/useSemanticElements: rows are laid out by place
    <div ref={place} role="list" className="list-rows" style={{ height: virtualizer.getTotalSize() }}>
      {virtualizer.getVirtualItems().map((item) => {
        const row = rows[item.index];
        if (!row) return null;
        return (
          // biome-ignore lint/a11y/useSemanticElements: rows are laid out by place
          <div
            key={item.key}
            role="listitem"
            className="list-place"
            data-last-pinned={(row.pinnedMs !== null && rows[item.index + 1]?.pinnedMs === null) || undefined}
            aria-posinset={item.index + 1}
            aria-setsize={rows.length}
            style={{ height, transform: `translateY(${item.start - virtualizer.options.scrollMargin}px)` }}
          >
            <ConversationRowView
              row={row}
              me={me}
              selected={row.id === selected}
              muted={isMuted(row, nowMs)}
              onOpen={() => navigate(`/c/${row.id}`)}
            />
            <RowMenu row={row} className="row-menu" />
          </div>
        );
      })}
    </div>
  );
}
