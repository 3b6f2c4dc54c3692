import { describe, expect, test } from 'vitest';
import { mayReconnect, retryAfterMs } from '../src/engine/closes.ts';
import { socketUrl } from '../src/transport/websocket.ts';
import { Backoff } from '../src/util/backoff.ts';
import { ServerClock } from '../src/util/clock.ts';
import { ulid } from '../src/util/ulid.ts';
import { decodeFrame, encode } from '../src/wire/frames.ts';

test('gateway addresses', () => {
  for (const good of ['ws://h:1', 'http://h:1', 'ws://h:1/', 'ws://h:1/v1/ws']) expect(socketUrl(good)).toBe('ws://h:1/v1/ws');
  expect(socketUrl('https://h')).toBe('wss://h/v1/ws');
  expect(socketUrl('https://h/chat/')).toBe('wss://h/chat/v1/ws');
  for (const bad of ['', 'h', 'ftp://h', 'ws://', 'ws://h?token=x']) expect(() => socketUrl(bad)).toThrow(TypeError);
});

test('close codes', () => {
  for (const back of [1006, 1001, 1005, 1012, 3001, 4000, 4099, 4499]) expect(mayReconnect(back)).toBe(true);
  for (const gone of [1000, 4500, 4501, 4599, 4999]) expect(mayReconnect(gone)).toBe(false);
  expect(retryAfterMs({ code: 4000, reason: '{"code":"draining","retry_after_ms":120}' })).toBe(120);
  expect(retryAfterMs({ code: 4000, reason: 'draining retry_after_ms=2500' })).toBe(2500);
  expect(retryAfterMs({ code: 4000, reason: '' })).toBeNull();
});

test('delays double, stay within their ceiling, and are never shorter than the server said', () => {
  const backoff = new Backoff(100, 10_000);
  const ceilings = Array.from({ length: 9 }, () => {
    const { ceilingMs } = backoff;
    expect(backoff.nextDelayMs()).toBeLessThanOrEqual(ceilingMs);
    return ceilingMs;
  });
  expect(ceilings).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  for (let asked = 0; asked < 10_000; asked += 97) {
    const delay = backoff.nextDelayMs(asked);
    expect(delay).toBeGreaterThanOrEqual(asked);
    expect(delay).toBeLessThanOrEqual(asked + Math.max(asked / 2, 100));
  }
  backoff.reset();
  expect(backoff.ceilingMs).toBe(100);
});

test('keys lie behind the server, rise with its time, and differ', () => {
  const clock = new ServerClock();
  expect(clock.mintClientId()).toMatch(/^r-[0-9a-f]{32}$/);
  clock.hear(1_000_000, 50);
  expect(clock.estimateMs(50)).toBe(999_000);
  expect(clock.estimateMs(5050)).toBe(1_004_000);
  expect(new Set(Array.from({ length: 1000 }, () => clock.mintClientId())).size).toBe(1000);
  expect(ulid(0)).toMatch(/^0{10}[0-9A-Z]{16}$/);
  expect(ulid(1_900_000_000_000) > ulid(1_899_999_999_999)).toBe(true);
});

describe('decoding', () => {
  const event = { chain: 'c:x', seq: 3, prev: 2 };
  test.each([
    'x',
    '3',
    'null',
    '[]',
    '{}',
    '{"type":3}',
    '{"type":"toString"}',
    '{"type":"__proto__"}',
    '{"type":"pong"}',
    '{"type":"future","a":1}',
  ])('%s is nothing', (text) => {
    expect(decodeFrame(text)).toBeNull();
  });
  test.each(['FUTURE', 'pong', 'toString'])('%s with a place is an event', (type) => {
    const frame = decodeFrame(JSON.stringify({ ...event, type }));
    expect(frame).toMatchObject({ event: { seq: 3 } });
  });
  test('a place has to be one', () => {
    for (const bad of [{ seq: -1 }, { seq: 1.5 }, { seq: '3' }, { prev: 'x' }, { seq: 2 ** 60 }]) {
      expect(decodeFrame(JSON.stringify({ ...event, ...bad, type: 'FUTURE' }))).toBeNull();
    }
  });
});

test('half a character, as it is left where a text was cut, makes no frame that cannot be read', () => {
  for (const frame of [
    encode.send('k', 'c1', { type: 'text', text: 'half \ud83d' }),
    encode.edit('k', 'c1', 'm1', { type: 'text', text: '\udc4d half' }),
  ]) {
    expect(frame).not.toMatch(/\\ud[89a-f]/i);
    expect(frame).toContain('\ufffd');
  }
  expect(encode.send('k', 'c1', { type: 'text', text: 'whole 👍' })).toContain('whole 👍');
});
