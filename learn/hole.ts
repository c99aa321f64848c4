/** From a solution to what the learner starts with: comments and signatures stay, bodies go. */

/** The words of the error that an exercise throws until it is written. */
export const NOT_WRITTEN = 'not written yet';

/** Where the given functions are, seen from a solution and from the learner's file in `out/learn`. */
const [FROM_SOLUTION, FROM_LEARNER] = ['../../given.ts', '../../learn/given.ts'];

/**
 * `solution` with an error as the body of each exported function. Functions that are not exported were given, and stay.
 * `given` is as for asLearner.
 */
export function holeOf(solution: string, given?: string): string {
  const lines: string[] = [];
  let state: 'outside' | 'signature' | 'body' = 'outside';
  for (const line of solution.split('\n')) {
    if (state === 'outside' && line.startsWith('export function ')) state = 'signature';
    if (state !== 'body') lines.push(line);
    if (state === 'signature' && /^\S.*\{$/.test(line)) {
      lines.push(`  throw new Error('${NOT_WRITTEN}');`);
      state = 'body';
    } else if (state === 'body' && line === '}') {
      lines.push(line);
      state = 'outside';
    }
  }
  return asLearner(lines.join('\n'), given);
}

/** A solution as it stands in the learner's folder, from which `given` leads to the given functions. */
export function asLearner(solution: string, given = FROM_LEARNER): string {
  return solution.replace(`'${FROM_SOLUTION}'`, `'${given}'`);
}

/** The task: the comment that a solution begins with, without its stars. */
export function taskOf(solution: string): string {
  const comment = /^\/\*\*([\s\S]*?)\*\//.exec(solution)?.[1] ?? '';
  return comment.replace(/^ \* ?/gm, '').trim();
}
