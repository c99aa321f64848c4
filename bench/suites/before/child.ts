/**
 * A process that has loaded the public API of one checkout and times one variant of it. Nothing of the other checkout, and
 * no other variant, has run in it: what an engine has compiled for them would change the times.
 */
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Answer, type Assignment, type Body, MOST_TURNS, type Request } from './protocol.ts';

const HEADS = 2;
const HEAD_DIM = 64;
/** Tokens in a turn of a generation. */
const STEPS = 64;
/** Steps of another generation before one is timed: a step is so short that engines compile it only after thousands. */
const WARM_UP_STEPS = 6000;
/** Runs of another body before it is timed, and the milliseconds that they take, at least. */
const WARM_UP_RUNS = 5;
const WARM_UP_MILLISECONDS = 500;
/** A turn of a short body has many runs, so that the collection of garbage has its share. */
const TURN_MILLISECONDS = 50;

type Api = typeof import('../../../src/index.ts');
type Run = () => void;

const assignment = JSON.parse(process.argv[2]) as Assignment;
const load = (...path: string[]) => import(pathToFileURL(resolve(join(assignment.folder, 'src', ...path))).href);
const api = (await load('index.ts')) as Api;
const { measureMemory } = (await load('core', 'memory.ts')) as typeof import('../../../src/core/memory.ts');
api.setThreads(assignment.threads);
await api.poolReady();

const passes = new Map<string, Run>();
let generation: ReturnType<typeof generationOf> | null = null;

process.on('message', (request: Request) => {
  let answer: Answer;
  try {
    answer = answerTo(request);
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  process.send?.(answer);
});
process.on('disconnect', () => process.exit(0));
process.send?.({ number: 0 } satisfies Answer);

function answerTo(request: Request): Answer {
  if (request.ask === 'variants') return { variants: api.allVariants().map(({ name }) => name) };
  const { body } = request;
  if (body.kind === 'step') return { number: request.ask === 'turn' ? timeSteps(body.position) : warmUpSteps() };
  const run = passOf(body);
  if (request.ask === 'turn') return { number: timeRuns(run) };
  if (request.ask === 'warm up') return { number: warmUp(run) };
  // The first run draws what is cached.
  run();
  return { number: measureMemory(run).peakBytes };
}

function warmUp(run: Run): number {
  const start = performance.now();
  for (let n = 0; n < WARM_UP_RUNS || performance.now() - start < WARM_UP_MILLISECONDS; n++) run();
  return performance.now() - start;
}

function timeRuns(run: Run): number {
  const start = performance.now();
  let [runs, spent] = [0, 0];
  while (spent < TURN_MILLISECONDS) {
    run();
    runs++;
    spent = performance.now() - start;
  }
  return spent / runs;
}

function warmUpSteps(): number {
  const other = generationOf(WARM_UP_STEPS);
  for (let n = 0; n < WARM_UP_STEPS; n++) other.step();
  return WARM_UP_STEPS;
}

function timeSteps(position: number): number {
  generation ??= generationOf(assignment.lastPosition + STEPS * MOST_TURNS);
  while (generation.position() < position) generation.step();
  const start = performance.now();
  for (let n = 0; n < STEPS; n++) generation.step();
  return (performance.now() - start) / STEPS;
}

function variant() {
  const { variant: name } = assignment;
  const found = name === null ? undefined : api.findVariant(name);
  if (found === undefined) throw new Error(`no variant ${name}`);
  return found;
}

function passOf({ kind, causal }: Body): Run {
  const key = `${kind} ${causal}`;
  const run = passes.get(key) ?? newPass(kind, causal);
  passes.set(key, run);
  return run;
}

function newPass(kind: Body['kind'], causal: boolean): Run {
  const inputs = draw(assignment.length);
  const shape = api.checkInputs(inputs);
  const options = { causal };
  const parameters = api.drawParameters(variant(), api.checkOptions(variant(), options, shape), shape, 1);
  const leaves = Object.values(inputs);
  const call = () => api.attend(variant(), inputs, options, { parameters, checkFinite: false });
  if (kind === 'forward') return () => api.scope(() => void api.noGrad(call));
  return () =>
    api.scope(() => {
      for (const leaf of leaves) leaf.requiresGrad = true;
      api.backward(api.ops.sum(call()));
      api.zeroGrad(leaves);
    });
}

function generationOf(maxLength: number) {
  const { queries, keys, values } = draw(maxLength);
  const sizes = { batch: 1, heads: HEADS, headDim: HEAD_DIM, dtype: 'float32', maxLength } as const;
  const decoder = api.startDecoding(variant(), sizes);
  let position = 0;
  const step = () =>
    api.scope(() => {
      const token = (tensor: typeof queries) => api.ops.slice(tensor, 2, position, position + 1);
      void decoder.step({ queries: token(queries), keys: token(keys), values: token(values) });
      position++;
    });
  return { step, position: () => position };
}

function draw(length: number) {
  const random = new api.Random(1);
  const normal = () => api.keep(api.randomNormal([1, HEADS, length, HEAD_DIM], random));
  return { queries: normal(), keys: normal(), values: normal() };
}
