/** Time for one more token against how many came before: flat where the state has a constant size. */
import { timeInTurns } from '../../src/compare/stopwatch.ts';
import { slice } from '../../src/core/ops/index.ts';
import { poolReady } from '../../src/core/parallel/pool.ts';
import { scope } from '../../src/core/scope.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { formatBytes, formatMilliseconds, formatRatio, formatWhole } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import { type Decoder, startDecoding } from '../../src/variants/decoding.ts';
import { allVariants } from '../../src/variants/registry.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { FOLLOWING } from './cells.ts';
import { drawInputs, type Suite } from './suite.ts';

const HEADS = 2;
const HEAD_DIM = 64;
/** Tokens that one timing is the mean of. */
const STEPS = 64;

export const decoding: Suite = {
  name: 'decoding',
  summary: 'time for one more token, and the memory of the state, against the position',
  async run({ rounds, quick, tell, width }) {
    const positions = quick ? [256, 1024] : [512, 1024, 2048, 4096, 8192];
    const maxLength = positions[positions.length - 1] + STEPS * rounds;
    await poolReady();
    const inputs = drawInputs(HEADS, maxLength, HEAD_DIM);
    const shape = { batch: 1, heads: HEADS, headDim: HEAD_DIM, dtype: 'float32', maxLength } as const;
    const variants = allVariants().filter(({ supports }) => supports.incremental);
    const options = variants.map((variant) => ({
      ...variant.defaults(positions[0]),
      ...FOLLOWING[variant.name]?.(maxLength),
      causal: true,
    }));
    const decoders = variants.map((variant, index) => startDecoding(variant, shape, options[index]));
    const rows: { variant: string; position: number; millisecondsPerToken: number; stateBytes: number }[] = [];
    for (const position of positions) {
      for (const [index, decoder] of decoders.entries()) {
        tell(`${variants[index].name}: up to token ${position}`);
        while (decoder.position < position) step(decoder, inputs);
      }
      const times = timeInTurns(
        decoders.map((decoder) => () => {
          for (let n = 0; n < STEPS; n++) step(decoder, inputs);
        }),
        { minTurns: rounds, maxTurns: rounds, patience: Number.POSITIVE_INFINITY },
      );
      decoders.forEach((decoder, index) => {
        const stateBytes = Object.values(decoder.state?.tensors ?? {}).reduce(
          (total, { block }) => total + block.bytes,
          0,
        );
        rows.push({ variant: variants[index].name, position, millisecondsPerToken: times[index] / STEPS, stateBytes });
      });
    }
    return { rows, table: tableOf(rows, positions, width) };
  },
};

function step(decoder: Decoder, { queries, keys, values }: AttentionInputs): void {
  const { position } = decoder;
  const token = (tensor: Tensor) => slice(tensor, 2, position, position + 1);
  scope(() => {
    void decoder.step({ queries: token(queries), keys: token(keys), values: token(values) });
  });
}

type Row = { variant: string; position: number; millisecondsPerToken: number; stateBytes: number };

function tableOf(rows: readonly Row[], positions: readonly number[], width: number | undefined): string {
  const titles = ['variant', ...positions.map((position) => `token ${formatWhole(position)}`), 'last / first', 'state'];
  const lines = [...new Set(rows.map(({ variant }) => variant))].map((name) => {
    const own = rows.filter(({ variant }) => variant === name);
    const [first, last] = [own[0], own[own.length - 1]];
    return [
      name,
      ...own.map(({ millisecondsPerToken }) => formatMilliseconds(millisecondsPerToken)),
      formatRatio(last.millisecondsPerToken / first.millisecondsPerToken),
      formatBytes(last.stateBytes),
    ];
  });
  return formatTable(
    titles.map((title, index) => ({ title, align: index === 0 ? ('left' as const) : ('right' as const) })),
    lines,
    { width },
  );
}
