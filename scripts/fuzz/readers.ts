/** Single files: arrays, tensors, queries with keys and values, text, metrics. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipBytes } from '../../spec/core/zip-cases.ts';
import { fileInput } from '../../src/compare/inputs.ts';
import { readQkv } from '../../src/compare/qkv-file.ts';
import { readNpy, writeNpy } from '../../src/core/files/npy.ts';
import { readNpz } from '../../src/core/files/npz.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { readText } from '../../src/core/files/text.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { Metrics, readMetrics, smoothedLosses } from '../../src/training/metrics.ts';
import { openTask } from '../../src/training/tasks/registry.ts';
import { damaged, few, oneIn, pick } from './bytes.ts';
import { faultyNpy, faultySafetensors } from './formats.ts';
import { faultyText } from './json.ts';
import type { FuzzCase, Target } from './target.ts';

const numbers = (length: number) => Array.from({ length }, (_, n) => Math.sin(n + 1));

export const ARRAYS: readonly ArrayToStore[] = [
  { shape: [2, 3], data: Float32Array.from(numbers(6)) },
  { shape: [4], data: Float64Array.from(numbers(4)) },
  { shape: [], data: Int32Array.of(-7) },
  { shape: [3, 0, 2], data: new Uint8Array() },
  { shape: [3, 1, 2, 4, 3], data: Float32Array.from(numbers(72)) },
];

/** What `make` writes to a path, as bytes. */
export function written(folder: string, make: (path: string) => void): Buffer {
  const path = join(folder, 'sample');
  make(path);
  return readFileSync(path);
}

function caseOf(entries: Record<string, Uint8Array>): FuzzCase {
  return { files: new Map(Object.entries(entries)), words: [] };
}

/** As other programs write them: other orders, other widths, later versions. */
function npySamples(folder: string): Buffer[] {
  const own = ARRAYS.map((array) => written(folder, (path) => writeNpy(path, array)));
  const others = [
    "'<f2', 'fortran_order': True, 'shape': (2, 3)",
    "'>i8', 'fortran_order': False, 'shape': (1,)",
    "'|b1', 'fortran_order': True, 'shape': (4,)",
  ];
  const sizes = [12, 8, 4];
  return [
    ...own,
    ...others.map((words, n) => {
      const dict = Buffer.from(`{'descr': ${words}, }\n`, 'latin1');
      const head = Buffer.from(n === 1 ? '\x93NUMPY\x02\x00\x00\x00\x00\x00' : '\x93NUMPY\x01\x00\x00\x00', 'latin1');
      head.writeUInt16LE(dict.length, 8);
      return Buffer.concat([head, dict, Buffer.alloc(sizes[n], n % 2)]);
    }),
  ];
}

export const npy: Target = {
  name: 'npy',
  summary: 'readNpy and its numbers',
  share: 10,
  releases: true,
  tensorBytes: 2 ** 26,
  prepare(folder) {
    const samples = npySamples(folder);
    return {
      draw: (random) => caseOf({ 'a.npy': faultyNpy(pick(samples, random), random, pick(samples, random)) }),
      read: (at) => void readNpy(join(at, 'a.npy')).load(),
    };
  },
};

export const npz: Target = {
  name: 'npz',
  summary: 'readNpz and the numbers of its members',
  share: 8,
  releases: true,
  tensorBytes: 2 ** 26,
  prepare(folder) {
    const arrays = npySamples(folder);
    const ways = [{}, { deflated: true }, { wide: true }, { deflated: true, wide: true, wideEnd: true }];
    return {
      draw(random) {
        const files = Array.from({ length: few(3, random) }, (_, n) => [`a${n}.npy`, pick(arrays, random)] as const);
        const sample = zipBytes(files, pick(ways, random));
        if (oneIn(2, random)) return caseOf({ 'a.npz': damaged(sample, random, sample) });
        // The archive is right, what it holds is not.
        const faulted = random.integer(files.length);
        const others = files.map(([name, array], n) => {
          return [name, n === faulted ? faultyNpy(array, random, pick(arrays, random)) : array] as const;
        });
        return caseOf({ 'a.npz': zipBytes(others, pick(ways, random)) });
      },
      read(at) {
        for (const open of readNpz(join(at, 'a.npz')).values()) open().load();
      },
    };
  },
};

export function safetensorsSamples(folder: string): Buffer[] {
  const named = ARRAYS.map((array, n) => [`layer.${n}`, array] as const);
  return [
    written(folder, (path) =>
      writeSafetensors(path, named, [
        ['format', 'pt'],
        ['text', 'a "text" of\nlines'],
      ]),
    ),
    written(folder, (path) => writeSafetensors(path, named.slice(0, 2), [], { digest: true })),
    written(folder, (path) => writeSafetensors(path, [])),
  ];
}

export const safetensors: Target = {
  name: 'safetensors',
  summary: 'readSafetensors, its numbers and its digest',
  share: 18,
  releases: true,
  tensorBytes: 2 ** 26,
  prepare(folder) {
    const samples = safetensorsSamples(folder);
    return {
      draw: (random) =>
        caseOf({ 'a.safetensors': faultySafetensors(pick(samples, random), random, pick(samples, random)) }),
      read(at) {
        const { tensors, verify } = readSafetensors(join(at, 'a.safetensors'));
        for (const { load } of tensors.values()) load();
        verify();
      },
    };
  },
};

