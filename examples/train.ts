// Trains a small model with a variant on a task whose examples are made from a seed, and saves a checkpoint.
// npx tsx examples/train.ts [STEPS]
import { runDefaults, saveCheckpoint, startRun, train } from 'efficient-transformers';

const steps = Number(process.argv[2] ?? 300);
const run = startRun({
  ...runDefaults,
  task: { name: 'copy', length: 32 },
  model: { layers: 2, modelDim: 32, heads: 2, attention: { variant: 'linear-transformer' } },
  optimizer: { kind: 'adamw', weightDecay: 0.01 },
  schedule: { kind: 'cosine', peak: 3e-3, warmup: 20, total: steps },
  ...{ steps, batch: 16, evaluateEvery: 100, evaluationExamples: 64 },
});

await train(run, {
  onStep({ step, loss }) {
    if (step % 50 === 0) console.log(`step ${step}: loss ${loss.toFixed(3)}`);
  },
  onEvaluation({ step, loss, accuracy }) {
    console.log(`step ${step}: held-out loss ${loss.toFixed(3)}, accuracy ${(100 * accuracy).toFixed(1)}%`);
  },
});

saveCheckpoint('trained.safetensors', run);
console.log('trained.safetensors');
