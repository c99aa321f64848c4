// Reads your own queries, keys and values from .npy files, runs a variant on them, and writes its output next to them.
// npx tsx examples/own-numbers.ts [Q.npy K.npy V.npy]        without files, it first makes some
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { attend, bigbird, fromArray, Random, randomNormal, readNpy, writeNpy } from 'efficient-transformers';

const files = process.argv.length > 2 ? process.argv.slice(2) : madeUp();

// In Python: np.save('q.npy', q), for q of shape [batch, heads, length, headDim].
const [queries, keys, values] = files.map((file) => {
  const { shape, load } = readNpy(file);
  return fromArray(load(), shape);
});
const output = attend(bigbird, { queries, keys, values }, { blockSize: 8 });

const target = join(dirname(files[0]), 'output.npy');
writeNpy(target, { shape: output.shape, data: output.toArray() });
console.log(output.shape, target);

function madeUp(): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'own-numbers-'));
  return ['q', 'k', 'v'].map((name) => {
    const tensor = randomNormal([1, 2, 96, 16], new Random(0).split(name));
    const file = join(folder, `${name}.npy`);
    writeNpy(file, { shape: tensor.shape, data: tensor.toArray() });
    return file;
  });
}
