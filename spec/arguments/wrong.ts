/** Arguments of wrong kinds, and what must come of them: a typed error that names the argument, and nothing kept. */
import * as assert from 'uvu/assert';
import { EfficientTransformersError } from '../../src/core/errors.ts';
import { memoryStatistics, release } from '../../src/core/memory.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, filled, Tensor, zeros } from '../../src/core/tensor.ts';
import { allVariants } from '../../src/variants/registry.ts';

/** A registered variant is taken as a whole: `register` looks into what it gets. */
const VARIANTS = new Set<unknown>(allVariants());

/** One of everything that JavaScript may hand over. */
const WRONG = {
  undefined: () => undefined,
  null: () => null,
  boolean: () => true,
  number: () => 5,
  fraction: () => 0.5,
  negative: () => -3,
  NaN: () => Number.NaN,
  text: () => 'x',
  symbol: () => Symbol('x'),
  bigint: () => 5n,
  function: () => () => undefined,
  list: () => [],
  'list of nothing': () => [undefined],
  'typed array': () => Float32Array.of(1.5, 2),
  'array of bigints': () => BigInt64Array.of(1n),
  record: () => ({}),
  'record of a stranger': () => ({ noSuchMember: 1 }),
  'record without a prototype': () => Object.create(null),
  map: () => new Map(),
  date: () => new Date(0),
  'regular expression': () => /x/,
  tensor: () => zeros([1]),
  'released tensor': () => released(),
} as const satisfies Record<string, () => unknown>;

export type Kind = keyof typeof WRONG;

function released(): Tensor {
  const made: Tensor[] = [];
  scope(() => void made.push(zeros([2, 2])));
  return made[0];
}

/** A way to call something rightly. */
export interface Call {
  /** Right arguments, made anew for every try. */
  args(): unknown[];
  /** What is called with them. */
  run(...args: never[]): unknown;
  /** Kinds that are right too, by the path of the argument: `0`, `1.seed`. They may be taken, and may be refused. */
  also?: Readonly<Record<string, readonly Kind[]>>;
  /** How far into lists and records of an argument wrong ones are put. */
  depth?: number;
  /** Names of the arguments, where they cannot be read from the function. */
  names?: readonly string[];
  /** What else messages may begin with: the name of a tensor in a file. */
  aliases?: readonly string[];
  /** Gives back what a call keeps beyond a scope. */
  end?(result: unknown): void;
  /** Gives back what right arguments hold beyond a scope, whatever came of the call. */
  after?(args: readonly unknown[]): void;
  /** Whether refused calls may have done some work before: an example in a callback is looked at when it comes. */
  keeps?: boolean;
}

/** What kinds of values are of one class: none of another can be right where one of this class is. */
function classOf(value: unknown): string {
  if (value === null) return 'null';
  if (value instanceof Tensor) return 'tensor';
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return 'array';
  if (typeof value !== 'object') return typeof value;
  return value instanceof Map ? 'map' : 'object';
}

