/** Checks of layouts: kernels go where runs of keys say, so none may leave the sequence. */
import { ArgumentError, expectInteger, ShapeError } from '../errors.ts';
import { expectInstance, expectList, expectRecord, integerOf } from '../expect.ts';
import { type AttentionLayout, type KeyRuns, tokensOfClass } from '../kernels/attention-tiles.ts';

/** Tokens of the longest sequence: with one number for each of them the memory of all tensors is a quarter full. */
export const LONGEST = 2 ** 28;

/** Throws ShapeError or ArgumentError for runs that leave the sequence. */
export function expectRuns(prefix: string, { dilation, begin, end, start = 0 }: KeyRuns, keyLength: number): void {
  expectInteger(`${prefix}dilation`, dilation, 1);
  expectInteger(`${prefix}start`, start, 0);
  expectInstance(`${prefix}begin`, begin, Int32Array);
  expectInstance(`${prefix}end`, end, Int32Array);
  if (begin.length === 0 || end.length !== begin.length) {
    const given = `${begin.length} and ${end.length}`;
    throw new ShapeError(`${prefix}end: expected as many entries as begin, at least one, got ${given}`);
  }
  for (const [name, entries] of Object.entries({ begin, end })) {
    for (let i = 0; i < entries.length; i++) {
      const highest = dilation === 1 ? keyLength : tokensOfClass(keyLength, (start + i) % dilation, dilation);
      if (entries[i] >= 0 && entries[i] <= highest) continue;
      throw new ArgumentError(`${prefix}${name}[${i}]: expected 0 to ${highest}, got ${entries[i]}`);
    }
  }
}

/** Throws ArgumentError or ShapeError unless it is a layout, none of whose runs leaves the sequence. */
export function expectLayout(name: string, layout: AttentionLayout): void {
  expectRecord(name, layout, { queryLength: integerOf(1, LONGEST), keyLength: integerOf(1, LONGEST) });
  const { queryLength, keyLength, heads } = layout;
  expectList(`${name}.heads`, heads, expectRecord, 1);
  const seen = new Set<KeyRuns>();
  heads.forEach((runs, head) => {
    if (seen.has(runs)) return;
    seen.add(runs);
    const prefix = `${name}.heads[${head}].`;
    expectRuns(prefix, runs, keyLength);
    if (runs.begin.length === queryLength) return;
    throw new ShapeError(
      `${prefix}begin: expected an entry for each of ${queryLength} queries, got ${runs.begin.length}`,
    );
  });
}
