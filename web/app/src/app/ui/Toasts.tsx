import { useEffect, useRef } from 'react';
import { useUi } from '@/store/ui';
import './toasts.css';

const LIFE_MS = 6_000;

/** Short news at the foot of the page. A pointer or the focus on it stops its clock. */
export function Toasts() {
  const toasts = useUi((ui) => ui.toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {toasts.map((toast) => (
        <Toast key={toast.id} id={toast.id} text={toast.text} action={toast.action} />
      ))}
    </div>
  );
}

function Toast({ id, text, action }: { id: number; text: string; action?: { label: string; act: () => void } }) {
  const dismiss = useUi((ui) => ui.dismissToast);
  const timer = useRef<number>(0);
  const start = () => {
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => dismiss(id), LIFE_MS);
  };
  const stop = () => window.clearTimeout(timer.current);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the clock starts once
  useEffect(() => {
    start();
    return stop;
  }, []);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: only the clock listens
    <div className="toast" onPointerEnter={stop} onPointerLeave={start} onFocus={stop} onBlur={start}>
      <span>{text}</span>
      {action && (
        <button
          type="button"
          onClick={() => {
            action.act();
            dismiss(id);
          }}
        >
          {action.label}
        </button>
      )}
    </div>
  );
}
