/**
 * `npm run test:site`: builds the site into a folder of its own, and runs site/spec on it in Chromium.
 *
 *     npm run test:site                   all
 *     npm run test:site -- links          the files whose path contains "links"
 *     npm run test:site -- --thorough     every page of those that are made alike
 *     node --import tsx site/test.ts --which       where Chromium is; exit code 1 if it is nowhere
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findChromium, HOW_TO_GET_CHROMIUM } from './spec/chromium.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const words = process.argv.slice(2);

const chromium = findChromium();
if (chromium === null) {
  console.error(HOW_TO_GET_CHROMIUM);
  process.exitCode = 1;
} else if (words.includes('--which')) {
  console.log(chromium);
} else {
  const folder = mkdtempSync(join(tmpdir(), 'efficient-transformers-site-'));
  /** What specs make once for all of them. */
  const shared = mkdtempSync(join(tmpdir(), 'efficient-transformers-shared-'));
  try {
    const built = run(['--import', 'tsx', join('site', 'build.ts'), '--out', folder]);
    const runner = [join('scripts', 'run-tests.mjs'), '--in', join('site', 'spec'), ...words];
    process.exitCode = built === 0 ? run(runner, { SITE_DIST: folder, SITE_SHARED: shared }) : built;
  } finally {
    for (const each of [folder, shared]) rmSync(each, { recursive: true, force: true });
  }
}

/** The exit code. */
function run(words: readonly string[], more: Record<string, string> = {}): number {
  const settings = { cwd: root, env: { ...process.env, ...more }, stdio: 'inherit' } as const;
  return spawnSync(process.execPath, words, settings).status ?? 1;
}
