import { useWork } from '@/app/dialogs/useWork';
import { useText } from '@/app/i18n/i18n';
import { useMessenger, useStore } from '@/realtime/hooks';
import { Choices } from './Choices';

/** What others learn of one. It holds on all devices. */
export function PrivacyPage() {
  const t = useText();
  const messenger = useMessenger();
  const on = useStore(messenger.readReceipts);
  const { error, run } = useWork();
  return (
    <>
      <h3>{t('privacy.receipts')}</h3>
      <p>{t('privacy.receipts.hint')}</p>
      <Choices
        label={t('privacy.receipts')}
        name="receipts"
        value={on === null ? '' : on ? 'on' : 'off'}
        options={(['on', 'off'] as const).map((value) => ({ value: value as string, label: t(`privacy.receipts.${value}`) }))}
        onChange={(value) => void run(() => messenger.setReadReceipts(value === 'on'))}
      />
      {error && <p role="alert">{error}</p>}
    </>
  );
}
