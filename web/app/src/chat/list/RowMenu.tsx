import { Ellipsis } from 'lucide-react';
import { Button } from 'react-aria-components';
import { useText } from '@/app/i18n/i18n';
import { MenuButton } from '@/app/ui/Menu';
import type { ConversationRow } from '@/types';
import { useConversationMenu } from './useConversationMenu';

/** The menu of a conversation, behind three dots. */
export function RowMenu({ row, className, size = 18 }: { row: ConversationRow; className: string; size?: number }) {
  const t = useText();
  const label = t('apart.menu', { title: row.title });
  return (
    <MenuButton label={label} entries={useConversationMenu(row)}>
      <Button className={className} aria-label={label}>
        <Ellipsis size={size} strokeWidth={1.85} aria-hidden />
      </Button>
    </MenuButton>
  );
}
