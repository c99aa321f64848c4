/** `eval`: a trained model on held-out examples; on request, how much the attention of each layer contributes. */
import { ArgumentError } from '../core/errors.ts';
import { supportsColour } from '../terminal/colour.ts';
import { formatError, formatPercent } from '../terminal/format.ts';
import { flag, integer, text } from '../terminal/options.ts';
import { Progress } from '../terminal/progress.ts';
import { formatTable } from '../terminal/table.ts';
import { evaluateWithout } from '../training/ablation.ts';
import { attentionsOf, feedForwardsOf } from '../training/config.ts';
import { type Evaluation, evaluate } from '../training/evaluate.ts';
import { whoGoesWhere } from '../training/feed-forward/who.ts';
import { taskBaseline } from '../training/tasks/baseline.ts';
import { openTask } from '../training/tasks/registry.ts';
import { announceStop, defineCommand, PROGRAM, widthOf } from './command.ts';
import { routingTables } from './routing-table.ts';
import { applyMachine, runOptions } from './shared-options.ts';
import { openModel } from './training-folder.ts';

function options() {
  const { threads, kernels } = runOptions();
  return {
    checkpoint: text('FILE', 'Checkpoint written by train, or its folder'),
    examples: integer('N', 'Number of held-out examples', { minimum: 1, default: 1024 }),
    seed: integer('N', 'Seed of the examples', { defaultText: 'the seed of the training, for the same examples' }),
    text: text('FILE', 'For models of text, read this UTF-8 text', { defaultText: 'the text of the training' }),
    ablate: flag('Also measure without the attention of each layer in turn, to show how much the model relies on it'),
    routing: flag('Also show which tokens each expert takes, for models whose feed-forward layers route'),
    threads,
    kernels,
  };
}

function describe() {
  const checkpoint = 'out/listops/reformer';
  return {
    usage: `${PROGRAM} eval`,
    options: options(),
    examples: [
      { command: `${PROGRAM} eval --checkpoint ${checkpoint}`, explanation: 'Evaluate on 1024 held-out examples' },
      {
        command: `${PROGRAM} eval --checkpoint ${checkpoint} --ablate --examples 256`,
        explanation: 'Also show how much the loss rises without the attention of each layer',
      },
      {
        command: `${PROGRAM} eval --checkpoint out/byte-lm/full --routing`,
        explanation: 'Of a model trained with --feed-forward switch, show who is routed where',
      },
    ],
  };
}

export const evalCommand = defineCommand('eval', describe, async ({ values }, host) => {
  const { stdout, stderr, stop } = host;
  const { checkpoint, examples } = values;
  if (checkpoint === undefined) throw new ArgumentError('--checkpoint: expected a FILE to evaluate, got nothing');
  applyMachine(values);
  const { learner, settings, step } = openModel(checkpoint, host);
  const { name, ...own } = settings.task;
  const task = openTask(name, values.text === undefined ? own : { ...own, text: values.text });
  if (values.routing && feedForwardsOf(learner.model.config).every(({ kind }) => kind === 'dense')) {
    throw new ArgumentError('--routing: expected a model trained with --feed-forward, got one of dense layers');
  }
  const seed = values.seed ?? settings.seed;
  const look = { examples, batch: settings.batch / settings.parts, seed };
  const measured: [what: string, evaluation: Evaluation][] = [];
  const progress = new Progress({ total: 1 + (values.ablate ? learner.model.config.layers : 0), stream: stderr });
  const add = async (what: string, evaluation: Evaluation) => {
    measured.push([what, evaluation]);
    progress.advance(1, what);
    stop.listen(announceStop(host, 'after this layer'));
    // Give signals a turn.
    await new Promise((resolve) => setImmediate(resolve));
  };
  let layer = 0;
  try {
    await add('the model', evaluate(learner, task, look));
    if (values.ablate) {
      for (const each of evaluateWithout(learner, task, look)) {
        await add(`without layer ${layer++}`, each);
        if (stop.asked()) break;
      }
    }
  } finally {
    progress.finish();
    stop.end();
  }
  const routed = values.routing ? whoGoesWhere(learner, task, look) : null;
  const baseline = taskBaseline(task);
  const variants = attentionsOf(learner.model.config).map(({ variant }) => variant);
  const rows = [
    ...measured.map(([what, { loss, accuracy }]) => [what, formatError(loss), formatPercent(accuracy)]),
    ['most frequent', formatError(baseline.loss), formatPercent(baseline.accuracy)],
  ];
  const columns = [{ title: 'on held-out examples' }, { title: 'loss' }, { title: 'accuracy' }];
  const terminal = { colour: supportsColour(stdout), width: widthOf(stdout) };
  const table = formatTable(columns, rows, terminal);
  stdout.write(`${task.name}, ${variants.join(' and ')}, after ${step} steps; ${examples} examples\n\n${table}\n`);
  if (routed !== null) stdout.write(`\n${routingTables(routed, task.alphabet, terminal)}\n`);
  const isWhole = layer === (values.ablate ? learner.model.config.layers : 0);
  return isWhole ? 0 : stop.exitCode();
});
