/** Far longer than anything here takes, in milliseconds. */
const PATIENCE_MS = 8000;

/** Awaits with a bound. `seen` says what there was instead. */
export async function soon<T>(
  what: string,
  work: () => Promise<T>,
  seen: () => unknown = () => '',
  patienceMs: number = PATIENCE_MS,
): Promise<T> {
  let timeout: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timeout = setTimeout(() => reject(new Error(`waited too long for ${what} ${JSON.stringify(seen())}`)), patienceMs);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timeout);
  }
}

/** Waits until a value that changes is as wanted. */
export async function until<T>(
  what: string,
  value: { get(): T; subscribe(changed: () => void): () => void },
  wanted: (value: T) => boolean,
): Promise<T> {
  return soon(
    what,
    () =>
      new Promise<T>((resolve) => {
        const look = (): boolean => {
          if (!wanted(value.get())) return false;
          resolve(value.get());
          return true;
        };
        if (look()) return;
        const off = value.subscribe(() => {
          if (look()) off();
        });
      }),
    () => value.get(),
  );
}
