// Loads a trained language model of bytes and continues a prompt with it, token by token.
// npx tsx examples/generate.ts [CHECKPOINT [PROMPT [BYTES]]]        npm start -- train byte-lm makes a checkpoint
import { fileURLToPath } from 'node:url';
import { generate, loadModel, Random } from 'efficient-transformers';

const shipped = fileURLToPath(new URL('../fixtures/byte-lm.safetensors', import.meta.url));
const [checkpoint = shipped, prompt = 'Alice was ', count = '120'] = process.argv.slice(2);
const { learner } = loadModel(checkpoint);
const { layers, modelDim } = learner.model.config;
console.log(`${layers} layers, ${modelDim} wide`);

const bytes = new TextEncoder().encode(prompt);
process.stdout.write(prompt);
generate(learner.model, [bytes], Number(count), new Random(0), { temperature: 0.7, topK: 40 }, ([byte]) => {
  process.stdout.write(Uint8Array.of(byte));
});
process.stdout.write('\n');
