import type { KeyboardEvent } from 'react';

/** What can be done with a message, by keyboard too. */
const ACTIONS = '.message-failed button, .change-line button, .message-tools button, .reactions button:not(:disabled), .thread-line';

/** Gives the first of a message's actions the focus. Whether there is one. */
export function enterActions(row: HTMLElement): boolean {
  const first = row.querySelector<HTMLElement>(ACTIONS);
  if (first === null) return false;
  // Shown for as long as the focus is in the message: what stands on the focus of the message itself is gone when that moves.
  row.dataset.acting = '';
  const onLeave = ({ relatedTarget }: FocusEvent) => {
    if (relatedTarget instanceof Node && row.contains(relatedTarget)) return;
    delete row.dataset.acting;
    row.removeEventListener('focusout', onLeave);
  };
  row.addEventListener('focusout', onLeave);
  first.focus();
  return true;
}

/** While one of a message's actions has the focus: the arrows move between them, Esc goes back to the message. Whether that was it. */
export function moveAmongActions(event: KeyboardEvent<HTMLElement>): boolean {
  const focused = event.target as HTMLElement;
  const row = focused.closest<HTMLElement>('.message-row');
  if (!row || focused === row || event.altKey || event.ctrlKey || event.metaKey) return false;
  const actions = [...row.querySelectorAll<HTMLElement>(ACTIONS)];
  const at = actions.indexOf(focused);
  if (at < 0) return false;
  const forward = document.documentElement.dir === 'rtl' ? -1 : 1;
  const step = { ArrowRight: forward, ArrowLeft: -forward }[event.key];
  if (step === undefined && event.key !== 'Escape') return false;
  event.preventDefault();
  if (step === undefined) row.focus({ preventScroll: true });
  else actions[(at + step + actions.length) % actions.length]?.focus();
  return true;
}
