/** Compiled kernels that were damaged or lost: told from an engine that cannot run them, and said. */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wordsOf } from '../../scripts/words-of.ts';
import { damageOf, FILES, isSupported, problemOf, VECTOR_BUILDS } from '../../src/core/kernels/wasm-files.ts';
import { effort } from '../laws/effort.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = join('src', 'core', 'kernels', 'wasm');
const bytesOf = (build: (typeof VECTOR_BUILDS)[number]) =>
  new Uint8Array(readFileSync(join(root, folder, FILES[build])));

test('the files here are whole, and modules where the engine knows their instructions', () => {
  // Node 20 offers fused multiply-adds when asked, and later ones do anyway.
  for (const build of VECTOR_BUILDS) assert.ok(isSupported(build), build);
  for (const build of VECTOR_BUILDS) {
    assert.is(damageOf(bytesOf(build)), null);
    assert.is(problemOf(build), null);
    assert.is(WebAssembly.validate(bytesOf(build)), isSupported(build), build);
  }
});

test('any bit that turned, any end that is missing, anything behind it: damaged', () => {
  const whole = bytesOf('vector');
  const damages = fc.oneof(
    fc.record({ at: fc.nat(whole.length - 1), bit: fc.nat(7) }).map(({ at, bit }) => {
      return whole.map((byte, index) => (index === at ? byte ^ (1 << bit) : byte));
    }),
    fc.nat(whole.length - 1).map((length) => whole.slice(0, length)),
    fc.uint8Array({ minLength: 1, maxLength: 50 }).map((more) => Uint8Array.of(...whole, ...more)),
    fc.uint8Array(),
    fc
      .nat(60)
      .map((zeros) => whole.slice().fill(0, whole.length - zeros - 1))
      // A digest may end with zeros.
      .filter((bytes) => bytes.some((byte, at) => byte !== whole[at])),
  );
  fc.assert(
    fc.property(damages, (bytes) => /^it is damaged: /.test(damageOf(bytes) ?? '')),
    effort(300),
  );
});

/** A copy of the library, as it runs from its sources or is compiled from them, to be damaged. */
function copyOf(damage: (wasm: string) => void): {
  run(...args: string[]): { code: number | null; out: string; err: string };
  remove(): void;
} {
  const copy = mkdtempSync(join(tmpdir(), 'kernels-'));
  // Where a file of the library lies, from the root: in src/, or in what is compiled.
  const words = wordsOf('src/cli.ts');
  const program = relative(root, words.pop() as string);
  const [library] = program.split(sep);
  const specs = join(root, library, 'specs');
  cpSync(join(root, library), join(copy, library), { recursive: true, filter: (path) => path !== specs });
  for (const each of ['package.json', 'tsconfig.json']) cpSync(join(root, each), join(copy, each));
  for (const each of ['node_modules', 'fixtures']) symlinkSync(join(root, each), join(copy, each), 'junction');
  damage(join(copy, library, ...folder.split(sep).slice(1)));
  return {
    run(...args) {
      const { EFFICIENT_TRANSFORMERS_KERNELS: _, ...env } = process.env;
      const { status, stdout, stderr } = spawnSync(process.execPath, [...words, program, ...args], {
        cwd: copy,
        encoding: 'utf8',
        env,
      });
      return { code: status, out: stdout, err: stderr };
    },
    remove: () => rmSync(copy, { recursive: true, force: true }),
  };
}

const compare = ['compare', '--length', '32', '--variant', 'full', '--threads', '2'];

test('all files gone: the plain kernels run, one warning says so, and doctor fails', () => {
  const copy = copyOf((wasm) => {
    for (const name of Object.values(FILES)) rmSync(join(wasm, name));
  });
  try {
    const { code, out, err } = copy.run(...compare);
    assert.is(code, 0, err);
    assert.match(out, /full/);
    const told = err.split('\n').filter((line) => line.includes('the plain kernels run instead, many times slower'));
    assert.is(told.length, 1, err);
    assert.ok(told[0].includes('kernels.wasm: it is missing; install the package again'), told[0]);
    const doctor = copy.run('doctor', '--threads', '1');
    assert.is(doctor.code, 1);
    assert.match(doctor.out, /^broken {2}kernels .*kernels\.wasm: it is missing; .*running: plain/m);
  } finally {
    copy.remove();
  }
});

test('all files cut off: simd is refused for that reason, and nothing is said where plain was asked for', () => {
  const copy = copyOf((wasm) => {
    for (const name of Object.values(FILES)) {
      writeFileSync(join(wasm, name), readFileSync(join(wasm, name)).subarray(0, 20_000));
    }
  });
  try {
    const refused = copy.run(...compare, '--kernels', 'simd');
    assert.is(refused.code, 2, refused.err);
    assert.match(refused.err, /kernels: simd is not available: .*it is damaged: its end is missing/);
    const plain = copy.run(...compare, '--kernels', 'plain');
    assert.equal([plain.code, plain.err.includes('damaged')], [0, false], plain.err);
  } finally {
    copy.remove();
  }
});

test('one file of the two with a bit that turned: doctor fails, and what runs is right and said where it is slower', () => {
  for (const build of VECTOR_BUILDS) {
    const copy = copyOf((wasm) => {
      const bytes = readFileSync(join(wasm, FILES[build]));
      bytes[Math.floor(bytes.length / 2)] ^= 1;
      writeFileSync(join(wasm, FILES[build]), bytes);
    });
    try {
      const { code, err } = copy.run(...compare);
      assert.is(code, 0, err);
      // The relaxed build is the better one; where the engine knows it, nobody asks for the other.
      const isBest = build === 'relaxed' ? isSupported('relaxed') : !isSupported('relaxed');
      assert.is(err.includes(`${FILES[build]}: it is damaged: its digest does not match`), isBest, err);
      const doctor = copy.run('doctor', '--threads', '1');
      assert.is(doctor.code, 1);
      assert.ok(doctor.out.includes(`${FILES[build]}: it is damaged: its digest does not match`), doctor.out);
    } finally {
      copy.remove();
    }
  }
});

test.run();
