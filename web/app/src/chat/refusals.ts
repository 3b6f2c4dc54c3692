import { type TextKey, t } from '@/app/i18n/i18n';
import { Refusal } from '@/realtime/messenger';

const KNOWN = new Set([
  'not_member',
  'message_too_long',
  'empty_message',
  'unsupported_body',
  'quota_exceeded',
  'rate_limited',
  'unavailable',
  'log_full',
  'forbidden',
  'unknown_user',
  'handle_taken',
  'handle_reserved',
  'bad_credentials',
  'password_too_guessable',
  'invalid_field',
  'group_full',
  'too_many_invitations',
  'too_many_conversations',
  'owner_must_hand_over',
  'outcome_unknown',
  'unknown_message',
  'not_a_thread_root',
  'message_gone',
  'not_sender',
  'not_editable',
  'edit_too_late',
  'too_many_edits',
  'too_many_hidden',
  'too_many_pinned',
  'too_many_archived',
  'too_many_scheduled',
  'unknown_scheduled',
  'already_sent',
  'too_many_reactions',
  'too_many_pins',
  'conversation_too_large',
  'bad_emoji',
  'delete_too_late',
  'network',
  'outbox_full',
  'session_revoked',
  'refresh_reused',
]);

/** A refusal's code in the words of the screen. Unknown codes get a general sentence. */
export function refusalText(code: string | null): string {
  return KNOWN.has(code ?? '') ? t(`refusal.${code}` as TextKey) : t('refusal.other');
}

/** What to show for anything thrown. */
export function errorText(error: unknown): string {
  if (error instanceof Refusal) {
    if (error.code === 'rate_limited' && error.retryAfterMs) {
      return t('refusal.rate_limited_for', { seconds: Math.max(1, Math.ceil(error.retryAfterMs / 1_000)) });
    }
    return refusalText(error.code);
  }
  return refusalText(error instanceof TypeError ? 'network' : null);
}
