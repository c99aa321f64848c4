/** Peak memory of a training step against depth: layers that keep their activations, and reversible ones. */
import { backward, zeroGrad } from '../../src/core/autograd.ts';
import { measureMemory } from '../../src/core/memory.ts';
import { mean, square } from '../../src/core/ops/index.ts';
import { poolReady } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray } from '../../src/core/tensor.ts';
import { formatBytes, formatMilliseconds, formatRatio, formatWhole } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import { completeConfig } from '../../src/training/config.ts';
import { Transformer } from '../../src/training/transformer.ts';
import type { Suite } from './suite.ts';

const DEPTHS = [2, 6, 12];
const SIZES = { vocabulary: 256, modelDim: 64, heads: 2, dropout: 0 };

interface Row extends Record<string, unknown> {
  residual: 'plain' | 'reversible';
  layers: number;
  length: number;
  /** The most that a step held beyond the parameters and their gradients. */
  activationBytes: number;
  milliseconds: number;
}

export const reversible: Suite = {
  name: 'reversible',
  summary: 'peak activation memory of a training step against the number of layers',
  async run({ quick, tell, width }) {
    await poolReady();
    const length = quick ? 512 : 4096;
    const rows: Row[] = [];
    for (const residual of ['plain', 'reversible'] as const) {
      for (const layers of DEPTHS) {
        tell(`${residual}, ${layers} layers`);
        rows.push(measure(residual, layers, length));
      }
    }
    return { rows, table: tableOf(rows, width) };
  },
};

function measure(residual: Row['residual'], layers: number, length: number): Row {
  return scope(() => {
    const attention = { variant: 'longformer', options: { attentionWindow: 128 } };
    const config = completeConfig({ ...SIZES, length, layers, residual, attention });
    const random = new Random(1);
    const model = new Transformer(config, random.split('model'));
    const parameters = [...model.tensors().values()];
    const tokens = fromArray(
      Array.from({ length }, () => random.integer(SIZES.vocabulary)),
      [1, length],
      'int32',
    );
    const step = () =>
      scope(() => {
        backward(mean(square(model.forward(tokens, { training: true, random: random.split('step') }))));
      });
    // The gradients that the first step leaves behind are there in the second one from the start.
    step();
    const start = performance.now();
    const { peakBytes } = measureMemory(step);
    const milliseconds = performance.now() - start;
    zeroGrad(parameters);
    return { residual, layers, length, activationBytes: peakBytes, milliseconds };
  });
}

function tableOf(rows: readonly Row[], width: number | undefined): string {
  const titles = ['layers', 'residual', 'activations', 'of 2 layers', 'step'];
  const lines = rows.map(({ residual, layers, activationBytes, milliseconds }) => {
    const shallow = rows.find((row) => row.residual === residual && row.layers === DEPTHS[0]);
    const ratio = activationBytes / (shallow?.activationBytes ?? Number.NaN);
    return [
      formatWhole(layers),
      residual,
      formatBytes(activationBytes),
      formatRatio(ratio),
      formatMilliseconds(milliseconds),
    ];
  });
  return formatTable(
    titles.map((title, index) => ({ title, align: index === 1 ? ('left' as const) : ('right' as const) })),
    lines,
    { width },
  );
}
