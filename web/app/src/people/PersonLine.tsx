import type { ReactNode } from 'react';
import { Avatar } from '@/app/ui/Avatar';
import type { Person } from '@/types';

export interface PersonLineProps {
  person: Person;
  pressed?: boolean;
  after?: ReactNode;
  disabled?: boolean;
  onPress: () => void;
}

export function PersonLine({ person, pressed, after, disabled, onPress }: PersonLineProps) {
  return (
    <button type="button" className="person-pick" aria-pressed={pressed} disabled={disabled} onClick={onPress}>
      <Avatar id={person.id} name={person.name} size={40} />
      <span className="member-text">
        <bdi className="member-name one-line">{person.name}</bdi>
        <bdi className="member-handle one-line">@{person.handle}</bdi>
      </span>
      {after}
    </button>
  );
}
