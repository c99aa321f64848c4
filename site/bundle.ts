/** Bundles scripts for pages: classic ones, since pages that are opened from a disk may load no modules. */
import { bundleForPages } from '../scripts/browser-bundle.mjs';

/** The text of one script that holds all it needs. Throws what esbuild says is wrong with it. */
export async function bundle(entry: string): Promise<string> {
  const { text } = await bundleForPages(entry, { minify: true, format: 'iife' });
  return text;
}
