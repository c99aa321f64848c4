/**
 * Stacks (Kimi Team 2025, §5.1): several stacks, each with a number, and a trace of operations of three tokens; the symbol of
 * each pop is to be predicted.
 *
 *     PUSH 1 G   PUSH 0 E   PUSH 1 A   POP 1 A   POP 0 E
 *
 * To answer, a model has to keep what lies under the top of a stack, and to forget what was taken from it: the last symbol that
 * was pushed there is no answer after it was popped.
 */
import { ArgumentError, expectInteger } from '../../core/errors.ts';
import type { Task, TaskDefinition } from './task.ts';

/** The tokens of the operations; stacks and symbols follow. */
export const PUSH = 0;
export const POP = 1;
export const FIRST_STACK = 2;
const POP_SHARE = 0.5;

export const stack: TaskDefinition = {
  name: 'stack',
  summary: 'Predict the symbol that each pop takes from one of several stacks',
  source: 'Kimi Team 2025, §5.1',
  // In the paper 64 stacks and 256 to 2048 tokens.
  defaults: { length: 96, symbols: 16, stacks: 4 },

  make({ length, symbols, stacks }): Task {
    expectInteger('length', length, 6);
    const operations = Math.floor(length / 3);
    const firstSymbol = FIRST_STACK + stacks;
    if (firstSymbol + symbols > 2 ** 16) {
      throw new ArgumentError(
        `stacks: expected at most ${2 ** 16 - 2 - symbols} with ${symbols} symbols, got ${stacks}`,
      );
    }
    return {
      name: 'stack',
      kind: 'causal',
      settings: { length, symbols, stacks },
      vocabulary: firstSymbol + symbols,
      classes: firstSymbol + symbols,
      length: 3 * operations,
      accuracy: 'target',
      chance: 1 / symbols,
      alphabet: 'numbers',
      recall: true,
      draw(_, random) {
        const held = Array.from({ length: stacks }, (): number[] => []);
        const tokens: number[] = [];
        const counts: number[] = [];
        for (let n = 0; n < operations; n++) {
          const filled = held.flatMap((symbols, which) => (symbols.length > 0 ? which : []));
          // An example has at least one pop.
          const isForced = n === operations - 1 && !counts.includes(1);
          const pops = filled.length > 0 && (random.uniform() < POP_SHARE || isForced);
          const which = pops ? filled[random.integer(filled.length)] : random.integer(stacks);
          const symbol = pops ? (held[which].pop() as number) : firstSymbol + random.integer(symbols);
          if (!pops) held[which].push(symbol);
          tokens.push(pops ? POP : PUSH, FIRST_STACK + which, symbol);
          counts.push(0, Number(pops), 0);
        }
        return { tokens, targets: [...tokens.slice(1), 0], counts };
      },
    };
  },
};
