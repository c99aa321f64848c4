/**
 * Tests that a training does not hold on to memory: samples the resident set of this process over the steps of a small
 * model, with its evaluations and checkpoints. It may grow while the engine warms up, and not after.
 *
 *     npm run training-memory
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeEnvironment } from '../src/compare/environment.ts';
import { tryToWrite, writeFileAtomically } from '../src/core/files/atomic.ts';
import { makeFolder } from '../src/core/files/folder.ts';
import { memoryStatistics } from '../src/core/memory.ts';
import { poolReady } from '../src/core/parallel/pool.ts';
import { formatBytes, formatPercent } from '../src/terminal/format.ts';
import { choice, integer, text } from '../src/terminal/options.ts';
import { saveCheckpoint } from '../src/training/checkpoint.ts';
import { Metrics } from '../src/training/metrics.ts';
import { runDefaults, startRun } from '../src/training/run.ts';
import { train } from '../src/training/trainer.ts';
import { allVariants } from '../src/variants/registry.ts';
import { runProgram } from './program.ts';

/** Steps after which nothing may grow any more. */
const WARM = 200;
/** The most that the resident set may grow after that. */
const ALLOWED = 0.05;
const STEPS_PER_SAMPLE = 10;

const command = {
  usage: 'npm run training-memory --',
  summary: `Sample the resident memory of a training; after ${WARM} steps it may not grow by more than ${formatPercent(ALLOWED)}.`,
  options: {
    steps: integer('N', 'Number of steps', { minimum: 2 * WARM, default: 5000 }),
    attention: choice(
      'VARIANT',
      allVariants().map(({ name }) => name),
      'Attention of the model',
      { default: 'performer' },
    ),
    json: text('FILE', 'Write the numbers here', {
      default: fileURLToPath(new URL('../bench/results/training-memory.json', import.meta.url)),
      defaultText: 'bench/results/training-memory.json',
    }),
  },
  examples: [
    { command: 'npm run training-memory -- --steps 1000 --attention full', explanation: 'Run a shorter test' },
  ],
};

interface Sample {
  step: number;
  residentBytes: number;
  /** Of tensors: what the program itself holds. */
  liveBytes: number;
}

async function sampled(steps: number, attention: string): Promise<Sample[]> {
  const folder = mkdtempSync(join(tmpdir(), 'training-memory-'));
  const samples: Sample[] = [];
  try {
    const run = startRun({
      ...runDefaults,
      task: { name: 'duplication', length: 32 },
      model: { layers: 2, modelDim: 32, heads: 4, dropout: 0.1, attention: { variant: attention } },
      batch: 8,
      steps,
      schedule: { kind: 'cosine', peak: 1e-3, warmup: 100, total: steps },
      evaluationExamples: 64,
    });
    const metrics = new Metrics(join(folder, 'metrics.jsonl'));
    await train(run, {
      onStep: (report) => {
        metrics.addStep(report);
        if (report.step % STEPS_PER_SAMPLE !== 0) return;
        samples.push({
          step: report.step,
          residentBytes: process.memoryUsage.rss(),
          liveBytes: memoryStatistics().liveBytes,
        });
      },
      onEvaluation: (report) => metrics.addEvaluation(report),
      onCheckpoint: (each) => saveCheckpoint(join(folder, 'checkpoint.safetensors'), each),
    });
    return samples;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await runProgram(command, async ({ steps, attention, json }) => {
  await poolReady();
  makeFolder(join(json, '..'));
  tryToWrite(json);
  const samples = await sampled(steps, attention);
  const later = samples.filter(({ step }) => step > WARM);
  const warm = samples.find(({ step }) => step === WARM) as Sample;
  const most = Math.max(...later.map(({ residentBytes }) => residentBytes));
  const ratio = most / warm.residentBytes;
  const isFlat = ratio <= 1 + ALLOWED;
  const summary = { attention, steps, residentBytesAt200: warm.residentBytes, mostAfter: most, ratio, isFlat };
  const growth = `${ratio.toFixed(3)}× of ${formatBytes(warm.residentBytes)} at step ${WARM}`;
  console.log(`${attention}, ${steps} steps: at most ${formatBytes(most)} resident, ${growth}`);
  console.log(isFlat ? 'Flat.' : `NOT FLAT: more than ${1 + ALLOWED}×.`);
  writeFileAtomically(
    json,
    `${JSON.stringify({ environment: describeEnvironment(), ...summary, samples }, null, 1)}\n`,
  );
  return isFlat ? 0 : 1;
});
