import { useText } from '@/app/i18n/i18n';
import { Dialog } from '@/app/ui/Dialog';
import { KeyTable } from './KeyTable';

export default function KeyboardMap({ onClose }: { onClose: () => void }) {
  const t = useText();
  return (
    <Dialog title={t('keys.title')} width="wide" onClose={onClose}>
      <div className="dialog-body scrolls">
        <KeyTable />
      </div>
    </Dialog>
  );
}
