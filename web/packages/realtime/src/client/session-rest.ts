import type { ClientId, ConversationId } from '../api/ids.ts';
import type { Settings } from '../api/receipts.ts';
import type { Schedule, ScheduledMessage } from '../api/scheduled.ts';
import { RestClient } from '../rest/client.ts';
import type { TokenSource } from '../rest/fetch.ts';
import type { Conversation, UserProfile } from '../rest/types.ts';

/** What calls change that no event tells this device. */
export interface RestEffects {
  /** The conversation is to be read again; resolves when it was, or could not be now. */
  touched(id: ConversationId): Promise<void>;
  /** It is off the list. */
  gone(id: ConversationId): Promise<void>;
  /** Invitations are to be read again. */
  invitations(): Promise<void>;
  /** How others see the person. */
  profile(profile: UserProfile): Promise<void>;
  /** Resolves when the server knows what was read so far. */
  marksTold(): Promise<void>;
  /** What the person has set. */
  settings(settings: Settings): void;
  /** Messages to be sent later are to be read again. */
  scheduled(): Promise<void>;
}

/** REST whose changes show at once. */
export class SessionRest extends RestClient {
  readonly #effectsNow: () => RestEffects;

  /** `effectsNow`: what they are for the session that a call begins in. Its answer may come in another one. */
  constructor(base: string, tokens: TokenSource, fetch: typeof globalThis.fetch, effectsNow: () => RestEffects) {
    super(base, tokens, fetch);
    this.#effectsNow = effectsNow;
  }

  override async changeProfile(displayName: string): Promise<UserProfile> {
    const effects = this.#effectsNow();
    const profile = await super.changeProfile(displayName);
    await effects.profile(profile);
    return profile;
  }

  override async changeSettings(change: Partial<Settings>): Promise<Settings> {
    const effects = this.#effectsNow();
    // What was read while receipts were off must not come to the server when they are on.
    if (change.readReceipts === true) await effects.marksTold();
    const settings = await super.changeSettings(change);
    effects.settings(settings);
    return settings;
  }

  override async schedule(id: ConversationId, clientId: ClientId, schedule: Schedule): Promise<ScheduledMessage> {
    const effects = this.#effectsNow();
    const scheduled = await super.schedule(id, clientId, schedule);
    await effects.scheduled();
    return scheduled;
  }

  override async cancelScheduled(id: ConversationId, clientId: ClientId): Promise<void> {
    const effects = this.#effectsNow();
    await super.cancelScheduled(id, clientId);
    await effects.scheduled();
  }

  override async accept(id: ConversationId): Promise<void> {
    const effects = this.#effectsNow();
    await super.accept(id);
    await Promise.all([effects.touched(id), effects.invitations()]);
  }

  override async decline(id: ConversationId): Promise<void> {
    const effects = this.#effectsNow();
    await super.decline(id);
    await Promise.all([effects.gone(id), effects.invitations()]);
  }

  override async hide(id: ConversationId): Promise<void> {
    const effects = this.#effectsNow();
    await super.hide(id);
    await effects.gone(id);
  }

  override async unhide(id: ConversationId): Promise<void> {
    const effects = this.#effectsNow();
    await super.unhide(id);
    await effects.touched(id);
  }

  override async openDirect(userId: string): Promise<Conversation> {
    const effects = this.#effectsNow();
    const conversation = await super.openDirect(userId);
    await effects.touched(conversation.conversation_id);
    return conversation;
  }

  override async createGroup(title: string, memberIds: readonly string[], key?: string): Promise<Conversation> {
    const effects = this.#effectsNow();
    const conversation = await super.createGroup(title, memberIds, key);
    await effects.touched(conversation.conversation_id);
    return conversation;
  }
}
