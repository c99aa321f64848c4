/**
 * Where the time goes of what the suites `peers` and `generation` compare: whoever wonders why a ratio is what it is finds the
 * shares here. Passes forward and backward op by op, with one head; forward passes and decoded tokens, which keep no tape and so
 * name no ops, as a whole, in kernels and in the JavaScript around them. On one thread, with the inputs that the peers have.
 */
import { setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { type OpProfile, opEnded, profileOps } from '../../src/core/profile.ts';
import { formatMilliseconds, formatPercent, formatWhole } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import type { Prepared } from '../peers/peer.ts';
import { prepareAttention } from '../peers/us-attention.ts';
import { MOST_TOKENS, prepareDecodedToken } from '../peers/us-decoded-token.ts';
import { SIZES, TINY } from './generation.ts';
import type { Suite } from './suite.ts';

export interface ProfileRow extends Record<string, unknown> {
  /** A variant, or the size of a model. */
  what: string;
  kind: 'forward' | 'both' | 'token';
  /** Tokens, or those before one more. */
  length: number;
  /** Of one pass or token. */
  milliseconds: number;
  /** Over all `passes`. */
  passes: number;
  ops: OpProfile[];
}

const HEAD_DIM = 64;
const SHOWN = 6;
/** A profile is of as many passes as take about this long. */
const PROFILE_MILLISECONDS = 1500;
const WARMING = 5;

export const profiles: Suite = {
  name: 'profiles',
  summary: 'where the time of attention and of a decoded token goes, on one thread',
  async run({ quick, tell, width }) {
    const all = threadCount();
    const rows: ProfileRow[] = [];
    try {
      setThreads(1);
      for (const what of ['nystromformer', 'bigbird', 'longformer', 'reformer', 'full']) {
        for (const length of quick ? [512] : what === 'full' ? [1024, 4096] : [4096]) {
          for (const kind of ['forward', 'both'] as const) {
            tell(`${what}, ${length} tokens, ${kind}`);
            const task = { kind: 'attention', heads: 1, length, headDim: HEAD_DIM, training: kind === 'both' } as const;
            rows.push(await profileOf({ what, kind, length }, prepareAttention(what, task)));
          }
        }
      }
      for (const { name: what, width, length, model } of quick ? [TINY] : SIZES) {
        tell(`a token, ${what}`);
        rows.push(await profileOf({ what, kind: 'token', length }, prepareDecodedToken({ ...model, width, length })));
      }
    } finally {
      setThreads(all);
    }
    return { rows, table: rows.map((row) => tableOf(row, width)).join('\n\n') };
  },
};

async function profileOf(about: Pick<ProfileRow, 'what' | 'kind' | 'length'>, prepared: Prepared): Promise<ProfileRow> {
  const start = performance.now();
  for (let n = 0; n < WARMING; n++) await prepared.run();
  const once = (performance.now() - start) / WARMING;
  const most = about.kind === 'token' ? MOST_TOKENS - WARMING : Number.POSITIVE_INFINITY;
  const passes = Math.min(most, Math.max(3, Math.round(PROFILE_MILLISECONDS / once)));
  const { ops } = await profileOps(async () => {
    for (let n = 0; n < passes; n++) {
      await prepared.run();
      // What keeps no tape is one op.
      if (about.kind !== 'both') opEnded(about.kind);
    }
  });
  prepared.release();
  return { ...about, milliseconds: totalOf(ops) / passes, passes, ops };
}

export const totalOf = (ops: readonly OpProfile[]): number =>
  ops.reduce((sum, { milliseconds }) => sum + milliseconds, 0);

/** The share of some of a profile's time: of whole ops, or of their kernels alone. */
export function shareOf(
  ops: readonly OpProfile[],
  belongs: (op: OpProfile) => boolean,
  of: 'milliseconds' | 'kernelMilliseconds' = 'milliseconds',
): number {
  return ops.filter(belongs).reduce((sum, op) => sum + op[of], 0) / totalOf(ops);
}

const KINDS = { forward: 'forward', both: 'forward and backward; (b) are gradients', token: 'one more' } as const;

function tableOf({ what, kind, length, milliseconds, passes, ops }: ProfileRow, width: number | undefined): string {
  const lines = ops
    .slice(0, SHOWN)
    .map((op) => [
      op.backward ? `${op.name} (b)` : op.name,
      formatMilliseconds(op.milliseconds / passes),
      formatPercent(op.milliseconds / totalOf(ops)),
      formatPercent(op.kernelMilliseconds / totalOf(ops)),
      formatWhole(op.calls / passes),
    ]);
  const columns = ['op', 'time', 'share', 'in kernels', 'calls'].map((title, index) => ({
    title,
    align: index === 0 ? ('left' as const) : ('right' as const),
  }));
  const title = `${what}, ${formatWhole(length)} tokens: ${formatMilliseconds(milliseconds)}, ${KINDS[kind]}`;
  return `${title}\n\n${formatTable(columns, lines, { width })}`;
}
