import { Laptop, LogOut, Smartphone, SquareTerminal } from 'lucide-react';
import { useCallback, useEffect, useState } from 'react';
import { agoLabel } from '@/app/i18n/dates';
import { useText } from '@/app/i18n/i18n';
import { errorText } from '@/chat/refusals';
import { useMessenger } from '@/realtime/hooks';
import { useUi } from '@/store/ui';
import type { DeviceRow } from '@/types';

const PHONE = /phone|android|ipad|tablet/i;
const TERMINAL = /relay|term|cli|shell/i;

function DeviceIcon({ name }: { name: string }) {
  const Icon = PHONE.test(name) ? Smartphone : TERMINAL.test(name) ? SquareTerminal : Laptop;
  return (
    <span className="box-icon">
      <Icon size={20} strokeWidth={1.85} aria-hidden />
    </span>
  );
}

export function Devices() {
  const t = useText();
  const messenger = useMessenger();
  const addToast = useUi((ui) => ui.addToast);
  const [devices, setDevices] = useState<DeviceRow[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const load = useCallback(async () => {
    try {
      setDevices(await messenger.devices());
      setError(null);
    } catch (thrown) {
      setError(errorText(thrown));
    }
  }, [messenger]);
  useEffect(() => {
    void load();
  }, [load]);

  const end = async (ending: DeviceRow[]) => {
    try {
      for (const device of ending) await messenger.endDevice(device.id);
      addToast(t('devices.ended', { count: ending.length }));
    } catch (thrown) {
      addToast(errorText(thrown));
    }
    await load();
  };

  const mine = devices?.find((device) => device.current);
  const others = devices?.filter((device) => !device.current) ?? [];
  return (
    <>
      <p>{t('devices.intro')}</p>
      {error && (
        <p className="notice" role="alert">
          {error}
        </p>
      )}
      {mine && (
        <>
          <h3>{t('devices.this')}</h3>
          <div className="box">
            <div className="box-row">
              <DeviceIcon name={mine.name} />
              <div className="box-text">
                <strong>
                  <bdi>{mine.name}</bdi>
                </strong>
                <small>
                  <b>{t('devices.now')}</b> · {t('devices.since', { when: agoLabel(mine.createdMs) })}
                </small>
              </div>
            </div>
          </div>
        </>
      )}
      {devices && <h3>{t('devices.others')}</h3>}
      {others.length > 0 && (
        // biome-ignore lint/a11y/useSemanticElements: rows in a box
        <div className="box" role="list">
          {others.map((device) => (
            // biome-ignore lint/a11y/useSemanticElements: rows in a box
            <div className="box-row" key={device.id} role="listitem">
              <DeviceIcon name={device.name} />
              <div className="box-text">
                <strong>
                  <bdi>{device.name}</bdi>
                </strong>
                <small>{t('devices.used', { when: agoLabel(device.lastUsedMs), since: agoLabel(device.createdMs) })}</small>
              </div>
              <button
                type="button"
                className="button"
                data-kind="danger-plain"
                data-size="small"
                aria-label={t('devices.endLabel', { name: device.name })}
                onClick={() => end([device])}
              >
                {t('logOut.action')}
              </button>
            </div>
          ))}
        </div>
      )}
      {devices && others.length === 0 && <p>{t('devices.none')}</p>}
      {others.length > 1 && (
        <div className="settings-actions">
          <button type="button" className="button" data-kind="danger-plain" data-size="small" onClick={() => end(others)}>
            <LogOut className="mirrored" size={16} strokeWidth={2.2} aria-hidden />
            {t('devices.endAll')}
          </button>
        </div>
      )}
    </>
  );
}
