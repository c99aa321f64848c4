/**
 * The compiled kernels on disk. Each file ends with a digest of the rest, as scripts/build-kernels.mjs writes it, so that a
 * file that was cut off, or in which a bit has flipped, can be messageOf apart from an engine that lacks its instructions. A
 * damaged file is an error and is reported. A missing instruction is not: slower kernels run.
 */
import { createHash } from '#platform/crypto';
import { offerFusedVectors } from '#platform/fused-vectors';
import { ownBytes } from '#platform/own-files';
import { heapMemory } from '../memory.ts';
import type { VectorKernels } from './vector-kernels.ts';

/** Best first. */
export const VECTOR_BUILDS = ['relaxed', 'vector'] as const;
export type VectorBuild = (typeof VECTOR_BUILDS)[number];

export const FILES: Readonly<Record<VectorBuild, string>> = { relaxed: 'kernels-relaxed.wasm', vector: 'kernels.wasm' };

/** A custom section at the end of a module: 0, its size, the length of its name, the name. 32 bytes of SHA-256 follow. */
const DIGEST_BYTES = 32;
const HEADER = [0, 7 + DIGEST_BYTES, 6, ...[...'digest'].map((letter) => letter.charCodeAt(0))];

/** The problem with the bytes of a file; null if there is none. */
export function damageOf(bytes: Uint8Array): string | null {
  const end = bytes.length - HEADER.length - DIGEST_BYTES;
  if (end < 0 || HEADER.some((byte, at) => bytes[end + at] !== byte)) return 'it is damaged: its end is missing';
  const digest = createHash('sha256').update(bytes.subarray(0, end)).digest('hex');
  const stored = [...bytes.subarray(bytes.length - DIGEST_BYTES)].map((byte) => byte.toString(16).padStart(2, '0'));
  return digest === stored.join('') ? null : 'it is damaged: its digest does not match';
}

/** The problem with the file of a build; null if there is none. */
export function problemOf(build: VectorBuild): string | null {
  const opened = open(build);
  return typeof opened === 'string' ? opened : null;
}

let offered = false;

/** Whether the engine supports the instructions of a build; those that it only has on demand are demanded first. */
export function isSupported(build: VectorBuild): boolean {
  if (build === 'relaxed' && !offered) {
    offerFusedVectors();
    offered = true;
  }
  return WebAssembly.validate(PROBES[build]);
}

/** The kernels of a build, on the bytes of the heap; else the problem with its file. Never throws. */
export function instantiate(build: VectorBuild): VectorKernels | string {
  const bytes = open(build);
  if (typeof bytes === 'string') return bytes;
  try {
    const memory = heapMemory() as WebAssembly.Memory;
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
    return instance.exports as unknown as VectorKernels;
  } catch (error) {
    return `${FILES[build]}: this engine refuses it: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function open(build: VectorBuild): Uint8Array<ArrayBuffer> | string {
  const cure = 'install the package again, or in its repository run: node scripts/build-kernels.mjs';
  const messageOf = (problem: string): string => `${FILES[build]}: ${problem}; ${cure}`;
  try {
    const bytes = ownBytes(`core/kernels/wasm/${FILES[build]}`);
    const damage = damageOf(bytes);
    return damage === null ? bytes : messageOf(damage);
  } catch (error) {
    const { code = 'an unknown error' } = error as { code?: string };
    return messageOf(code === 'ENOENT' ? 'it is missing' : `it cannot be read (${code})`);
  }
}

/** The smallest modules that use the instructions: a function of no arguments that returns vectors made of a number. */
const PROBES: Readonly<Record<VectorBuild, Uint8Array<ArrayBuffer>>> = {
  vector: probe(...vectorOf(0)),
  // f32x4.relaxed_madd
  relaxed: probe(...vectorOf(0), ...vectorOf(1), ...vectorOf(2), 0xfd, 0x85, 0x02),
};

/** i32.const, i8x16.splat */
function vectorOf(number: number): number[] {
  return [0x41, number, 0xfd, 0x0f];
}

function probe(...instructions: number[]): Uint8Array<ArrayBuffer> {
  const [none, end, v128] = [0x00, 0x0b, 0x7b];
  const section = (id: number, content: readonly number[]) => [id, content.length, ...content];
  const body = [none, ...instructions, end];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    // One type, () → v128; one function of it; and its code, which has no locals.
    ...section(1, [1, 0x60, 0, 1, v128]),
    ...section(3, [1, 0]),
    ...section(10, [1, body.length, ...body]),
  ]);
}
