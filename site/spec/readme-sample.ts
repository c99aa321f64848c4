/** The lines of the README that a page runs too, and what they print. */
import { readFileSync } from 'node:fs';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

const [, sample = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
export const SAMPLE = sample;
export const SAMPLE_PRINTS = ['[1, 8, 1024, 64] [1, 8, 1024, 64]', '524288', '524288', '524288'];
