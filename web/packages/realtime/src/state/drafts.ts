import type { Drafts } from '../api/client.ts';
import type { ConversationId } from '../api/ids.ts';
import { maxTextBytes } from '../generated/values.ts';
import type { LastWords } from '../store/store.ts';
import { exceeds } from '../util/bytes.ts';
import { Timer } from '../util/timer.ts';
import type { Value } from '../util/value.ts';
import { noteUntold } from './draft-sync.ts';
import type { Home } from './home.ts';

/** Milliseconds after the last key until a draft is stored and told to other tabs. */
const STORE_AFTER_MS = 400;
/** Bytes of a draft. More than a message has: what is too long to be sent can be shortened later. */
const MOST_BYTES = 4 * maxTextBytes;
/** Characters of all drafts. */
const MOST_CHARACTERS = 4 * 1024 * 1024;

type Stored = (drafts: readonly (readonly [ConversationId, string])[]) => void;

/** Texts that are being written. Outlives sessions; without a home nothing is kept. */
export class DraftDesk implements Drafts {
  readonly #value: Value<ReadonlyMap<ConversationId, string>>;
  readonly #timer = new Timer();
  readonly #dirty: Map<ConversationId, string>;
  /** What is on its way into the store. */
  readonly #storing = new Map<ConversationId, string>();
  #home: Home | null = null;
  #onStored: Stored | null = null;

  constructor(value: Value<ReadonlyMap<ConversationId, string>>, unsaved: Map<ConversationId, string>) {
    this.#value = value;
    this.#dirty = unsaved;
  }

  get(): ReadonlyMap<ConversationId, string> {
    return this.#value.get();
  }

  subscribe(changed: () => void): () => void {
    return this.#value.subscribe(changed);
  }

  set(id: ConversationId, text: string): boolean {
    if (this.#home === null) return false;
    if ((this.#value.get().get(id) ?? '') === text) return true;
    const all = new Map(this.#value.get());
    if (!fits(all, id, text)) return false;
    if (text === '') all.delete(id);
    else all.set(id, text);
    this.#value.set(all);
    this.#dirty.set(id, text);
    // An emptied draft was sent: it must not come back, whatever happens next.
    this.#timer.start(text === '' ? 0 : STORE_AFTER_MS, () => void this.flush());
    return true;
  }

  /** Whose drafts these are from now on, and who is told what was stored. */
  use(home: Home | null, onStored: Stored | null = null): void {
    this.#onStored = onStored;
    this.#timer.stop();
    this.#dirty.clear();
    this.#storing.clear();
    this.#home = home;
  }

  /** What the store does not have yet. */
  unstored(): LastWords['writes'] {
    return [...new Map([...this.#storing, ...this.#dirty])].map(([id, text]) =>
      text === '' ? { table: 'drafts', key: id } : { table: 'drafts', key: id, value: [id, text] },
    );
  }

  /** Stores what is not stored yet. */
  async flush(): Promise<void> {
    this.#timer.stop();
    const drafts = [...this.#dirty];
    this.#dirty.clear();
    const home = this.#home;
    if (home === null || drafts.length === 0) return;
    for (const [id, text] of drafts) this.#storing.set(id, text);
    try {
      const onStored = this.#onStored;
      await home.transaction(['meta', 'drafts'], { write: true }, async (tx) => {
        for (const [id, text] of drafts) {
          if (text === '') tx.delete('drafts', id);
          else tx.put('drafts', id, [id, text]);
        }
        await noteUntold(
          tx,
          drafts.map(([id]) => id),
        );
      });
      home.publish({ drafts });
      onStored?.(drafts);
    } catch {
      // It is on the screen; the store's failure is told elsewhere.
    } finally {
      for (const [id, text] of drafts) if (this.#storing.get(id) === text) this.#storing.delete(id);
    }
  }
}

/** Whether a text may take the place of another. */
function fits(drafts: ReadonlyMap<ConversationId, string>, id: ConversationId, text: string): boolean {
  if (exceeds(text, MOST_BYTES)) return false;
  const more = text.length - (drafts.get(id)?.length ?? 0);
  if (more <= 0) return true;
  let characters = more;
  for (const other of drafts.values()) characters += other.length;
  return characters <= MOST_CHARACTERS;
}
