import { useText } from '@/app/i18n/i18n';
import type { MessageItem, Person, Reaction } from '@/types';
import { useReact } from './useReact';
import './reactions.css';

export interface ReactionsProps {
  item: MessageItem;
  conversationId: string;
  people: ReadonlyMap<string, Person>;
  me: Person;
}

/** How people react to a message: a chip for each emoji, which one presses to say the same, or no more. */
export function Reactions({ item, conversationId, people, me }: ReactionsProps) {
  const t = useText();
  const react = useReact(item, conversationId);
  if (item.reactions.length === 0) return null;
  return (
    <div className="reactions">
      {item.reactions.map((reaction) => (
        <button
          key={reaction.emoji}
          type="button"
          tabIndex={-1}
          className="reaction"
          disabled={react === undefined}
          aria-pressed={reaction.mine}
          aria-label={t('reactions.chip', { emoji: reaction.emoji, count: reaction.count })}
          title={namesOf(reaction, people, me, t)}
          onClick={() => react?.(reaction.emoji, !reaction.mine)}
        >
          <span aria-hidden>{reaction.emoji}</span>
          <span className="numbers" aria-hidden>
            {reaction.count}
          </span>
        </button>
      ))}
    </div>
  );
}

/** Who they are, as far as they are known, and how many more. */
function namesOf({ by, count, mine }: Reaction, people: ReadonlyMap<string, Person>, me: Person, t: ReturnType<typeof useText>): string {
  const named = by.flatMap((id) => (id === me.id ? [] : (people.get(id)?.name ?? [])));
  const names = mine ? [t('reactions.you'), ...named] : named;
  const more = count - names.length;
  return more > 0 ? t('reactions.more', { names: names.join(', '), count: more }) : names.join(', ');
}
