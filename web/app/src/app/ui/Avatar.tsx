import type { CSSProperties } from 'react';
import './avatar.css';
import { hueOf, initialsOf } from './identity';

export interface AvatarProps {
  id: string;
  name: string;
  size: number;
  /** People are circles, groups are rounded squares. */
  shape?: 'person' | 'group';
}

/** Initials over the hue of an id. The name stands beside it everywhere, so readers pass it over. */
export function Avatar({ id, name, size, shape = 'person' }: AvatarProps) {
  const style = { '--hue': hueOf(id), '--size': `${size / 16}rem` } as CSSProperties;
  return (
    <span className="avatar" data-shape={shape} style={style} aria-hidden="true">
      {initialsOf(name)}
    </span>
  );
}
