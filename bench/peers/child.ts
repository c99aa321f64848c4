/**
 * The process of one peer, `child.ts NAME THREADS`: answers requests (protocol.ts) until stdin ends. It knows no clock
 * but its own, so what lies between the processes is never measured.
 */
import { createInterface } from 'node:readline';
import type { Contestant, Peer, Prepared } from './peer.ts';
import { type Answer, MARK, type Request } from './protocol.ts';

type Opener = (name: string, threads: number) => Promise<Peer>;

const FILES: Record<string, () => Promise<{ open: Opener }>> = {
  us: () => import('./us.ts'),
  'us-plain': () => import('./us.ts'),
  'tfjs-cpu': () => import('./tfjs.ts'),
  'tfjs-wasm': () => import('./tfjs.ts'),
  onnxruntime: () => import('./onnxruntime.ts'),
  'jax-js': () => import('./jax.ts'),
  'ndarray-gemm': () => import('./products.ts'),
  'numpy-ts': () => import('./products.ts'),
  'js-pytorch': () => import('./js-pytorch.ts'),
};

/** Runs before the first figure: the first compiles, and sometimes the second. A slow one is warm enough. */
const WARM_RUNS = 3;
const WARM_MILLISECONDS = 300;

// What libraries print must not come between the answers.
const answerStream = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;

const [name, threads] = [process.argv[2], Number(process.argv[3])];
const prepared = new Map<string, Prepared>();
let peer: Peer | null = null;

for await (const line of createInterface({ input: process.stdin })) {
  let answer: Answer;
  try {
    answer = await answerTo(JSON.parse(line) as Request);
  } catch (error) {
    answer = { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
  answerStream(`${MARK}${JSON.stringify(answer)}\n`);
}
// Native libraries may hold the process open by threads of their own.
process.exit();

async function answerTo(request: Request): Promise<Answer> {
  if (request.do === 'hello') {
    const file = FILES[name];
    if (file === undefined) throw new Error(`no peer is called '${name}'`);
    peer = await (await file()).open(name, threads);
    const contestants = peer.contestants.map(({ prepare: _, ...description }) => description);
    return { ok: true, hello: { versions: peer.versions, threads: peer.threads, contestants } };
  }
  if (request.do === 'prepare') {
    release(request.contestant);
    const fresh = await find(request.contestant).prepare(request.task, request.check);
    prepared.set(request.contestant, fresh);
    return { ok: true, milliseconds: await warmUp(fresh) };
  }
  const current = prepared.get(request.contestant);
  if (current === undefined) throw new Error(`${request.contestant} is not prepared`);
  if (request.do === 'release') {
    release(request.contestant);
    return { ok: true };
  }
  if (request.do === 'results') {
    const arrays = Object.entries(await current.results());
    const encode = (array: Float32Array) =>
      Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('base64');
    return { ok: true, results: Object.fromEntries(arrays.map(([key, array]) => [key, encode(array)])) };
  }
  return { ok: true, milliseconds: await time(current, request.repeats) };
}

function find(contestantName: string): Contestant {
  const found = peer?.contestants.find((each) => each.name === contestantName);
  if (found === undefined) throw new Error(`${name} has no contestant '${contestantName}'`);
  return found;
}

function release(contestantName: string): void {
  prepared.get(contestantName)?.release();
  prepared.delete(contestantName);
}

/** The shortest of the runs that it took. */
async function warmUp(fresh: Prepared): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  let total = 0;
  for (let n = 0; n < WARM_RUNS && total < WARM_MILLISECONDS; n++) {
    const milliseconds = await time(fresh, 1);
    best = Math.min(best, milliseconds);
    total += milliseconds;
  }
  return best;
}

/** Mean milliseconds of a run. */
async function time(current: Prepared, repeats: number): Promise<number> {
  const start = performance.now();
  for (let n = 0; n < repeats; n++) await current.run();
  return (performance.now() - start) / repeats;
}
