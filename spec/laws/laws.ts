/** The laws that every variant obeys. A variant's own laws, those of its paper, are in spec/variants. */
import type { AnyVariant } from '../../src/variants/registry.ts';
import type { Law } from './evaluate.ts';
import { badInput } from './laws/bad-input.ts';
import { basics } from './laws/basics.ts';
import { continuing } from './laws/continuing.ts';
import { cost } from './laws/cost.ts';
import { decoding } from './laws/decoding.ts';
import { gradients } from './laws/gradients.ts';
import { loops } from './laws/loops.ts';
import { padding } from './laws/padding.ts';
import { patterns } from './laws/patterns.ts';
import { resources } from './laws/resources.ts';
import { stability } from './laws/stability.ts';
import { visibility } from './laws/visibility.ts';

export type { Law } from './evaluate.ts';

/** All laws that apply to a variant, by what it says it supports and how exact it says it is. */
export function lawsOf(variant: AnyVariant): Law[] {
  const chapters = [
    basics,
    visibility,
    padding,
    stability,
    patterns,
    gradients,
    decoding,
    continuing,
    resources,
    loops,
    cost,
    badInput,
  ];
  return chapters.flatMap((chapter) => chapter(variant));
}
