/** Byte-level language modelling of a text whose every byte tells where it stands. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, FileFormatError } from '../../../src/core/errors.ts';
import { Random } from '../../../src/core/random.ts';
import { MASK } from '../../../src/training/tasks/byte-lm.ts';
import { openTask } from '../../../src/training/tasks/registry.ts';
import type { Part } from '../../../src/training/tasks/task.ts';
import { temporaryFolder } from '../../core/temporary-folder.ts';
import { expectThrows } from '../../laws/laws/expect-throws.ts';

const folder = temporaryFolder();
function textOf(size: number): { path: string; bytes: Uint8Array } {
  const path = join(folder, `text-${size}`);
  const random = new Random(size);
  const bytes = Uint8Array.from({ length: size }, () => random.integer(256));
  writeFileSync(path, bytes);
  return { path, bytes };
}

test('no byte of a held-out window is ever in a window of training, and little of the text is in neither', () => {
  for (const [size, length] of [
    [100_000, 100],
    [5000, 30],
    [330, 30],
  ]) {
    const { path, bytes } = textOf(size);
    const task = openTask('byte-lm', { length, text: path });
    const seen: Record<Part, Set<number>> = { training: new Set(), 'held-out': new Set() };
    for (const part of ['training', 'held-out'] as const) {
      const random = new Random(1).split(part);
      for (let n = 0; n < 6000; n++) {
        const { tokens, targets } = task.draw(part, random);
        // A run of random bytes is in the text once.
        const begin = Buffer.from(bytes).indexOf(Buffer.from(Uint8Array.from(tokens)));
        assert.ok(begin >= 0);
        assert.is(targets[length - 1], bytes[begin + length]);
        for (let at = begin; at <= begin + length; at++) seen[part].add(at);
      }
    }
    assert.not.ok([...seen['held-out']].some((at) => seen.training.has(at)));
    assert.ok(seen.training.size > 0.8 * size, `${seen.training.size} of ${size}`);
    assert.ok(seen['held-out'].size > 0.07 * size, `${seen['held-out'].size} of ${size}`);
  }
});

test('of the predicted bytes 80 % are hidden, and 15 % of all are predicted', () => {
  const { path } = textOf(100_000);
  const task = openTask('byte-mlm', { length: 200, text: path });
  const random = new Random(2);
  const count = { predicted: 0, hidden: 0, same: 0 };
  for (let n = 0; n < 500; n++) {
    const { tokens, targets, counts } = task.draw('training', random);
    for (let at = 0; at < 200; at++) {
      if (counts?.[at] !== 1) continue;
      count.predicted++;
      if (tokens[at] === MASK) count.hidden++;
      else if (tokens[at] === targets[at]) count.same++;
    }
  }
  assert.is(count.predicted, 500 * 30);
  // Five standard errors: of 0.8, and of 0.1 with the chance to draw the same byte.
  const near = (share: number, p: number) => Math.abs(share - p) < 5 * Math.sqrt((p * (1 - p)) / count.predicted);
  assert.ok(near(count.hidden / count.predicted, 0.8), `${count.hidden}`);
  assert.ok(near(count.same / count.predicted, 0.1 + 0.1 / 256), `${count.same}`);
});

test('a text that is missing or too short is refused', () => {
  expectThrows(FileFormatError, join(folder, 'none'), () => openTask('byte-lm', { text: join(folder, 'none') }));
  const { path } = textOf(4000);
  expectThrows(ArgumentError, 'text', () => openTask('byte-lm', { length: 400, text: path }));
  openTask('byte-lm', { length: 399, text: path });
});

test('there is a text to read without any being named', () => {
  const { tokens } = openTask('byte-lm', { length: 64 }).draw('training', new Random(1));
  const text = Buffer.from(Uint8Array.from(tokens)).toString().replaceAll('\n', ' ');
  assert.not.match(text, /[\p{Cc}\ufffd]/u, text);
});

test.run();
