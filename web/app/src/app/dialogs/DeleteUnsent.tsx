import { useText } from '@/app/i18n/i18n';
import { useMessenger } from '@/realtime/hooks';
import { Question } from './Question';

export default function DeleteUnsent({ clientId, onClose }: { clientId: string; onClose: () => void }) {
  const t = useText();
  const messenger = useMessenger();
  return (
    <Question
      title={t('unsent.title')}
      text={t('unsent.text')}
      action={t('action.delete')}
      onClose={onClose}
      onAct={async () => {
        messenger.discard(clientId);
        onClose();
      }}
    />
  );
}
