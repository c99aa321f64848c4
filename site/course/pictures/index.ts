/** Every live picture of the course, by name. */
import type { Picture } from '../drawn.ts';
import { oneToken, realHead, shuffled } from './attention.ts';
import { beside, sweep } from './beside.ts';
import { heads, masked, positions } from './block.ts';
import { caught } from './caught.ts';
import { choose } from './choose.ts';
import { counted, timed } from './cost.ts';
import { features } from './features.ts';
import { collisions } from './hashing.ts';
import { kept, online } from './lean.ts';
import { capacity, memory } from './memory.ts';
import { reach } from './reach.ts';
import { spectrum } from './spectrum.ts';
import { trained } from './train.ts';

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
  collisions,
  spectrum,
  features,
  memory,
  capacity,
  caught,
  choose,
  trained,
} satisfies Record<string, Picture>;

export type PictureName = keyof typeof PICTURES;
