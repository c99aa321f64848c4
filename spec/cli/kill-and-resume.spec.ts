/** The law of resumption with real processes: killed at random moments, a training ends with the bytes of an undisturbed one. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { killAndResume } from '../../scripts/kill-and-resume.ts';

/** Another one each time, to be repeated with LAW_SEED. */
const seed = Number(process.env.LAW_SEED ?? Math.floor(2 ** 31 * Math.random()));

test('killed twice and resumed, on any number of threads: the checkpoint at the end is the same, byte for byte', async () => {
  const lines: string[] = [];
  const { same, stoodAt, hashes } = await killAndResume({
    kills: 2,
    seed,
    training: [
      ...['copy', '--attention', 'performer', '--dropout', '0.1', '--length', '16', '--layers', '1'],
      ...['--batch', '2', '--steps', '120', '--checkpoint-every', '3', '--evaluation-examples', '8'],
    ],
    tell: (line) => lines.push(line),
  });
  const story = [`LAW_SEED=${seed}`, ...lines].join('\n');
  assert.is(stoodAt.length, 2, story);
  assert.ok(hashes.length >= 2 && hashes[0].length === 64, story);
  assert.ok(same, story);
});

test.run();
