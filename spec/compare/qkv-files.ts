/** Files of queries, keys and values, in folders that are gone when the process ends. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { writeNpy } from '../../src/core/files/npy.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { writeSafetensors } from '../../src/core/files/safetensors.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';

const root = temporaryFolder();

export function emptyFolder(): string {
  return mkdtempSync(join(root, 'case-'));
}

/** Numbers that differ from each other, and from those of another start. */
export function numbers(shape: readonly number[], start = 0): ArrayToStore {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return { shape, data: Float32Array.from({ length: size }, (_, n) => start + n / 8) };
}

export function tensorFile(tensors: Record<string, ArrayToStore>): string {
  const path = join(emptyFolder(), 'qkv.safetensors');
  writeSafetensors(path, Object.entries(tensors));
  return path;
}

export function arrayFile(name: string, array: ArrayToStore): string {
  const path = join(emptyFolder(), name);
  writeNpy(path, array);
  return path;
}
