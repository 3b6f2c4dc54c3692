import { createInterface } from 'node:readline';

const PATIENCE_MS = 30_000;
/** 100,000 messages pass through the log and the projection; a busy machine takes its time. */
const LOADING_MS = 120_000;
let next = 1;
const waiting = new Map();
let lines = null;

function listen() {
  lines ??= createInterface({ input: process.stdin }).on('line', (line) => {
    const answer = JSON.parse(line);
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
}

/** Asks the program that started this one to do something with the stack: `link_cut`, `gateway_kill` and so on. */
export async function relay(what, values = {}) {
  listen();
  const id = next;
  next += 1;
  const patience = what === 'load' ? LOADING_MS : PATIENCE_MS;
  const answer = new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the stack did not answer to ${what} within ${patience} ms`)), patience);
    waiting.set(id, (said) => {
      clearTimeout(timer);
      if (said.ok) resolve();
      else reject(new Error(`${what}: ${said.error ?? 'refused'}`));
    });
  });
  process.stdout.write(`@relay ${JSON.stringify({ id, do: what, ...values })}\n`);
  return answer;
}

/** Stops listening, so that the program can end. */
export function hangUp() {
  lines?.close();
  process.stdin.destroy();
}
