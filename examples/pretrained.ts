// Loads a Hugging Face model, replaces its attention with a variant, and measures how far the output moves.
// npx tsx examples/pretrained.ts [FOLDER]        FOLDER: config.json and model.safetensors of BERT, RoBERTa, Longformer …
import { fileURLToPath } from 'node:url';
import { fromArray, loadPretrained, relativeFrobeniusError, scope } from 'efficient-transformers';

// Without a folder, a BERT of two small layers with random weights, in this repository.
const folder = process.argv[2] ?? fileURLToPath(new URL('../fixtures/pretrained/bert-masked-lm', import.meta.url));
const own = loadPretrained(folder);
const swapped = loadPretrained(folder, { attention: { variant: 'nystromformer', options: { landmarks: 4 } } });

// Two texts as token numbers, the second padded by two; loadTokenizer(folder) makes them from words.
const tokens = fromArray([2, 7, 11, 5, 9, 8, 3, 6, 2, 12, 4, 10, 13, 3, 0, 0], [2, 8], 'int32');
const keyMask = fromArray([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0], [2, 8], 'uint8');
const [before, after] = [own, swapped].map((model) =>
  scope(() => {
    const last = model.forward({ tokens, keyMask }).hiddenStates.at(-1);
    return { shape: last?.shape ?? [], data: last?.toArray() ?? [] };
  }),
);
console.log(own.description.modelType, before.shape, `moves by ${relativeFrobeniusError(after, before).toFixed(3)}`);
