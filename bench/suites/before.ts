/**
 * This checkout compared with another one, an earlier commit of it, in one process and in turns: every variant that both
 * have, forward and with backward, and a step of its generation. What is loaded of the other is its public API.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { timeInTurns } from '../../src/compare/stopwatch.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { threadCount } from '../../src/core/parallel/pool.ts';
import { formatMilliseconds, formatRatio } from '../../src/terminal/format.ts';
import { formatTable } from '../../src/terminal/table.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';
import type { Suite, SuiteSettings } from './suite.ts';

const HEADS = 2;
const HEAD_DIM = 64;
/** Tokens that one timing of generation is the mean of. */
const STEPS = 64;
/** Runs of each body before it is timed. */
const WARM_UP = 20;
/** Steps of another generation before one is timed: a step is so short that engines compile it only after thousands. */
const WARM_UP_STEPS = 6000;
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

type Api = typeof import('../../src/index.ts');

interface Library extends Api {
  measureMemory: typeof import('../../src/core/memory.ts').measureMemory;
}

export interface BeforeRow extends Record<string, unknown> {
  variant: string;
  causal: boolean;
  /** `forward`, `with backward`, or the position of a step of generation. */
  what: string;
  beforeMilliseconds: number;
  nowMilliseconds: number;
  /** Before / now: above 1, it has become faster. */
  speed: number;
  beforeBytes: number | null;
  nowBytes: number | null;
}

export const before: Suite = {
  name: 'before',
  summary: 'this checkout compared with an earlier one (--before FOLDER): time before / time now',
  async run(settings) {
    const folder = settings.before;
    if (folder === undefined) throw new ArgumentError('--before: expected the folder of another checkout, got none');
    const libraries = [await libraryIn(folder), await libraryIn(ROOT)] as const;
    for (const library of libraries) library.setThreads(threadCount());
    for (const library of libraries) await library.poolReady();
    const [other, own] = libraries;
    const names = own.allVariants().map(({ name }) => name);
    const known = other.allVariants().map(({ name }) => name);
    const rows: BeforeRow[] = [];
    for (const name of names.filter((each) => known.includes(each))) {
      for (const causal of variantOf(own, name).supports.causal ? [false, true] : [false]) {
        settings.tell(`${name}${causal ? ', causal' : ''}`);
        rows.push(...passesOf(libraries, name, causal, settings));
      }
      if (variantOf(own, name).supports.incremental) rows.push(...stepsOf(libraries, name, settings));
    }
    return { rows, table: tableOf(rows, settings.width), details: { commit: commitOf(folder) } };
  },
};

