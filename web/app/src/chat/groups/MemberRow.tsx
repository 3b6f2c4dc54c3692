import { Crown, Ellipsis, MessageCircle, ShieldCheck, ShieldOff, UserMinus } from 'lucide-react';
import { Button } from 'react-aria-components';
import { useLocation } from 'wouter';
import { type TextKey, useText } from '@/app/i18n/i18n';
import { Avatar } from '@/app/ui/Avatar';
import { MenuButton, type MenuEntry } from '@/app/ui/Menu';
import { useMessenger, useSession } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import type { ConversationRow, Member } from '@/types';
import { errorText } from '../refusals';

const KNOWN_ROLES = new Set(['owner', 'admin', 'member']);

export function MemberRow({ conversation, member }: { conversation: ConversationRow; member: Member }) {
  const t = useText();
  const { me } = useSession();
  const entries = useMemberActions(conversation, member);
  const isMe = member.id === me.id;
  return (
    <li className="member">
      <Avatar id={member.id} name={member.name} size={36} />
      <span className="member-text">
        <span className="member-line">
          <bdi className="member-name one-line">{isMe ? t('person.you', { name: member.name }) : member.name}</bdi>
          {member.role !== 'member' && (
            <span className="member-role">{KNOWN_ROLES.has(member.role) ? t(`role.${member.role}` as TextKey) : member.role}</span>
          )}
        </span>
        <bdi className="member-handle one-line">@{member.handle}</bdi>
      </span>
      {entries.length > 0 && (
        <MenuButton label={t('member.actions', { name: member.name })} entries={entries}>
          <Button className="icon-button" aria-label={t('member.actions', { name: member.name })}>
            <Ellipsis size={19} strokeWidth={1.85} aria-hidden />
          </Button>
        </MenuButton>
      )}
    </li>
  );
}

function useMemberActions(conversation: ConversationRow, member: Member): (MenuEntry | 'line')[] {
  const t = useText();
  const messenger = useMessenger();
  const { me } = useSession();
  const addToast = useUi((ui) => ui.addToast);
  const [, navigate] = useLocation();
  if (member.id === me.id) return [];
  const run = (work: () => Promise<void>) => () => {
    work().catch((error: unknown) => addToast(errorText(error)));
  };
  const icon = { size: 18, strokeWidth: 1.85, 'aria-hidden': true };
  const entries: (MenuEntry | 'line')[] = [
    {
      id: 'message',
      label: t('member.message'),
      icon: <MessageCircle {...icon} />,
      act: run(async () => navigate(`/c/${await messenger.openDirect(member.id)}`)),
    },
  ];
  const owner = conversation.role === 'owner';
  const { id } = conversation;
  if (owner && member.role === 'member') {
    entries.push({
      id: 'admin',
      label: t('member.makeAdmin'),
      icon: <ShieldCheck {...icon} />,
      act: run(() => messenger.setRole(id, member.id, 'admin')),
    });
  }
  if (owner && member.role === 'admin') {
    entries.push({
      id: 'member',
      label: t('member.makeMember'),
      icon: <ShieldOff {...icon} />,
      act: run(() => messenger.setRole(id, member.id, 'member')),
    });
  }
  if (owner) {
    entries.push({
      id: 'owner',
      label: t('member.makeOwner'),
      icon: <Crown {...icon} />,
      act: run(() => messenger.setRole(id, member.id, 'owner')),
    });
  }
  if (owner || (conversation.role === 'admin' && member.role === 'member')) {
    entries.push('line', {
      id: 'remove',
      label: t('member.remove'),
      icon: <UserMinus {...icon} />,
      tone: 'danger',
      act: run(() => messenger.removeMember(id, member.id)),
    });
  }
  return entries;
}
