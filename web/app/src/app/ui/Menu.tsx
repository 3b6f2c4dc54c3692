import type { ReactElement, ReactNode } from 'react';
import { Menu as AriaMenu, MenuItem as AriaMenuItem, MenuTrigger, Popover, Separator } from 'react-aria-components';
import './dialog.css';

export interface MenuEntry {
  id: string;
  label: string;
  icon?: ReactNode;
  tone?: 'danger';
  act: () => void;
}

/** A button that opens a menu. `children` is the button: a React Aria one. */
export function MenuButton({ label, entries, children }: { label: string; entries: (MenuEntry | 'line')[]; children: ReactElement }) {
  return (
    <MenuTrigger>
      {children}
      <Popover className="menu-popover" placement="bottom end" offset={6}>
        <AriaMenu className="menu" aria-label={label}>
          {entries.map((entry, index) =>
            entry === 'line' ? (
              // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other name
              <Separator className="menu-separator" key={`line-${index}`} />
            ) : (
              <AriaMenuItem
                className="menu-item"
                key={entry.id}
                id={entry.id}
                textValue={entry.label}
                data-tone={entry.tone}
                onAction={entry.act}
              >
                {entry.icon}
                {entry.label}
              </AriaMenuItem>
            ),
          )}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  );
}
