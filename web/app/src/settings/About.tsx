import { usedConfiguration } from '@/api/configuration';
import { useText } from '@/app/i18n/i18n';
import { Mark } from '@/app/ui/Mark';

export function About() {
  const t = useText();
  const { version } = usedConfiguration();
  return (
    <>
      <div className="about">
        <Mark size={56} />
        <p>
          <strong>RelayHub</strong>
          <br />
          {version ? t('about.version', { version }) : t('about.noVersion')}
        </p>
      </div>
      <p>{t('about.text')}</p>
      <p>{t('about.encryption')}</p>
      <p>{t('about.licence')}</p>
    </>
  );
}
