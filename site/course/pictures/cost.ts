/** Pictures of what full attention costs: counted, and timed where the picture is drawn. */
import { noGrad } from '../../../src/core/autograd.ts';
import { scope } from '../../../src/core/scope.ts';
import { formatBytes, formatCount, formatMilliseconds } from '../../../src/terminal/format.ts';
import { attend } from '../../../src/variants/attend.ts';
import type { AnyVariant } from '../../../src/variants/registry.ts';
import { type ChartLine, type Drawn, number, type Settings } from '../drawn.ts';
import { drawn, variantNamed } from './tools.ts';

const COUNTED = [256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];
const HEAD_DIM = 64;
const FLOAT_BYTES = 4;

export function counted(settings: Settings): Drawn {
  const [length, heads] = ['length', 'heads'].map((name) => number(settings, name));
  const matrix = (tokens: number): number => heads * tokens ** 2 * FLOAT_BYTES;
  const inputs = (tokens: number): number => 3 * heads * tokens * HEAD_DIM * FLOAT_BYTES;
  const flops = (tokens: number): number => {
    const shape = {
      batch: 1,
      heads,
      queryLength: tokens,
      keyLength: tokens,
      headDim: HEAD_DIM,
      dtype: 'float32',
    } as const;
    const full = variantNamed('full');
    return full.cost(shape, full.defaults(tokens)).flops;
  };
  const over = (of: (tokens: number) => number) =>
    COUNTED.filter((tokens) => tokens <= length).map((tokens) => [tokens, of(tokens)] as const);
  return {
    panels: [
      {
        kind: 'chart',
        title: 'Bytes',
        x: { label: 'tokens', log: true, from: COUNTED[0], to: COUNTED[COUNTED.length - 1] },
        y: { label: 'bytes', log: true, from: inputs(COUNTED[0]), to: matrix(COUNTED[COUNTED.length - 1]) },
        lines: [
          { name: 'the matrix of weights, L × L', points: over(matrix) },
          { name: 'queries, keys and values, L × 3d', points: over(inputs) },
        ],
      },
      {
        kind: 'bars',
        title: `At ${length.toLocaleString('en')} tokens`,
        bars: [
          { name: 'weights', value: matrix(length), text: formatBytes(matrix(length)) },
          { name: 'q, k and v', value: inputs(length), text: formatBytes(inputs(length)) },
        ],
      },
    ],
    says: `${heads} heads, ${length.toLocaleString('en')} tokens: ${formatCount(flops(length))} operations, and ${formatBytes(matrix(length))} for the weights if they are stored. Twice the tokens take ${(flops(2 * length) / flops(length)).toFixed(1)} times the operations.`,
  };
}

const TIMED = [128, 256, 512, 1024, 2048];
const ROUNDS = 3;
const WINDOW = 64;

/** `measure`: times both here and now; else shows what was given, the points of a bench. */
export function timed(settings: Settings): Drawn {
  const lines = settings.measure === true ? measured() : given(settings);
  const [full, local] = lines.map(({ points }) => points[points.length - 1]);
  const [earlier] = lines.map(({ points }) => points[points.length - 2]);
  const where = settings.measure === true ? 'In this page' : 'On our machine';
  const all = lines.flatMap(({ points }) => points.map(([tokens]) => tokens));
  return {
    panels: [
      {
        kind: 'chart',
        title: `${where}: one forward pass`,
        x: { label: 'tokens', log: true, from: Math.min(...all), to: Math.max(...all) },
        y: { label: 'milliseconds', log: true },
        lines,
      },
    ],
    says: `${where}, full attention takes ${formatMilliseconds(full[1])} at ${full[0].toLocaleString('en')} tokens, ${(full[1] / earlier[1]).toFixed(1)} times as long as at half of them. A window takes ${formatMilliseconds(local[1])}.`,
  };
}

function measured(): ChartLine[] {
  const longformer = variantNamed('longformer');
  const runs: { name: string; variant: AnyVariant; options: Record<string, unknown> }[] = [
    { name: 'full attention', variant: variantNamed('full'), options: {} },
    {
      name: `a window of ${WINDOW} tokens (longformer)`,
      variant: longformer,
      options: { attentionWindow: WINDOW, globalPositions: [] },
    },
  ];
  return runs.map(({ name, variant, options }) => ({
    name,
    points: TIMED.map((length) => {
      const inputs = drawn(length, HEAD_DIM, 0, 'gaussian');
      const once = (): number => {
        const from = performance.now();
        scope(() => noGrad(() => void attend(variant, inputs, options, { checkFinite: false })));
        return performance.now() - from;
      };
      once();
      return [length, Math.max(0.01, Math.min(...Array.from({ length: ROUNDS }, once)))] as const;
    }),
  }));
}

/** Of the bench: the settings hold lengths and times as JSON, since the build knows them and the page does not. */
function given(settings: Settings): ChartLine[] {
  return JSON.parse(String(settings.bench)) as ChartLine[];
}
