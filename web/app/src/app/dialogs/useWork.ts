import { useState } from 'react';
import { errorText } from '@/chat/refusals';

/** Runs what a dialog does: one at a time, with the refusal in words. */
export function useWork() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const run = async (work: () => Promise<void>) => {
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      await work();
    } catch (thrown) {
      setError(errorText(thrown));
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, run };
}