export const qkv: Target = {
  name: 'qkv',
  summary: 'queries, keys and values in one file or three, as compare and patterns take them',
  share: 10,
  releases: true,
  tensorBytes: 2 ** 26,
  prepare(folder) {
    const part = { shape: [1, 2, 4, 3], data: Float32Array.from(numbers(24)) };
    const layers = ['layer1.q', 'layer1.k', 'layer1.v', 'layer2.queries', 'layer2.keys', 'layer2.values', 'other'];
    const tensors = written(folder, (path) =>
      writeSafetensors(
        path,
        layers.map((name) => [name, part]),
      ),
    );
    const stacked = written(folder, (path) => writeNpy(path, ARRAYS[4]));
    const single = written(folder, (path) => writeNpy(path, part));
    const mask = written(folder, (path) => writeNpy(path, { shape: [1, 4], data: Uint8Array.of(1, 1, 0, 1) }));
    const archive = ['q', 'k', 'v', 'mask'].map((name) => [`${name}.npy`, name === 'mask' ? mask : single] as const);
    return {
      draw(random) {
        switch (random.integer(5)) {
          case 0:
            return {
              ...caseOf({ 'a.safetensors': faultySafetensors(tensors, random, tensors) }),
              words: ['a.safetensors'],
            };
          case 1: {
            const faulted = random.integer(archive.length);
            const others = archive.map(([name, array], n) => {
              return [name, n === faulted ? faultyNpy(array, random, single) : array] as const;
            });
            return { ...caseOf({ 'a.npz': zipBytes(others, { deflated: oneIn(2, random) }) }), words: ['a.npz'] };
          }
          case 2: {
            const files = { 'a.safetensors': tensors, 'mask.npy': faultyNpy(mask, random, single) };
            return { ...caseOf(files), words: ['a.safetensors', 'mask.npy'] };
          }
          case 3:
            return { ...caseOf({ 'a.npy': faultyNpy(stacked, random, single) }), words: ['a.npy'] };
          default: {
            const names = ['q.npy', 'k.npy', 'v.npy'];
            const faulted = random.integer(3);
            const three = names.map((name, n) => [name, n === faulted ? faultyNpy(single, random, stacked) : single]);
            return { ...caseOf(Object.fromEntries(three)), words: oneIn(20, random) ? names.slice(1) : names };
          }
        }
      },
      read(at, words) {
        const paths = words.filter((name) => name !== 'mask.npy').map((name) => join(at, name));
        const settings = words.includes('mask.npy') ? { mask: join(at, 'mask.npy'), layout: 'blhd' as const } : {};
        for (const { load } of readQkv(paths, settings)) load();
        for (const { load } of fileInput(paths, settings).cases) scope(() => void load());
      },
    };
  },
};

const TEXT = 'Zwölf Boxkämpfer jagen Viktor\r\nquer über den großen Sylter Deich. 注意力\n'.repeat(8);

export const text: Target = {
  name: 'text',
  summary: "text files, and the tasks of a user's text",
  share: 8,
  releases: true,
  tensorBytes: 2 ** 26,
  prepare() {
    const samples = [
      Buffer.from(TEXT),
      Buffer.from(`\ufeff${TEXT}`),
      Buffer.from(TEXT, 'utf16le'),
      Buffer.from(TEXT, 'latin1'),
      Buffer.alloc(300, 7),
    ];
    return {
      draw: (random) => caseOf({ text: damaged(pick(samples, random), random, pick(samples, random)) }),
      read(at) {
        const path = join(at, 'text');
        const task = openTask('byte-lm', { text: path, length: 16 });
        task.draw('held-out', new Random(0));
        readText(path, 2 ** 20);
      },
    };
  },
};

export const metrics: Target = {
  name: 'metrics',
  summary: 'metrics.jsonl, and resuming with it',
  share: 6,
  releases: true,
  tensorBytes: 2 ** 26,
  prepare(folder) {
    const sample = written(folder, (path) => {
      const file = new Metrics(path);
      for (let step = 1; step <= 25; step++) {
        file.addStep({
          step,
          loss: 1 / step,
          gradientNorm: 1,
          learningRate: 1e-3,
          tokens: 64,
          milliseconds: 10,
        } as never);
        if (step % 10 === 0) file.addEvaluation({ step, loss: 2 / step, accuracy: 0.5, examples: 8 });
      }
      file.addNote(20, 'a note');
    });
    const lines = sample.toString().trim().split('\n');
    return {
      draw(random) {
        if (oneIn(4, random)) return caseOf({ 'metrics.jsonl': damaged(sample, random) });
        const at = random.integer(lines.length);
        const changed = lines.with(at, faultyText(JSON.parse(lines[at]), random).toString());
        return caseOf({ 'metrics.jsonl': Buffer.from(`${changed.join('\n')}\n`) });
      },
      read(at) {
        const path = join(at, 'metrics.jsonl');
        smoothedLosses(readMetrics(path));
        new Metrics(path, 20).endLine();
      },
    };
  },
};
