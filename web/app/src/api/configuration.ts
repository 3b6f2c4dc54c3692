/** `GET /config.json`, beside the app: where the server is. */
export interface Configuration {
  /** The base of REST paths; empty for this page's own origin. */
  api: string;
  /** Addresses of gateways, tried in turn. */
  gateways: string[];
  /** The server's version, for people. */
  version: string;
}

const PATIENCE_MS = 10_000;
let used: Configuration | null = null;

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string' && item !== '') : [];
}

/** Reads what the document says, and fills in what it leaves out. */
export function readConfiguration(document: unknown, page: URL): Configuration {
  const said = typeof document === 'object' && document !== null ? (document as Record<string, unknown>) : {};
  const api = typeof said.api === 'string' ? said.api.replace(/\/$/, '') : '';
  const own = `${page.protocol === 'https:' ? 'wss:' : 'ws:'}//${page.host}/v1/ws`;
  const gateways = strings(said.gateways);
  return { api, gateways: gateways.length > 0 ? gateways : [own], version: typeof said.version === 'string' ? said.version : '' };
}

/** Asks for the document. The service worker answers with the last one when there is no network. */
export async function loadConfiguration(): Promise<Configuration> {
  const answer = await fetch('/config.json', { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) throw new Error(`config.json: ${answer.status}`);
  used = readConfiguration(await answer.json(), new URL(location.href));
  return used;
}

export function usedConfiguration(): Configuration {
  return used ?? { api: '', gateways: [], version: '' };
}
