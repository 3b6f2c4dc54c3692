import { useWork } from '@/app/dialogs/useWork';
import { useText } from '@/app/i18n/i18n';
import { useMessenger, useStore } from '@/realtime/hooks';
import { Choices } from './Choices';

/** What others learn of one. It holds on all devices. */
export function PrivacyPage() {
  const t = useText();
  const messenger = useMessenger();
  const on = useStore(messenger.readReceipts);
  const presence = useStore(messenger.presenceSettings);
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
      <h3>{t('privacy.status')}</h3>
      <p>{t('privacy.status.hint')}</p>
      <Choices
        label={t('privacy.status')}
        name="status"
        value={presence?.availability ?? ''}
        options={(['available', 'do_not_disturb', 'invisible'] as const).map((value) => ({
          value: value as string,
          label: t(`privacy.status.${value}`),
        }))}
        onChange={(availability) => void run(() => messenger.setPresence({ availability }))}
      />
      <h3>{t('privacy.seenBy')}</h3>
      <p>{t('privacy.seenBy.hint')}</p>
      <Choices
        label={t('privacy.seenBy')}
        name="seen-by"
        value={presence?.presenceTo ?? ''}
        options={(['everybody', 'contacts', 'nobody'] as const).map((value) => ({
          value: value as string,
          label: t(`privacy.seenBy.${value}`),
        }))}
        onChange={(presenceTo) => void run(() => messenger.setPresence({ presenceTo }))}
      />
      {error && <p role="alert">{error}</p>}
    </>
  );
}
