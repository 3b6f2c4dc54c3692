import { useLocation } from 'wouter';

export type Route =
  | { page: 'chat'; conversation: string | null }
  | { page: 'threads' }
  | { page: 'people'; handle: string | undefined }
  | { page: 'settings'; section: string | undefined };

/** What an address means. Anything unknown is the list. */
export function routeOf(path: string): Route {
  const [first, second] = path.split('/').filter(Boolean).map(decode);
  if (first === 'c' && second) return { page: 'chat', conversation: second };
  if (first === 'threads') return { page: 'threads' };
  if (first === 'people') return { page: 'people', handle: undefined };
  if (first === 'u' && second) return { page: 'people', handle: second };
  if (first === 'settings') return { page: 'settings', section: second };
  return { page: 'chat', conversation: null };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function useRoute(): Route {
  const [path] = useLocation();
  return routeOf(path);
}
