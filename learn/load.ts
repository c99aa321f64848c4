/**
 * Runs the learner's file: types off, every loop and function guarded, typed arrays bounded, imports only of what is given.
 * It needs no Node, so that a page can do it in a worker. It holds up accidents, not attacks: what must not be trusted belongs
 * in a container.
 */
import { transform } from 'sucrase';
import { visible } from '../src/core/visible.ts';
import type { Code } from './exercise.ts';
import { guarded, MADE, TICK } from './guard.ts';
import { Meter } from './meter.ts';

/** What the learner's file may import, by the end of its name. */
export type Imports = Readonly<Record<string, object>>;

/** The file cannot run. */
export class NotRunnable extends Error {
  constructor(
    readonly kind: 'syntax' | 'import',
    message: string,
    readonly line: number | null = null,
    readonly column: number | null = null,
  ) {
    super(message);
  }
}

/** The file uses what reaches outside. */
export class NotGiven extends Error {}

export interface Loaded {
  readonly code: Code;
  readonly meter: Meter;
  /** What the file printed with `console.log`, at most a few lines. */
  readonly printed: string[];
}

/** The name of the script in stack traces. */
const SCRIPT = 'your-code.js';
const MOST_PRINTED = 20;
/** Not for the learner's file: what reaches outside, or comes later than the result. */
const HIDDEN = [
  ...['process', 'globalThis', 'self', 'global', 'window', 'Buffer', 'Function', 'Worker', 'SharedArrayBuffer'],
  ...[
    'Atomics',
    'WebAssembly',
    'fetch',
    'WebSocket',
    'XMLHttpRequest',
    'EventSource',
    'indexedDB',
    'caches',
    'postMessage',
    'importScripts',
  ],
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'],
];
const TYPED = [
  Float32Array,
  Float64Array,
  Int8Array,
  Int16Array,
  Int32Array,
  Uint8Array,
  Uint8ClampedArray,
  Uint16Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
];

/** The exports of a file. Throws NotRunnable, TooMuch, and whatever the file itself throws. */
export function load(source: string, imports: Imports, meter = new Meter()): Loaded {
  const script = scriptOf(source);
  const printed: string[] = [];
  const print = (...values: unknown[]) => {
    if (printed.length < MOST_PRINTED) printed.push(values.map(textOf).join(' '));
  };
  const names = { console: { log: print, info: print, warn: print, error: print, debug: print }, ...bounded(meter) };
  const exports: Record<string, unknown> = {};
  const find = (name: string): object => {
    const found = Object.entries(imports).find(([end]) => name === end || name.endsWith(`/${end}`));
    if (found !== undefined) return named(...found);
    throw new NotRunnable('import', `there is nothing to import from '${name}' here: an exercise has given.ts only`);
  };
  const parameters = ['exports', 'require', TICK, MADE, ...Object.keys(names), ...HIDDEN];
  const run = new Function(...parameters, `${script}\n//# sourceURL=${SCRIPT}`);
  meter.start();
  run(exports, find, meter.tick, meter.made, ...Object.values(names), ...HIDDEN.map(notGiven));
  return { code: exports as unknown as Code, meter, printed };
}

/** A module that says so when it is asked for a name that it does not export. */
function named(end: string, module: object): object {
  return new Proxy(module, {
    get(target, name) {
      // What compiled imports ask every module.
      const isAsked = typeof name === 'symbol' || name === '__esModule' || name === 'default';
      if (isAsked || name in target) return Reflect.get(target, name) as unknown;
      const all = Object.keys(target);
      const what = all.length > 12 ? '' : `: it has ${all.join(', ')}`;
      throw new NotRunnable('import', `${end} exports no ${name}${what}`);
    },
  });
}

/** Stands for a global: every use throws. */
function notGiven(name: string): unknown {
  const refuse = (): never => {
    throw new NotGiven(`${name} is not for an exercise, which makes its result from its arguments alone`);
  };
  return new Proxy(() => {}, { get: refuse, set: refuse, has: refuse, apply: refuse, construct: () => refuse() });
}

function scriptOf(source: string): string {
  const { code } = parsed(() =>
    transform(source, {
      transforms: ['typescript', 'imports'],
      disableESTransforms: true,
      // So that an import of what is not there is refused although nothing uses it.
      keepUnusedImports: true,
      preserveDynamicImport: true,
    }),
  );
  const refuse = (kind: 'import' | 'syntax', what: string, line: number): never => {
    throw new NotRunnable(kind, what, line);
  };
  try {
    return parsed(() => guarded(code, refuse));
  } catch (error) {
    // The columns are those of sucrase's script; the lines are the same.
    if (error instanceof NotRunnable) throw new NotRunnable(error.kind, error.message, error.line);
    throw error;
  }
}

/** Both parsers write the place into the message. */
function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof NotRunnable) throw error;
    const message = error instanceof Error ? error.message : String(error);
    const [, line, column] = /\((\d+):(\d+)\)/.exec(message) ?? [];
    const what = message.replace(/^Error transforming[^:]*: /, '').replace(/ ?\(\d+:\d+\)/, '');
    const number = (text: string | undefined) => (text === undefined ? null : Number(text));
    throw new NotRunnable('syntax', what, number(line), number(column));
  }
}

/** Arrays and buffers that count what they take when they are made with a length. */
function bounded(meter: Meter): Record<string, unknown> {
  const counted = (type: new (...values: never[]) => unknown, size: number) => {
    const count = ([first]: unknown[]) => {
      const isCopy = type !== Array && typeof first === 'object' && first !== null && 'length' in first;
      meter.allocate(size * (typeof first === 'number' ? first : isCopy ? Number(first.length) : 0));
    };
    const proxy: object = new Proxy(type, {
      construct(target, values: unknown[], self) {
        count(values);
        return Reflect.construct(target, values, self === proxy ? target : self) as object;
      },
      // `Array(n)` is `new Array(n)`; the others refuse it.
      apply(target, self, values: unknown[]) {
        count(values);
        return Reflect.apply(target as never, self, values);
      },
    });
    return proxy;
  };
  const sizes = [
    ...TYPED.map((type) => [type, type.BYTES_PER_ELEMENT] as const),
    [ArrayBuffer, 1] as const,
    [Array, 8] as const,
  ];
  return Object.fromEntries(sizes.map(([type, size]) => [type.name, counted(type as never, size)]));
}

/** The line of the learner's file that an error comes from; null if it comes from elsewhere. */
export function lineOf(error: unknown): number | null {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return null;
  const found = new RegExp(`${SCRIPT}:(\\d+):\\d+`).exec(error.stack);
  return found === null ? null : Number(found[1]) - headerLines();
}

let header: number | null = null;
/** How many lines an engine writes before the body of a `new Function`: two, in V8. */
function headerLines(): number {
  if (header !== null) return header;
  try {
    new Function(`throw new Error();\n//# sourceURL=${SCRIPT}`)();
  } catch (error) {
    const found = new RegExp(`${SCRIPT}:(\\d+)`).exec((error as Error).stack ?? '');
    header = found === null ? 0 : Number(found[1]) - 1;
  }
  return header ?? 0;
}

/** Of control characters only the end of a line stays: the others could change the terminal. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return visible(value.slice(0, 500), '\n\t');
  try {
    return visible((JSON.stringify(value) ?? String(value)).slice(0, 500));
  } catch {
    return visible(String(value).slice(0, 500));
  }
}
