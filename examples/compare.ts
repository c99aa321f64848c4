// Compares two variants with full attention: error, time and memory, on a trained model's numbers or on your own.
// npx tsx examples/compare.ts [FILE]        FILE: .npy or .safetensors with queries, keys and values
import { compare, fileInput, fixtureInput } from 'efficient-transformers';

const file = process.argv[2];
const input = file === undefined ? fixtureInput() : fileInput([file]);
const report = await compare(input, {
  variants: ['bigbird', 'performer'],
  options: { bigbird: { blockSize: 32 }, performer: { numRandomFeatures: 64 } },
});

console.log(report.input.name);
for (const { variant, layer, relativeError, milliseconds, fullMilliseconds, peakBytes } of report.results) {
  console.log(
    `${variant} ${layer ?? ''}: error ${relativeError.toFixed(3)},`,
    `${milliseconds.toFixed(2)} ms (full attention ${fullMilliseconds.toFixed(2)}),`,
    `${Math.round(peakBytes / 1024)} KiB`,
  );
}
