import { useLocation } from 'wouter';
import { useText } from '@/app/i18n/i18n';
import { useMessenger, useSession } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import { Question } from './Question';

export default function Leave({ conversationId, title, onClose }: { conversationId: string; title: string; onClose: () => void }) {
  const t = useText();
  const messenger = useMessenger();
  const { me } = useSession();
  const setPanel = useUi((ui) => ui.setPanel);
  const [, navigate] = useLocation();
  return (
    <Question
      title={t('group.leaveTitle', { title: `\u2068${title}\u2069` })}
      text={t('group.leaveText')}
      action={t('group.leave')}
      onClose={onClose}
      onAct={async () => {
        await messenger.removeMember(conversationId, me.id);
        setPanel(false);
        onClose();
        navigate('/', { replace: true });
      }}
    />
  );
}
