/** Finds the browser that the specs drive: an installed one, since playwright-core brings none. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

export const HOW_TO_GET_CHROMIUM =
  'No Chromium found. Install it (`apt-get install chromium`), or say where it is: CHROMIUM=/path/to/chromium';

/** $CHROMIUM, or the first of its usual names on the path; null if there is none. */
export function findChromium(): string | null {
  const { CHROMIUM: chosen, PATH = '' } = process.env;
  if (chosen !== undefined && chosen !== '') return existsSync(chosen) ? chosen : null;
  const folders = ['/usr/bin', ...PATH.split(delimiter)];
  const places = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return places.find((path) => existsSync(path)) ?? null;
}
