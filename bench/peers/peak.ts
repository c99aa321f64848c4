/**
 * The roofline: the most multiply-adds per second that each set of instructions reaches, on as many
 * threads. The loops hold nothing but twelve independent chains.
 */
import { readFileSync } from 'node:fs';
import { defineKernel } from '../../src/core/kernels/kernel.ts';
import type { VectorKernels } from '../../src/core/kernels/simd.ts';
import { FILES, isSupported } from '../../src/core/kernels/wasm-files.ts';
import { addKernelModule, parallelFor } from '../../src/core/parallel/pool.ts';
import { type Contestant, contestant, type Prepared } from './peer.ts';

/** Operations of one item, whichever loop it is: half a millisecond of vectors. */
const OPERATIONS_PER_ITEM = 2.4e7;
/** Of the loops, in one round. */
const VECTOR_OPERATIONS = 96;
const PLAIN_OPERATIONS = 24;
/** Items of a run for each thread, so that one that is held up costs little. */
const ITEMS_PER_THREAD = 4;

const BUILDS = { wasm: 'vector', 'wasm-fused': 'relaxed' } as const;
const LOOPS = ['javascript', 'wasm', 'wasm-fused'] as const;
type Loop = (typeof LOOPS)[number];

/** Runs the loop with the number `numbers[0]`, once an item; workers import this module and find it by name. */
const peakKernel = defineKernel('bench-peak', { arrays: [], numbers: ['which'] }, (begin, end, _, { which }) => {
  const loop = loopOf(LOOPS[which]);
  if (loop === null) throw new Error(`this engine has no ${LOOPS[which]} instructions`);
  for (let item = begin; item < end; item++) loop();
});

const loops = new Map<Loop, (() => void) | null>();

function loopOf(name: Loop): (() => void) | null {
  if (!loops.has(name))
    loops.set(name, name === 'javascript' ? checked(plainPeak, PLAIN_OPERATIONS) : vectorLoop(name));
  return loops.get(name) as (() => void) | null;
}

/** Null where the engine does not know the instructions. */
function vectorLoop(name: 'wasm' | 'wasm-fused'): (() => void) | null {
  // It also demands what Node 20 has and does not offer: without that, fused products stand below an unfused roof.
  if (!isSupported(BUILDS[name])) return null;
  try {
    const bytes = readFileSync(new URL(`../../src/core/kernels/wasm/${FILES[BUILDS[name]]}`, import.meta.url));
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
    const { peak } = instance.exports as unknown as VectorKernels;
    return checked(peak, VECTOR_OPERATIONS, name === 'wasm-fused');
  } catch {
    return null;
  }
}

/**
 * One item of a loop. Every chain of it goes to 2, or, where fused ones add up, to half of the rounds; else it did not compute.
 */
function checked(loop: Peak, operations: number, addsUp = false): () => void {
  const rounds = OPERATIONS_PER_ITEM / operations;
  const expected = (operations / 2) * (addsUp ? rounds / 2 : 2);
  return () => {
    const sum = loop(rounds, 0.5, 1);
    if (sum !== expected) throw new Error(`peak: expected ${expected}, got ${sum}`);
  };
}

type Peak = (rounds: number, factor: number, term: number) => number;

/** The plain twin: one number at a time, in float64 as JavaScript has it. */
function plainPeak(rounds: number, factor: number, term: number): number {
  let [a, b, c, d, e, f, g, h, i, j, k, l] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  for (let round = 0; round < rounds; round++) {
    a = a * factor + term;
    b = b * factor + term;
    c = c * factor + term;
    d = d * factor + term;
    e = e * factor + term;
    f = f * factor + term;
    g = g * factor + term;
    h = h * factor + term;
    i = i * factor + term;
    j = j * factor + term;
    k = k * factor + term;
    l = l * factor + term;
  }
  return a + b + c + d + e + f + g + h + i + j + k + l;
}

/** Contestants of kind `peak`, named for their instructions, and the best instructions that our own kernels find here. */
export function openPeak(plain: boolean, threads: number): { contestants: Contestant[]; best: 'wasm' | 'wasm-fused' } {
  addKernelModule(import.meta.url);
  const names = LOOPS.filter((name) => plain === (name === 'javascript') && loopOf(name) !== null);
  const contestants = names.map((name) =>
    contestant('peak', { name: `peak ${name}`, computes: 'peak', training: false, instructions: name }, () =>
      preparePeak(name, threads),
    ),
  );
  return { contestants, best: names.includes('wasm-fused') ? 'wasm-fused' : 'wasm' };
}

function preparePeak(name: Loop, threads: number): Prepared {
  const items = ITEMS_PER_THREAD * threads;
  return {
    run: () => parallelFor(peakKernel, items, {}, { which: LOOPS.indexOf(name) }),
    results: () => ({}),
    release() {},
  };
}

/** Operations of one run. */
export function peakOperations(threads: number): number {
  return ITEMS_PER_THREAD * threads * OPERATIONS_PER_ITEM;
}
