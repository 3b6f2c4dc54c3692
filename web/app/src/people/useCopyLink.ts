import { useText } from '@/app/i18n/i18n';
import { useUi } from '@/store/ui';

/** Copies the address under which others find this person. Without a clipboard it is shown. */
export function useCopyLink(handle: string): () => void {
  const t = useText();
  const addToast = useUi((ui) => ui.addToast);
  const link = `${location.origin}/u/${handle}`;
  return () => {
    const copied = navigator.clipboard?.writeText(link) ?? Promise.reject(new Error('no clipboard'));
    copied.then(
      () => addToast(t('toast.linkCopied')),
      () => addToast(link),
    );
  };
}
