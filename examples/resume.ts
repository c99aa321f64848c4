// Stops a training in the middle, resumes it from its checkpoint, and shows that it ends at exactly the same loss.
// npx tsx examples/resume.ts [STEPS]
import {
  endRun,
  type Run,
  type RunSettings,
  resumeRun,
  runDefaults,
  saveCheckpoint,
  startRun,
  train,
} from 'efficient-transformers';

const steps = Number(process.argv[2] ?? 60);
const settings: RunSettings = {
  ...runDefaults,
  task: { name: 'associative-recall', length: 32 },
  model: { layers: 1, modelDim: 32, heads: 2, attention: { variant: 'performer', options: { numRandomFeatures: 32 } } },
  schedule: { kind: 'constant', rate: 1e-3 },
  ...{ steps, batch: 8, evaluateEvery: steps, evaluationExamples: 16 },
};

async function lossAtTheEnd(run: Run): Promise<number> {
  let last = Number.NaN;
  await train(run, { onStep: ({ loss }) => (last = loss) });
  endRun(run);
  return last;
}

const whole = await lossAtTheEnd(startRun(settings));

const first = startRun(settings);
await train(first, { shouldStop: () => first.step >= steps / 2 });
saveCheckpoint('half.safetensors', first);
endRun(first);
const resumed = await lossAtTheEnd(resumeRun('half.safetensors'));

console.log({ whole, resumed, same: whole === resumed });
