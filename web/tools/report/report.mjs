// Runs the tests of every workspace that has any, and ends with `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const web = new URL('../../', import.meta.url).pathname;
const projects = ['packages/realtime', 'app'].filter((folder) =>
  ['vitest.config.ts', 'vite.config.ts'].some((file) => existsSync(join(web, folder, file))),
);
const scratch = mkdtempSync(join(tmpdir(), 'relayhub-web-'));
let [passed, failed] = [0, 0];
try {
  for (const folder of projects) {
    const report = join(scratch, `${folder.replaceAll('/', '-')}.json`);
    const vitest = join(web, 'node_modules/vitest/vitest.mjs');
    const args = [vitest, 'run', '--passWithNoTests', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const { status } = spawnSync(process.execPath, args, { cwd: join(web, folder), stdio: 'inherit' });
    const counts = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : { numPassedTests: 0, numFailedTests: 0 };
    passed += counts.numPassedTests;
    // A file that could not be loaded has no tests to fail.
    failed += counts.numFailedTests || (status === 0 ? 0 : 1);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
