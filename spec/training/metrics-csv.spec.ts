import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { MetricsLine } from '../../src/training/metrics.ts';
import { metricsCsv } from '../../src/training/metrics-csv.ts';

test('a row for each step, what was not measured there is empty', () => {
  const lines: MetricsLine[] = [
    { kind: 'note', step: 0, note: 'a, "b"', seconds: 0 },
    { kind: 'steps', step: 10, loss: 2.5, gradientNorm: 1, learningRate: 1e-7, tokensPerSecond: 100, seconds: 0.5 },
    {
      kind: 'steps',
      step: 20,
      loss: 2,
      gradientNorm: 1,
      learningRate: 0.1,
      tokensPerSecond: 100,
      seconds: 1,
      auxiliary: 0.5,
    },
    { kind: 'evaluation', step: 20, loss: null, accuracy: 0.25, examples: 8, seconds: 1 },
    { kind: 'evaluation', step: 21, loss: 3, accuracy: 0, examples: 8, seconds: 1.5 },
  ];
  assert.is(
    metricsCsv(lines),
    [
      'step,seconds,loss,gradient_norm,learning_rate,tokens_per_second,held_out_loss,held_out_accuracy,own_losses',
      '10,0.5,2.5,1,1e-7,100,,,',
      '20,1,2,1,0.1,100,,0.25,0.5',
      '21,1.5,,,,,3,0,',
      '',
    ].join('\n'),
  );
});

test.run();
