/** Every live picture of the course, by name. */
import type { Picture } from '../drawn.ts';
import { oneToken, realHead, shuffled } from './attention.ts';
import { beside, sweep } from './beside.ts';
import { heads, masked, positions } from './block.ts';
import { counted, timed } from './cost.ts';
import { kept, online } from './lean.ts';
import { reach } from './reach.ts';

export const PICTURES = {
  oneToken,
  realHead,
  shuffled,
  heads,
  masked,
  positions,
  counted,
  timed,
  beside,
  sweep,
  online,
  kept,
  reach,
} satisfies Record<string, Picture>;

export type PictureName = keyof typeof PICTURES;
