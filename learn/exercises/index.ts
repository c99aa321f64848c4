/** All exercises in order. */
import type { Exercise } from '../exercise.ts';
import { softmax } from './01-softmax/exercise.ts';
import { oneHead } from './02-one-head/exercise.ts';
import { causalMask } from './03-causal-mask/exercise.ts';
import { onlineSoftmax } from './04-online-softmax/exercise.ts';
import { windowLayout } from './05-window-layout/exercise.ts';
import { windowByHand } from './06-window-by-hand/exercise.ts';
import { globalTokens } from './07-global-tokens/exercise.ts';
import { lshBuckets } from './08-lsh-buckets/exercise.ts';
import { sortUnsort } from './09-sort-unsort/exercise.ts';
import { linformerProjection } from './10-linformer/exercise.ts';
import { nystromLandmarks } from './11-nystrom/exercise.ts';
import { performerFeatures } from './12-performer/exercise.ts';
import { prefixSums } from './13-prefix-sums/exercise.ts';
import { recurrentStep } from './14-recurrent-step/exercise.ts';
import { relativeShift } from './15-relative-shift/exercise.ts';
import { lightConvolution } from './16-light-convolution/exercise.ts';
import { reversible } from './17-reversible/exercise.ts';
import { softmaxGradient } from './18-softmax-gradient/exercise.ts';
import { attentionGradient } from './19-attention-gradient/exercise.ts';
import { scanGradient } from './20-scan-gradient/exercise.ts';
import { retentionDecay } from './21-retention/exercise.ts';
import { deltaRule } from './22-delta-rule/exercise.ts';
import { chunkedScan } from './23-chunked-scan/exercise.ts';
import { topBlocks } from './24-top-blocks/exercise.ts';
import { ownVariant } from './25-own-variant/exercise.ts';

export const exercises: readonly Exercise[] = [
  ...[softmax, oneHead, causalMask, onlineSoftmax, windowLayout],
  ...[windowByHand, globalTokens, lshBuckets, sortUnsort, linformerProjection],
  ...[nystromLandmarks, performerFeatures, prefixSums, recurrentStep, relativeShift],
  ...[lightConvolution, reversible, softmaxGradient, attentionGradient, scanGradient],
  ...[retentionDecay, deltaRule, chunkedScan, topBlocks, ownVariant],
];

/** `04-online-softmax`: the name of an exercise's folder and of the learner's file. */
export function fileNameOf(exercise: Exercise): string {
  const number = exercises.indexOf(exercise) + 1;
  return `${String(number).padStart(2, '0')}-${exercise.name}`;
}

/** By name, by number or by both: `softmax`, `1`, `01`, `01-softmax`. */
export function findExercise(text: string): Exercise | undefined {
  const wanted = text.replace(/\.ts$/, '');
  return exercises.find((each, n) => {
    return each.name === wanted || fileNameOf(each) === wanted || (/^\d+$/.test(wanted) && Number(wanted) === n + 1);
  });
}
