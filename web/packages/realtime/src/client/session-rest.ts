import type { ConversationId } from '../api/ids.ts';
import { RestClient } from '../rest/client.ts';
import type { AccessTokens } from '../rest/fetch.ts';
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
}

/** REST whose changes show at once. */
export class SessionRest extends RestClient {
  readonly #effects: RestEffects;

  constructor(base: string, tokens: AccessTokens, fetch: typeof globalThis.fetch, effects: RestEffects) {
    super(base, tokens, fetch);
    this.#effects = effects;
  }

  override async changeProfile(displayName: string): Promise<UserProfile> {
    const profile = await super.changeProfile(displayName);
    await this.#effects.profile(profile);
    return profile;
  }

  override async accept(id: ConversationId): Promise<void> {
    await super.accept(id);
    await Promise.all([this.#effects.touched(id), this.#effects.invitations()]);
  }

  override async decline(id: ConversationId): Promise<void> {
    await super.decline(id);
    await Promise.all([this.#effects.gone(id), this.#effects.invitations()]);
  }

  override async hide(id: ConversationId): Promise<void> {
    await super.hide(id);
    await this.#effects.gone(id);
  }

  override async unhide(id: ConversationId): Promise<void> {
    await super.unhide(id);
    await this.#effects.touched(id);
  }

  override async openDirect(userId: string): Promise<Conversation> {
    const conversation = await super.openDirect(userId);
    await this.#effects.touched(conversation.conversation_id);
    return conversation;
  }

  override async createGroup(title: string, memberIds: readonly string[], key?: string): Promise<Conversation> {
    const conversation = await super.createGroup(title, memberIds, key);
    await this.#effects.touched(conversation.conversation_id);
    return conversation;
  }
}
