import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import bundled, { inflate } from '@sparticuz/chromium';

const PACKAGE = join(dirname(fileURLToPath(import.meta.resolve('@sparticuz/chromium'))), '..');

/**
 * The Chromium that a package brings, with what it needs of the machine and the machine may lack: libraries (NSS and NSPR foremost)
 * and fonts. Its archives are unpacked once per user and version.
 */
export async function bundledBrowser() {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
  const me = process.getuid?.() ?? 0;
  const home = join(tmpdir(), `relayhub-chromium-${version}-${me}`);
  if (!existsSync(home)) await unpack(home);
  // The folder has a name that anybody may guess.
  if (lstatSync(home).uid !== me) throw new Error(`${home} is somebody else's`);
  const executablePath = join(home, 'chromium');
  return { executablePath, env: { ...process.env, ...libraries(executablePath, home), ...fonts(home) } };
}

/** Into a folder of its own first: others may be at it at the same time, and half a browser must never be found. */
async function unpack(home) {
  const here = mkdtempSync(`${home}-`);
  const before = process.env.TMPDIR;
  // Where the package unpacks to.
  process.env.TMPDIR = here;
  try {
    await Promise.all([bundled.executablePath(), inflate(join(PACKAGE, 'bin/al2023.tar.br'))]);
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
  try {
    renameSync(here, home);
  } catch (error) {
    rmSync(here, { recursive: true, force: true });
    if (!existsSync(home)) throw error;
  }
}

/** The package's libraries, only where the machine's own are not enough: both kinds together would not be tested by anybody. */
function libraries(executablePath, home) {
  const { status, stderr } = spawnSync(executablePath, ['--version'], { encoding: 'utf8' });
  if (status === 0 || !/shared librar/.test(stderr ?? '')) return {};
  return { LD_LIBRARY_PATH: [join(home, 'al2023/lib'), process.env.LD_LIBRARY_PATH].filter(Boolean).join(':') };
}

/** Without any fonts a page has no letters. */
function fonts(home) {
  if (process.env.FONTCONFIG_FILE || process.env.FONTCONFIG_PATH || existsSync('/etc/fonts/fonts.conf')) return {};
  const file = join(home, 'fonts.conf');
  writeFileSync(file, `<fontconfig><dir>${join(home, 'fonts')}</dir><cachedir>${join(home, 'fonts-cache')}</cachedir></fontconfig>\n`);
  return { FONTCONFIG_FILE: file };
}
