import { type KeyboardEvent, type PointerEvent, useRef } from 'react';
import { useText } from '@/app/i18n/i18n';
import { useLook } from '@/store/look';

const MIN = 280;
const MAX = 420;
const STEP = 16;
const clamp = (width: number) => Math.round(Math.min(MAX, Math.max(MIN, width)));

/** The edge between list and conversation: dragged or moved with the arrows, remembered. */
export function ListResizer() {
  const t = useText();
  const { listWidth, change } = useLook();
  const drag = useRef<{ x: number; width: number } | null>(null);
  const sign = () => (document.documentElement.dir === 'rtl' ? -1 : 1);
  const onPointerDown = (event: PointerEvent<HTMLElement>) => {
    event.currentTarget.setPointerCapture(event.pointerId);
    drag.current = { x: event.clientX, width: listWidth };
  };
  const onPointerMove = (event: PointerEvent) => {
    if (drag.current) change({ listWidth: clamp(drag.current.width + (event.clientX - drag.current.x) * sign()) });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
    if (step) change({ listWidth: clamp(listWidth + step * sign()) });
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a rule cannot be moved
    <div
      className="list-resizer"
      role="separator"
      aria-orientation="vertical"
      aria-label={t('list.resize')}
      aria-valuemin={MIN}
      aria-valuemax={MAX}
      aria-valuenow={listWidth}
      tabIndex={0}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={() => {
        drag.current = null;
      }}
      onKeyDown={onKeyDown}
      onDoubleClick={() => change({ listWidth: 328 })}
    />
  );
}
