import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listItem, TestServer } from './server.ts';
import { soon } from './soon.ts';

// What `npm publish` would send, unpacked as npm does it for a program that depends on it.
const root = new URL('..', import.meta.url).pathname;
const consumer = join(root, '.consumer');
const installed = join(consumer, 'node_modules/@relayhub/realtime');
let packed: string[] = [];

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

beforeAll(() => {
  rmSync(consumer, { recursive: true, force: true });
  mkdirSync(installed, { recursive: true });
  const npm = process.env['npm_execpath'];
  const args = ['pack', '--json', '--silent', '--pack-destination', consumer];
  const said = npm === undefined ? run('npm', args, root) : run(process.execPath, [npm, ...args], root);
  // The build may have said something before it.
  const answer = JSON.parse(said.slice(said.search(/^[[{]/m))) as { filename: string; files: { path: string }[] }[];
  const [tarball] = Object.values(answer);
  packed = (tarball?.files ?? []).map(({ path }) => path);
  run('tar', ['-xzf', join(consumer, tarball?.filename ?? ''), '--strip-components=1', '-C', installed], consumer);
  writeFileSync(join(consumer, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  cpSync(join(root, 'examples'), consumer, { recursive: true });
}, 60_000);
afterAll(() => rmSync(consumer, { recursive: true, force: true }));

test('the package holds what a program needs, and nothing else', () => {
  for (const path of ['package.json', 'README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts']) expect(packed).toContain(path);
  expect(packed.filter((path) => !/^(dist\/.+\.(js|js\.map|d\.ts)|package\.json|README\.md|LICENSE)$/.test(path))).toEqual([]);
});

test.each(['NodeNext', 'bundler'])(
  'its types are there for %s',
  (resolution) => {
    const config = {
      compilerOptions: {
        target: 'ES2023',
        lib: ['ES2024', 'DOM', 'DOM.Iterable'],
        module: resolution === 'NodeNext' ? 'NodeNext' : 'ESNext',
        moduleResolution: resolution,
        strict: true,
        noEmit: true,
        types: ['node'],
        typeRoots: [join(root, '../../node_modules/@types')],
      },
      files: ['send.ts', 'listen.ts'],
    };
    writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify(config));
    run(process.execPath, [join(root, '../../node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'], consumer);
  },
  60_000,
);

test('the example that the README shows is the one that runs', async () => {
  const example = readFileSync(join(root, 'examples/send.ts'), 'utf8');
  expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain(example.trim());
  const server = new TestServer();
  const address = await server.listen();
  server.conversations = [listItem('c1', 0, { kind: 'direct' })];
  server.answers.set('GET /v1/users', () => [200, { user_id: 'bob', handle: 'bob', display_name: 'Bob' }]);
  server.answers.set('POST /v1/conversations', () => [200, { conversation_id: 'c1', kind: 'direct' }]);
  const env = { ...process.env, RELAY_API: `http://${address}`, RELAY_GATEWAY: `ws://${address}` };
  const child = spawn(process.execPath, ['send.ts', 'me', 'secret', 'bob', 'hello from Node'], { cwd: consumer, env });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += String(data)));
  const status = await soon(
    'its end',
    () => new Promise((resolve) => child.on('exit', resolve)),
    () => said,
    30_000,
  );
  expect([status, said]).toEqual([0, expect.stringContaining('in the log at 1')]);
  expect(server.log).toMatchObject([{ type: 'MESSAGE_SENT', body: { text: 'hello from Node' } }]);
  server.close();
}, 60_000);