/** Lists and records that are looked into; what has a class of its own is taken as a whole. */
function isOpen(value: unknown): value is Record<string, unknown> {
  if (Array.isArray(value)) return true;
  if (VARIANTS.has(value)) return false;
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** Every place in the arguments, by its path; of a list the first two. */
function placesIn(args: readonly unknown[], depth: number): string[][] {
  const found: string[][] = [];
  const visit = (value: unknown, path: string[]): void => {
    if (path.length > 0) found.push(path);
    if (path.length > depth || !isOpen(value)) return;
    const keys = Object.keys(value);
    for (const key of Array.isArray(value) && path.length > 0 ? keys.slice(0, 2) : keys)
      visit(value[key], [...path, key]);
  };
  visit(args, []);
  return found;
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce((each, key) => (each as Record<string, unknown>)[key], value);
}

/** The same, with another value at a place. */
function withValueAt<T>(value: T, [key, ...rest]: readonly string[], other: unknown): T {
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
  copy[key] = rest.length === 0 ? other : withValueAt(copy[key], rest, other);
  return copy as T;
}

/** What would be right, and what was given; or what of it is not known. */
const SAYS_BOTH = /: (missing; expected .|expected .*, got .|used after its scope|unknown |.*no such )/s;

const INSPECTED: readonly Kind[] = ['NaN', 'released tensor'];

/** Whether a wrong value at that place has to be refused: one of another class, NaN for a number, a released tensor. */
function mustRefuse(kind: Kind, wrong: unknown, right: unknown, also: readonly Kind[]): boolean {
  if (also.includes(kind) || kind === 'undefined') return false;
  if (INSPECTED.includes(kind)) return true;
  return classOf(wrong) !== classOf(right);
}

/** Names of parameters as the source has them; a pattern in place of a name counts as no name. */
function namesOf(run: (...args: never[]) => unknown, given: readonly string[] | undefined): readonly string[] {
  if (given !== undefined) return given;
  const [, list] = /^(?:async )?(?:function \w*)?\(?([^)=]*)/.exec(run.toString()) ?? [];
  return (list ?? '').split(',').map((name) =>
    name
      .replace(/[=:].*/s, '')
      .trim()
      // A compiler numbers names that are taken.
      .replace(/\d+$/, ''),
  );
}

const liveBytes = () => memoryStatistics().liveBytes;

/** Two fresh tensors have places of their own, and one that was made long ago what it had. */
function expectSound(old: Tensor, when: string): void {
  scope(() => {
    const [one, two] = [filled([40], 1), filled([40], 2)];
    const ones = elements(one).every((value) => value === 1);
    assert.ok(ones && elements(two).every((value) => value === 2), `${when}: fresh tensors alias`);
  });
  assert.ok(
    elements(old).every((value) => value === 7),
    `${when}: another tensor was written to`,
  );
}

/** Everything tensor-like in a result has a size and elements. */
function expectSensible(result: unknown, when: string, depth = 3): void {
  if (result instanceof Tensor) {
    assert.ok(result.size >= 1 && result.shape.every((extent) => Number.isSafeInteger(extent) && extent >= 1), when);
    assert.is(elements(result).length, result.size, when);
  } else if (depth > 0 && isOpen(result)) {
    for (const each of Object.values(result)) expectSensible(each, when, depth - 1);
  }
}

/** Tries every wrong value at every place of the arguments. Throws AssertionError where one is not answered as it has to be. */
export async function refusesWrongKinds(name: string, call: Call): Promise<void> {
  const old = filled([16], 7);
  await tryOnce(name, call, null, old);
  await answersNothing(name, call);
  const places = scope(() => placesIn(call.args(), call.depth ?? 3));
  for (const path of places) {
    for (const kind of Object.keys(WRONG) as Kind[]) await tryOnce(name, call, { path, kind }, old);
  }
  release(old.array.data);
}

/** A call without any arguments is taken, where none is needed, or refused by a typed error. */
async function answersNothing(name: string, { run, end }: Call): Promise<void> {
  try {
    const result = await run();
    end?.(result);
  } catch (error) {
    if (error instanceof EfficientTransformersError) return;
    throw new Error(`${name} without arguments: ${error instanceof Error ? error.stack : String(error)}`);
  }
}

interface Wrong {
  path: string[];
  kind: Kind;
}

async function tryOnce(name: string, call: Call, wrong: Wrong | null, old: Tensor): Promise<void> {
  const when = wrong === null ? name : `${name} with ${wrong.kind} at ${wrong.path.join('.')}`;
  const outer = liveBytes();
  let pending: Promise<unknown> | null = null;
  let judge: (outcome: { result: unknown } | { error: unknown }) => void = () => {};
  // A scope cannot wait: what an asynchronous call is given is made outside of it, and given back below.
  const made: Tensor[] = [];
  const attempt = (): void => {
    const right = call.args();
    collect(right, made);
    const args = wrong === null ? right : withValueAt(right, wrong.path, WRONG[wrong.kind]());
    const before = liveBytes();
    const hadToBeRefused = (): boolean => {
      if (wrong === null) return false;
      const also = [...(call.also?.[wrong.path.join('.')] ?? []), ...(call.also?.['*'] ?? [])];
      return mustRefuse(wrong.kind, valueAt(args, wrong.path), valueAt(right, wrong.path), also);
    };
    judge = (outcome) => {
      if ('result' in outcome) {
        if (hadToBeRefused()) assert.unreachable(`${when}: taken`);
        expectSensible(outcome.result, when);
        call.end?.(outcome.result);
        return;
      }
      const { error } = outcome;
      if (!(error instanceof EfficientTransformersError)) {
        const said = error instanceof Error ? error.stack : String(error);
        throw new assert.Assertion({ message: `${when}: not one of the typed errors, but ${said}` } as never);
      }
      if (wrong === null) throw error;
      assert.match(error.message, /^[^:]+: ./s, when);
      // A right kind of another size may be what another argument does not fit.
      if (hadToBeRefused()) {
        expectNamed(error.message, call, wrong.path, when);
        assert.match(error.message, SAYS_BOTH, when);
      }
      if (!call.keeps) assert.ok(liveBytes() <= before, `${when}: ${liveBytes() - before} bytes kept by a refusal`);
    };
    let result: unknown;
    try {
      result = call.run(...(args as never[]));
    } catch (error) {
      judge({ error });
      call.after?.(right);
      return;
    }
    if (result instanceof Promise) pending = result;
    else {
      judge({ result });
      call.after?.(right);
    }
  };
  if (isAsynchronous(call)) attempt();
  else scope(attempt);
  if (pending !== null) {
    const outcome = await (pending as Promise<unknown>).then(
      (result) => ({ result }),
      (error: unknown) => ({ error }),
    );
    judge(outcome);
  }
  if (isAsynchronous(call)) for (const tensor of made) if (!tensor.block.free) release(tensor.array.data);
  if (!isAsynchronous(call)) assert.ok(liveBytes() <= outer, `${when}: ${liveBytes() - outer} bytes are left`);
  expectSound(old, when);
}

function isAsynchronous({ run }: Call): boolean {
  return run.constructor.name === 'AsyncFunction';
}

function collect(value: unknown, made: Tensor[]): void {
  if (value instanceof Tensor) made.push(value);
  else if (isOpen(value)) for (const each of Object.values(value)) collect(each, made);
}

/** A message begins with a name, and says that of the argument or of what the wrong value is in. */
function expectNamed(message: string, call: Call, [position, ...members]: readonly string[], when: string): void {
  const [head] = message.split(': ');
  const own = namesOf(call.run, call.names)[Number(position)] ?? '';
  const words = [own, ...members.filter((member) => !/^\d+$/.test(member))].filter((word) => /^\w+$/.test(word));
  const isNamed = call.aliases?.includes(head) || words.some((word) => new RegExp(`\\b${word}\\b`).test(head));
  assert.ok(isNamed || words.length === 0, `${when}: ${words.join(', ')} is not named by '${message}'`);
}
