import { useText } from '@/app/i18n/i18n';
import { KeyTable } from '@/app/keys/KeyTable';
import { useLook } from '@/store/look';

export function KeyboardPage() {
  const t = useText();
  const { enterSends, letterKeys, change } = useLook();
  return (
    <>
      <h3>{t('keyboard.writing')}</h3>
      <div className="box">
        <label className="toggle">
          <span className="box-text">
            <strong>{t('keyboard.enterSends')}</strong>
            <small>{t(enterSends ? 'keyboard.enterOn' : 'keyboard.enterOff')}</small>
          </span>
          <input
            type="checkbox"
            role="switch"
            checked={enterSends}
            aria-checked={enterSends}
            onChange={(event) => change({ enterSends: event.target.checked })}
          />
        </label>
        <label className="toggle">
          <span className="box-text">
            <strong>{t('keyboard.letters')}</strong>
            <small>{t('keyboard.lettersHint')}</small>
          </span>
          <input
            type="checkbox"
            role="switch"
            checked={letterKeys}
            aria-checked={letterKeys}
            onChange={(event) => change({ letterKeys: event.target.checked })}
          />
        </label>
      </div>
      <h3>{t('keys.title')}</h3>
      <KeyTable />
    </>
  );
}
