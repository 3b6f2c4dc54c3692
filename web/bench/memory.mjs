import { ulid } from '../packages/realtime/src/util/ulid.ts';
import { tell } from './figures.mjs';

const MESSAGES = 10_000;
const IN_FLIGHT = 64;

/** A sender that needs no browser: a socket, and as many sends in flight as it may. */
async function flood(stack, conversation, count) {
  const login = { handle: 'ann', password: 'password of ann', device_name: 'flood' };
  const answer = await fetch(`${stack.url}/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(login),
  });
  const { access_token: token } = await answer.json();
  const socket = new WebSocket(`${stack.gateway}/v1/ws`);
  await new Promise((resolve, reject) => {
    let [sent, acked] = [0, 0];
    const send = (now) => {
      const body = { type: 'text', text: `flood ${sent} of what somebody writes to somebody else on an ordinary day` };
      socket.send(JSON.stringify({ type: 'send_message', client_id: ulid(now), conversation_id: conversation, body }));
      sent += 1;
    };
    socket.onopen = () => socket.send(JSON.stringify({ type: 'hello', token }));
    socket.onerror = reject;
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === 'welcome') for (let n = 0; n < IN_FLIGHT; n += 1) send(frame.server_time_ms - 1000);
      if (frame.type === 'error') reject(new Error(data));
      if (frame.type !== 'message_ack') return;
      acked += 1;
      if (sent < count) send(frame.sent_at_ms - 1000);
      else if (acked === count) resolve();
    };
  });
  socket.close();
}

async function heap(cdp) {
  await cdp.send('HeapProfiler.collectGarbage');
  await cdp.send('HeapProfiler.collectGarbage');
  const [{ usedSize }, { metrics }] = [await cdp.send('Runtime.getHeapUsage'), await cdp.send('Performance.getMetrics')];
  return { megabytes: usedSize / 1e6, nodes: metrics.find(({ name }) => name === 'Nodes')?.value ?? 0 };
}

/** 10,000 messages for a page that shows their conversation. */
export async function floods(page, stack) {
  await page.goto(`${stack.url}/c/${stack.large}`);
  await page.locator('.bubble').first().waitFor();
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable');
  const before = await heap(cdp);
  const began = performance.now();
  await flood(stack, stack.large, MESSAGES);
  await page
    .locator('.bubble', { hasText: `flood ${MESSAGES - 1} ` })
    .last()
    .waitFor();
  tell('received_per_s', (MESSAGES / (performance.now() - began)) * 1000);
  // What the list and the store still do.
  await page.waitForTimeout(3000);
  const after = await heap(cdp);
  tell('heap_before_mb', before.megabytes);
  tell('heap_growth_mb', after.megabytes - before.megabytes, 50, { messages: MESSAGES, nodes: [before.nodes, after.nodes] });
}
