/**
 * A stream without end: 10⁶ tokens through each variant whose state keeps its size, on one thread. Each piece of it has to take
 * as long as the first, and hold as much.
 */
import { fittedSlope } from '../../src/compare/series.ts';
import { memoryStatistics, resetPeak } from '../../src/core/memory.ts';
import { setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { scope } from '../../src/core/scope.ts';
import { formatBytes, formatMilliseconds, formatRatio, formatWhole } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import { type Decoder, startDecoding } from '../../src/variants/decoding.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';
import { stateBytes } from '../../src/variants/state.ts';
import { FOLLOWING } from './cells.ts';
import { drawInputs, processorMilliseconds, type Suite, variantsFor } from './suite.ts';

const HEADS = 1;
const HEAD_DIM = 64;
/** Options are the defaults for this length. */
const USUAL_LENGTH = 1024;

/** Tokens: of a call, between two figures, in all. */
interface Sizes {
  call: number;
  part: number;
  all: number;
}

const STREAM: Sizes = { call: 1000, part: 100_000, all: 1_000_000 };
const SHORT: Sizes = { call: 250, part: 1000, all: 4000 };

/** A state that grows with the text doubles from the first of these places to the second; one with a window may vary a little. */
const PLACES = [2000, 4000] as const;
const VARIES = 1.25;

/** A part of a stream. */
export interface StreamRow extends Record<string, unknown> {
  variant: string;
  /** Tokens so far, at the end of the part. */
  tokens: number;
  /** Of the processor. */
  milliseconds: number;
  /** Of the state. */
  stateBytes: number;
  /** Of all tensors that live between two calls, beyond the inputs. */
  liveBytes: number;
  /** The most within a call. */
  peakBytes: number;
  /** Resident, of the process. */
  residentBytes: number;
}

export const stream: Suite = {
  name: 'stream',
  summary:
    'a stream of 10⁶ tokens through each variant whose state keeps its size: time and memory of each tenth of it',
  async run({ quick, tell, width }) {
    const sizes = quick ? SHORT : STREAM;
    const threads = threadCount();
    setThreads(1);
    try {
      const variants = variantsFor({ quick });
      const rows = variants
        .filter((variant) => keepsItsSize(variant))
        .flatMap((variant) =>
          streamOf(variant, sizes, (tokens) => tell(`${variant.name}: ${formatWhole(tokens)} tokens`)),
        );
      const others = variants.filter(({ name }) => rows.every(({ variant }) => variant !== name));
      const grow = others.filter(({ supports }) => supports.incremental).map(({ name }) => name);
      const table = `${tableOf(rows, width)}\n\nLeft out, since their states grow: ${grow.join(', ')}`;
      return { rows, table, details: { sizes, heads: HEADS, headDim: HEAD_DIM, grow } };
    } finally {
      setThreads(threads);
    }
  },
};

/** Whether a variant has a state that does not grow with the text, by its first tokens. */
export function keepsItsSize(variant: AnyVariant): boolean {
  // Options that have to follow the length stand for tables of that size.
  if (!variant.supports.incremental || variant.name in FOLLOWING) return false;
  const decoder = start(variant, PLACES[1]);
  const read = reader(decoder, SHORT.call);
  const [early, late] = PLACES.map((place) => {
    while (decoder.position < place) read();
    return bytesOf(decoder);
  });
  decoder.end();
  return late <= VARIES * early;
}

/** Reads a stream, and measures its parts. `told` is called after each with the number of tokens so far. */
export function streamOf(variant: AnyVariant, sizes: Sizes, told: (tokens: number) => void = () => {}): StreamRow[] {
  const read = (decoder: Decoder) => reader(decoder, sizes.call);
  // Compiles.
  const first = start(variant, sizes.all);
  for (let n = 0; n < 4; n++) read(first)();
  first.end();

  const before = memoryStatistics().liveBytes;
  const decoder = start(variant, sizes.all);
  const next = read(decoder);
  const rows: StreamRow[] = [];
  while (decoder.position < sizes.all) {
    const end = decoder.position + sizes.part;
    resetPeak();
    const begin = processorMilliseconds();
    while (decoder.position < end) next();
    const milliseconds = processorMilliseconds() - begin;
    const { liveBytes, peakBytes } = memoryStatistics();
    rows.push({
      variant: variant.name,
      tokens: decoder.position,
      milliseconds,
      stateBytes: bytesOf(decoder),
      liveBytes: liveBytes - before,
      peakBytes: peakBytes - before,
      residentBytes: process.memoryUsage.rss(),
    });
    told(decoder.position);
  }
  decoder.end();
  return rows;
}

function start(variant: AnyVariant, maxLength: number): Decoder {
  const shape = { batch: 1, heads: HEADS, headDim: HEAD_DIM, dtype: 'float32', maxLength } as const;
  return startDecoding(variant, shape, { ...variant.defaults(USUAL_LENGTH), causal: true });
}

const bytesOf = ({ state }: Decoder): number => (state === null ? 0 : stateBytes(state));

/** Reads the same tokens in each call. */
function reader(decoder: Decoder, call: number): () => void {
  const inputs = inputsOf(call);
  return () => scope(() => void decoder.step(inputs));
}

const drawn = new Map<number, ReturnType<typeof drawInputs>>();

function inputsOf(call: number): ReturnType<typeof drawInputs> {
  const known = drawn.get(call) ?? drawInputs(HEADS, call, HEAD_DIM);
  drawn.set(call, known);
  return known;
}

/** The exponent of the time up to a token: 1 is linear. */
export function slopeOf(rows: readonly Pick<StreamRow, 'tokens' | 'milliseconds'>[]): number {
  let y = 0;
  return fittedSlope(
    rows.map(({ tokens, milliseconds }) => {
      y += milliseconds;
      return { length: tokens, y };
    }),
    0,
  );
}

function tableOf(rows: readonly StreamRow[], width: number | undefined): string {
  const titles = [
    'variant',
    'all',
    'last / first part',
    'slope',
    'state',
    'live, first part',
    'live, last part',
    'peak',
  ];
  const lines = streamLines(rows);
  return formatTable(
    titles.map((title, index) => ({ title, align: index === 0 ? ('left' as const) : ('right' as const) })),
    lines,
    { width },
  );
}

/** A line for each variant, for tables. */
export function streamLines(rows: readonly StreamRow[]): string[][] {
  return [...new Set(rows.map(({ variant }) => variant))].map((name) => {
    const own = rows.filter(({ variant }) => variant === name);
    const [first, last] = [own[0], own[own.length - 1]];
    return [
      name,
      formatMilliseconds(own.reduce((sum, { milliseconds }) => sum + milliseconds, 0)),
      formatRatio(last.milliseconds / first.milliseconds),
      slopeOf(own).toFixed(2),
      formatBytes(last.stateBytes),
      formatBytes(first.liveBytes),
      formatBytes(last.liveBytes),
      formatBytes(Math.max(...own.map(({ peakBytes }) => peakBytes))),
    ];
  });
}
