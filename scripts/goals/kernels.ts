/** Goals of products and attention: their share of the peak, and the modules of Hugging Face. */
import { type PeerRow, readSuite } from '../../bench/report/results.ts';
import { operations } from '../../bench/suites/peers/plan.ts';
import { type ProfileRow, shareOf } from '../../bench/suites/profiles.ts';
import { formatMilliseconds, formatPercent } from '../../src/terminal/format.ts';
import type { Figure, Goal } from '../goals-table.ts';

const [KERNELS, PEERS] = ['kernels', 'peers --venv FOLDER'].map((suite) => `npm run bench -- --suite ${suite}`);
const LENGTH = 4096;
const THEIRS = 'transformers';

const kernel = (what: string) =>
  readSuite('kernels')?.rows.find((row) => row.threads === 1 && row.what.startsWith(what));

export function productGoal(): Goal {
  return {
    what: 'a product of 1,024³, one thread: share of the peak',
    figures: [{ value: kernel('product 1024')?.share ?? null, goal: 0.9, unit: 'share' }],
    command: KERNELS,
    why: () =>
      `For eight multiply-adds the tile loads two vectors and broadcasts four numbers; the peak loads nothing.`,
  };
}

const ATTENTION = [1024, LENGTH].flatMap((length) => {
  return ['', ', with backward'].map((passes) => `full attention, ${length} tokens${passes}`);
});

export function attentionGoal(): Goal {
  // The names of both passes begin with that of one.
  const rows = ATTENTION.map((name) =>
    readSuite('kernels')?.rows.find(({ what, threads }) => what === name && threads === 1),
  );
  return {
    what: 'full attention, one thread: products’ share of the peak at 1,024 / with backward / at 4,096 / with backward',
    figures: rows.map((row) => ({ value: row?.share ?? null, goal: 0.85, unit: 'share' })),
    command: KERNELS,
    why: () => {
      const [softmax, forward] = [kernel('softmax'), rows[2]];
      if (softmax === undefined || forward === undefined) return '';
      // Two heads.
      const seconds = (2 * LENGTH ** 2) / softmax.rate;
      return `Its exponentials are no multiply-adds of products. At the rate of the kernel \`softmax\` they take
  ${formatPercent((1000 * seconds) / forward.milliseconds)} of a forward pass over ${LENGTH.toLocaleString('en')} tokens.`;
    },
  };
}

/** Theirs over ours, one head of width 64 on one thread. */
function peer(variant: string, training: boolean): PeerRow | undefined {
  return readSuite('peers')?.rows.find(({ peer: name, contestant, task, threads }) => {
    if (name !== THEIRS || contestant !== variant || threads !== 1 || task.kind !== 'attention') return false;
    return task.heads === 1 && task.length === LENGTH && task.training === training;
  });
}

function figure(variant: string, training: boolean, goal: number): Figure {
  return { value: peer(variant, training)?.ratio ?? null, goal, unit: 'ratio' };
}

export function nystromformerGoal(): Goal {
  return {
    what: 'nystromformer, 4,096 tokens: Hugging Face’s module, forward / with backward',
    figures: [false, true].map((training) => figure('nystromformer', training, 1.2)),
    command: PEERS,
    why: () => ['forward', 'both'].map((kind) => whereItGoes('nystromformer', kind)).join(' '),
  };
}

const PATTERNS = ['bigbird', 'longformer', 'reformer'];

export function patternsGoal(): Goal {
  return {
    what: `${PATTERNS.join(' / ')}, 4,096 tokens, with backward: Hugging Face’s modules`,
    figures: PATTERNS.map((variant) => figure(variant, true, 1.5)),
    command: PEERS,
    why: () =>
      PATTERNS.filter((variant) => (peer(variant, true)?.ratio ?? Number.POSITIVE_INFINITY) < 1.5)
        .map((variant) => whereItGoes(variant, 'both'))
        .join(' '),
  };
}

/** The share of its kernels, and what its operations would take at the peak. */
function whereItGoes(variant: string, kind: string): string {
  const found = readSuite('profiles')?.rows.find((row) => {
    return row.what === variant && row.kind === kind && row.length === LENGTH;
  });
  if (found === undefined) return '';
  const theirs = peer(variant, kind === 'both')?.milliseconds;
  return `${sentencesOf(found)}${theirs === undefined ? '' : ` Theirs takes ${formatMilliseconds(theirs)}.`}`;
}

function sentencesOf({ what, kind, length, ops, milliseconds }: ProfileRow): string {
  const training = kind === 'both';
  const inKernels = formatPercent(shareOf(ops, () => true, 'kernelMilliseconds'));
  const peak = kernel('peak')?.rate;
  // As the variant counts them; both passes take about three and a half times as many.
  const counted = operations({ kind: 'attention', heads: 1, length, headDim: 64, training }, what, 1);
  const floor =
    peak === undefined
      ? ''
      : `; its operations would take about ${formatMilliseconds((1000 * counted) / peak)} at the peak`;
  const own = training ? ` ${formatPercent(shareOf(ops, isOfAttention))} is attention with its gradients.` : '';
  const passes = training ? 'with backward' : 'forward';
  return `Of ${formatMilliseconds(milliseconds)} of ${what} ${passes}, ${inKernels} is in kernels${floor}.${own}`;
}

const isOfAttention = ({ name }: { name: string }) => name === 'attention';
