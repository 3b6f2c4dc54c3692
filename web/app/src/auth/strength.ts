export interface Strength {
  /** 0 to 4 bars. */
  bars: number;
  tooShort: boolean;
}

/** A rough measure that rewards length. The server has the last word about passwords that are easily guessed. */
export function passwordStrength(password: string): Strength {
  const length = [...password].length;
  const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\p{N}/u, /[^\p{L}\p{N}]/u].filter((kind) => kind.test(password)).length;
  const distinct = new Set(password).size;
  if (length < 8) return { bars: length === 0 ? 0 : 1, tooShort: true };
  let bars = 1;
  if (length >= 10 && distinct >= 6) bars += 1;
  if ((length >= 12 && distinct >= 7) || (length >= 10 && kinds >= 3)) bars += 1;
  if (length >= 16 && distinct >= 9) bars += 1;
  return { bars: distinct < 5 ? 1 : bars, tooShort: false };
}

/** Letters of a name that may stand in a handle. */
export function handleFrom(name: string): string {
  const letters = name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^[^a-z]+|_+$/g, '');
  return letters.slice(0, 32);
}

export function isHandle(handle: string): boolean {
  return /^[a-z][a-z0-9_]{2,31}$/.test(handle);
}

/** What kind of device the page is on, as others see it in the details of a message. */
export function deviceKind(agent: string = navigator.userAgent): string {
  if (/iPad|Tablet/.test(agent)) return 'tablet';
  return /iPhone|Android|Mobi/.test(agent) ? 'phone' : 'browser';
}

/** "Firefox on Linux": what the device list shows. */
export function deviceName(agent: string = navigator.userAgent): string {
  const browser = /Edg\//.test(agent)
    ? 'Edge'
    : /Firefox\//.test(agent)
      ? 'Firefox'
      : /Chrome\//.test(agent)
        ? 'Chrome'
        : /Safari\//.test(agent)
          ? 'Safari'
          : 'Browser';
  const system = /iPhone/.test(agent)
    ? 'iPhone'
    : /iPad/.test(agent)
      ? 'iPad'
      : /Android/.test(agent)
        ? 'Android'
        : /Mac OS X/.test(agent)
          ? 'macOS'
          : /Windows/.test(agent)
            ? 'Windows'
            : /Linux/.test(agent)
              ? 'Linux'
              : '';
  return system ? `${browser} on ${system}` : browser;
}
