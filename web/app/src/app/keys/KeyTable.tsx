import { useText } from '@/app/i18n/i18n';
import { isApple, modifierName } from './platform';
import { SHORTCUTS } from './shortcuts';
import './keys.css';

const NAMES: Record<string, string> = {
  ArrowUp: '↑',
  ArrowDown: '↓',
  PageUp: 'PgUp',
  PageDown: 'PgDn',
  Escape: 'Esc',
};

function keyNames(combination: string): string[] {
  return combination.split('+').map((key) => {
    if (key === 'Mod') return modifierName();
    if (key === 'Alt') return isApple() ? '⌥' : 'Alt';
    if (key === 'Shift') return isApple() ? '⇧' : 'Shift';
    return NAMES[key] ?? key;
  });
}

/** All shortcuts, from the table that the handlers read. */
export function KeyTable() {
  const t = useText();
  return (
    <div className="keys">
      {(['anywhere', 'list', 'composer'] as const).map((section) => (
        <section key={section} aria-label={t(`keys.section.${section}`)}>
          <h3>{t(`keys.section.${section}`)}</h3>
          <dl>
            {SHORTCUTS.filter((shortcut) => shortcut.section === section).map((shortcut) => (
              <div key={shortcut.text}>
                <dt>{t(shortcut.text)}</dt>
                <dd dir="ltr">
                  {shortcut.keys.map((keys) => (
                    <span key={keys}>
                      {keyNames(keys).map((name) => (
                        <kbd key={name}>{name}</kbd>
                      ))}
                    </span>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </div>
  );
}
