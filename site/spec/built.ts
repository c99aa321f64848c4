/** The built site on the disk: its files, its pages, and those that stand for others that are made alike. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { allVariants } from '../../src/variants/registry.ts';

/** What `npm run test:site` has built; by hand, what `npm run site` has. */
export const dist = process.env.SITE_DIST ?? fileURLToPath(new URL('../dist', import.meta.url));

/** All built files of a kind, from the site's root (or another folder) with forward slashes, sorted. */
export function builtFiles(extension: string, folder = dist): string[] {
  if (!existsSync(folder)) throw new Error(`${folder}: not built yet: npm run site`);
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

/** The site's own pages; those of the API reference are TypeDoc's. */
export function ownPages(): string[] {
  return builtFiles('.html').filter((path) => !path.startsWith('api/'));
}

const STANDING_FOR_ALL = [
  'variants/longformer.html',
  'layers/top-2.html',
  'ops/attention.html',
  'course/index.html',
  'course/teach.html',
  'course/attention.html',
];

/** Whether a page is made like many others, one of which stands for all where a look at each would take long. */
export function isOneOfMany(path: string): boolean {
  return /^(variants|layers|ops|course)\//.test(path) && !STANDING_FOR_ALL.includes(path);
}

/**
 * Every page that is made on its own and, of those made alike, the longest of each family of variants and the longest of an
 * op: what a look at each takes grows with every variant. `npm run test:thorough` looks at all.
 */
export function pagesToLookAt(): string[] {
  const pages = ownPages();
  if (process.env.THOROUGH === '1') return pages;
  const longest = new Map<string, string>();
  for (const path of pages) {
    const kind = kindOf(path);
    if (sizeOf(path) > sizeOf(longest.get(kind))) longest.set(kind, path);
  }
  return pages.filter((path) => !isOneOfMany(path) || longest.get(kindOf(path)) === path);
}

/** The family of the variant, the folder of other pages that are alike, and else the page itself. */
function kindOf(path: string): string {
  const variant = allVariants().find(({ name }) => path === `variants/${name}.html`);
  return variant?.family ?? (isOneOfMany(path) ? dirname(path) : path);
}

function sizeOf(path: string | undefined): number {
  return path === undefined ? 0 : statSync(join(dist, path)).size;
}
