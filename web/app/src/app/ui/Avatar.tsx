import type { CSSProperties } from 'react';
import './avatar.css';
import { hueOf, initialsOf } from './identity';

export interface AvatarProps {
  id: string;
  name: string;
  size: number;
  /** People are circles, groups are rounded squares. */
  shape?: 'person' | 'group';
  /** How the person is there: a dot whose shape says it, too. */
  presence?: string | undefined;
}

const DOTS = new Set(['online', 'idle', 'do_not_disturb']);

/** Initials over the hue of an id. The name stands beside it everywhere, so readers pass it over. */
export function Avatar({ id, name, size, shape = 'person', presence }: AvatarProps) {
  const style = { '--hue': hueOf(id), '--size': `${size / 16}rem` } as CSSProperties;
  const avatar = (
    <span className="avatar" data-shape={shape} style={style} aria-hidden="true">
      {initialsOf(name)}
    </span>
  );
  if (presence === undefined || !DOTS.has(presence)) return avatar;
  return (
    <span className="avatar-there" aria-hidden="true">
      {avatar}
      <span className="presence-dot" data-state={presence} />
    </span>
  );
}