/** Of a checkout; `unknown` where git cannot tell. */
function commitOf(folder: string): string {
  const { status, stdout } = spawnSync('git', ['-C', folder, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : 'unknown';
}

async function libraryIn(folder: string): Promise<Library> {
  const load = (...path: string[]) => import(pathToFileURL(resolve(join(folder, 'src', ...path))).href);
  if (!existsSync(join(folder, 'src', 'index.ts'))) {
    throw new ArgumentError(`--before: expected a checkout with src/index.ts, got ${folder}`);
  }
  const { measureMemory } = await load('core', 'memory.ts');
  return { ...((await load('index.ts')) as Api), measureMemory };
}

function variantOf({ findVariant }: Library, name: string): AnyVariant {
  const variant = findVariant(name);
  if (variant === undefined) throw new ArgumentError(`variant: expected one of both checkouts, got ${name}`);
  return variant;
}

function passesOf(libraries: readonly Library[], name: string, causal: boolean, settings: SuiteSettings): BeforeRow[] {
  const { rounds, quick } = settings;
  const length = quick ? 512 : 4096;
  const calls = libraries.map((library) => {
    const variant = variantOf(library, name);
    const inputs = drawnBy(library, length);
    const shape = library.checkInputs(inputs);
    const options = { causal };
    const parameters = library.drawParameters(variant, library.checkOptions(variant, options, shape), shape, 1);
    const leaves = [inputs.queries, inputs.keys, inputs.values];
    const call = () => library.attend(variant, inputs, options, { parameters, checkFinite: false });
    const forward = () => library.scope(() => void library.noGrad(call));
    const training = () =>
      library.scope(() => {
        for (const leaf of leaves) leaf.requiresGrad = true;
        library.backward(library.ops.sum(call()));
        library.zeroGrad(leaves);
        for (const leaf of leaves) leaf.requiresGrad = false;
      });
    return { library, forward, training };
  });
  return (['forward', 'training'] as const).map((kind) => {
    const peaks = calls.map(({ library, [kind]: body }) => peakOf(library, body));
    const bodies = calls.map(({ [kind]: body }) => body);
    return rowOf(name, causal, kind === 'forward' ? kind : 'with backward', timed(bodies, rounds), peaks);
  });
}

function stepsOf(libraries: readonly Library[], name: string, { rounds, quick }: SuiteSettings): BeforeRow[] {
  const positions = quick ? [128] : [512, 2048, 8192];
  const maxLength = positions[positions.length - 1] + STEPS * (rounds + WARM_UP);
  if (!quick) {
    const other = libraries.map((library) => generationBy(library, name, WARM_UP_STEPS));
    for (let n = 0; n < WARM_UP_STEPS; n++) for (const { step } of other) step();
  }
  const runs = libraries.map((library) => generationBy(library, name, maxLength));
  return positions.map((target) => {
    for (const { step, position } of runs) while (position() < target) step();
    const bodies = runs.map(({ step }) => () => {
      for (let n = 0; n < STEPS; n++) step();
    });
    const times = timed(bodies, rounds).map((time) => time / STEPS);
    return rowOf(name, true, `step at ${target}`, times, [null, null]);
  });
}

function generationBy(library: Library, name: string, maxLength: number) {
  const { queries, keys, values } = drawnBy(library, maxLength);
  const sizes = { batch: 1, heads: HEADS, headDim: HEAD_DIM, dtype: 'float32', maxLength } as const;
  const decoder = library.startDecoding(variantOf(library, name), sizes);
  let position = 0;
  const step = () =>
    library.scope(() => {
      const token = (tensor: typeof queries) => library.ops.slice(tensor, 2, position, position + 1);
      void decoder.step({ queries: token(queries), keys: token(keys), values: token(values) });
      position++;
    });
  return { step, position: () => position };
}

function drawnBy(library: Library, length: number) {
  const random = new library.Random(1);
  const draw = () => library.keep(library.randomNormal([1, HEADS, length, HEAD_DIM], random));
  return { queries: draw(), keys: draw(), values: draw() };
}

const timed = (bodies: readonly (() => void)[], rounds: number): number[] => {
  // Engines compile what has run often, and code that is newer to them would be measured as it warms up.
  for (let run = 0; run < WARM_UP; run++) for (const body of bodies) body();
  return timeInTurns(bodies, { minTurns: rounds, maxTurns: rounds, patience: Number.POSITIVE_INFINITY });
};

/** The most bytes live at once beyond those before. */
function peakOf(library: Library, body: () => void): number {
  // The first run draws what is cached.
  body();
  return library.measureMemory(body).peakBytes;
}

function rowOf(
  variant: AnyVariant['name'],
  causal: boolean,
  what: string,
  [beforeMilliseconds, nowMilliseconds]: readonly number[],
  [beforeBytes, nowBytes]: readonly (number | null)[],
): BeforeRow {
  const speed = beforeMilliseconds / nowMilliseconds;
  return { variant, causal, what, beforeMilliseconds, nowMilliseconds, speed, beforeBytes, nowBytes };
}

function tableOf(rows: readonly BeforeRow[], width: number | undefined): string {
  const columns = ['variant', 'what', 'before', 'now', 'before / now', 'memory now / before'];
  const lines = rows.map(({ variant, causal, what, beforeMilliseconds, nowMilliseconds, speed, ...bytes }) => [
    variant,
    causal && !what.startsWith('step') ? `${what}, causal` : what,
    formatMilliseconds(beforeMilliseconds),
    formatMilliseconds(nowMilliseconds),
    formatRatio(speed),
    bytes.beforeBytes === null || bytes.nowBytes === null ? '' : formatRatio(bytes.nowBytes / bytes.beforeBytes),
  ]);
  return formatTable(
    columns.map((title, index) => ({ title, align: index < 2 ? ('left' as const) : ('right' as const) })),
    lines,
    { width },
  );
}
