/**
 * Compiles the vector kernels, src/core/kernels/wasm/assembly/*.ts (AssemblyScript), to the two .wasm files next to that
 * folder, and ends each with a digest of itself. Does nothing when they are up to date, which takes a few milliseconds: it
 * runs before every command.
 */

import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, 'src', 'core', 'kernels', 'wasm');
const sources = join(folder, 'assembly');
const stampFile = join(folder, 'kernels.stamp');
const BUILDS = [
  { file: 'kernels.wasm', features: 'simd,threads,bulk-memory', relaxed: 0 },
  { file: 'kernels-relaxed.wasm', features: 'simd,threads,bulk-memory,relaxed-simd', relaxed: 1 },
];

/** Its id and size, the length of its name, the name, and 32 bytes. */
const DIGEST_SECTION = 3 + 'digest'.length + 32;

const stamp = stampOf();
if (!isUpToDate()) await build();

/** A digest of everything that the result depends on. */
function stampOf() {
  const hash = createHash('sha256');
  const compiler = join(root, 'node_modules', 'assemblyscript', 'package.json');
  hash.update(JSON.parse(readFileSync(compiler, 'utf8')).version);
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  for (const name of readdirSync(sources).sort()) hash.update(name).update(readFileSync(join(sources, name)));
  return hash.digest('hex');
}

function isUpToDate() {
  if (!BUILDS.every(({ file }) => isWhole(join(folder, file)))) return false;
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp;
}

async function build() {
  const { default: asc } = await import('assemblyscript/asc');
  // In a folder of its own, then moved: two commands may build at once.
  const temporary = mkdtempSync(join(folder, '.build-'));
  try {
    for (const { file, features, relaxed } of BUILDS) {
      const outFile = join(temporary, file);
      // The heap is the host's: no runtime, no allocator, no data of its own.
      const options = ['-O3', '--runtime', 'stub', '--noAssert', '--importMemory', '--sharedMemory'];
      const memory = [
        '--initialMemory',
        '1',
        '--maximumMemory',
        '65536',
        '--enable',
        features,
        '--use',
        `RELAXED=${relaxed}`,
      ];
      const { error, stderr } = await asc.main([
        join(sources, 'index.ts'),
        '--outFile',
        outFile,
        ...options,
        ...memory,
      ]);
      if (error !== null) throw new Error(`${file}: ${error.message}\n${stderr}`);
    }
    for (const { file } of BUILDS) {
      const outFile = join(temporary, file);
      writeFileSync(outFile, withDigest(readFileSync(outFile)));
      renameSync(outFile, join(folder, file));
    }
    writeFileSync(stampFile, stamp);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function isWhole(file) {
  if (!existsSync(file)) return false;
  const bytes = readFileSync(file);
  return bytes.length > DIGEST_SECTION && bytes.equals(withDigest(bytes.subarray(0, -DIGEST_SECTION)));
}

/** One more section, which engines skip: by it src/core/kernels/wasm-files.ts tells whether a file is whole. */
function withDigest(module) {
  const [custom, name, digest] = [0, Buffer.from('digest'), createHash('sha256').update(module).digest()];
  const content = Buffer.concat([Buffer.of(name.length), name, digest]);
  return Buffer.concat([module, Buffer.of(custom, content.length), content]);
}
