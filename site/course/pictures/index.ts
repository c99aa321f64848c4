/** Every live picture of the course, by name. */
import type { Picture } from '../drawn.ts';
import { oneToken, realHead, shuffled } from './attention.ts';
import { heads, masked, positions } from './block.ts';
import { counted, timed } from './cost.ts';

export const PICTURES = {
  oneToken,
  realHead,
  shuffled,
  heads,
  masked,
  positions,
  counted,
  timed,
} satisfies Record<string, Picture>;

export type PictureName = keyof typeof PICTURES;
