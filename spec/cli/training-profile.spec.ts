/** The table of `train --profile`: means of a step, and small ops together. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatProfile } from '../../src/commands/training-profile.ts';

const op = (name: string, backward: boolean, milliseconds: number) => ({
  ...{ name, backward, calls: 8, milliseconds, kernelMilliseconds: milliseconds / 2 },
  ...{ flops: 2000, allocations: 4, allocatedBytes: 4096 },
});

test('an op a line for one of the steps; those below half a percent together; a sum', () => {
  const ops = [op('matmul', true, 600), op('matmul', false, 396), op('slice', false, 2), op('concat', false, 2)];
  const lines = formatProfile(ops, 4, {}).split('\n');
  const cells = (line: string) => line.trim().split(/ {2,}/);
  assert.equal(lines.filter((line) => !line.startsWith('──')).map(cells), [
    ['op', 'time', 'share', 'JavaScript', 'calls', 'operations', 'arrays', 'bytes'],
    ['matmul (b)', '150 ms', '60.0%', '75.0 ms', '2', '500', '1', '1.00 KiB'],
    ['matmul', '99.0 ms', '39.6%', '49.5 ms', '2', '500', '1', '1.00 KiB'],
    ['2 others', '1.00 ms', '0.40%', '500 µs', '4', '1.00k', '2', '2.00 KiB'],
    ['a step', '250 ms', '100%', '125 ms', '8', '2.00k', '4', '4.00 KiB'],
  ]);
});

test.run();
