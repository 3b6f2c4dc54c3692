import { type PointerEvent, useRef } from 'react';

const LONG_MS = 450;
/** A finger is never quite still. */
const STILL_PX = 10;

/** Pressing a message for long with a finger opens its reactions. */
export function useLongPress() {
  const timer = useRef(0);
  const from = useRef({ x: 0, y: 0 });
  const stop = () => window.clearTimeout(timer.current);
  return {
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      stop();
      if (event.pointerType !== 'touch' || (event.target as HTMLElement).closest('button, a') !== null) return;
      from.current = { x: event.clientX, y: event.clientY };
      const row = event.currentTarget;
      timer.current = window.setTimeout(() => {
        row.focus({ preventScroll: true });
        row.querySelector<HTMLElement>('[data-react]')?.click();
      }, LONG_MS);
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      if (Math.hypot(event.clientX - from.current.x, event.clientY - from.current.y) > STILL_PX) stop();
    },
    onPointerUp: stop,
    onPointerCancel: stop,
    onPointerLeave: stop,
  };
}
