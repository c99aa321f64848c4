/** Live bytes of tensors once those of earlier tests that nobody holds are collected: they would go while a test waits. */
import { setImmediate } from 'node:timers/promises';
import { collectGarbage } from '../../src/core/garbage.ts';
import { memoryStatistics } from '../../src/core/memory.ts';

export async function settledBytes(): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    collectGarbage();
    await setImmediate();
  }
  return memoryStatistics().liveBytes;
}
