/** Random arguments that are easy to read, and become small and full of zeros when a law fails (fast-check's shrinking). */
import fc from 'fast-check';

/** The sizes of a list (`['length']`) or of a matrix (`['length', 'dim']`), by the names of the sizes. */
type Shape = readonly [string] | readonly [string, string];
type Drawn<S extends Shape> = S extends readonly [string] ? number[] : number[][];

/** Multiples of a quarter from −2 to 2: exact in binary, and short to print. */
export const quarters = fc.integer({ min: -8, max: 8 }).map((n) => n / 4);

/** Numbers whose exponentials overflow or vanish. */
export const wide = fc.integer({ min: -20, max: 20 }).map((n) => n * 50);

/** Gates: from 0.25 to 1, where 1 forgets nothing. */
export const gates = fc.integer({ min: 0, max: 6 }).map((n) => 1 - n / 8);

/**
 * Lists and matrices whose sizes have names, so that those of one name agree. Every number is drawn at the largest size, and a
 * size is a choice of some of its places: so a matrix shrinks by losing any of its rows and columns.
 */
export function tensors<const Shapes extends Record<string, Shape>>(
  sizes: Readonly<Record<string, readonly [least: number, most: number]>>,
  shapes: Shapes,
  entry: fc.Arbitrary<number> = quarters,
): fc.Arbitrary<{ [Name in keyof Shapes]: Drawn<Shapes[Name]> }> {
  const chosen = fc.record(
    Object.fromEntries(
      Object.entries(sizes).map(([name, [minLength, most]]) => {
        return [
          name,
          fc.subarray(
            Array.from({ length: most }, (_, n) => n),
            { minLength },
          ),
        ];
      }),
    ),
  );
  const pools = fc.record(
    Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => {
        const count = shape.reduce((product, size) => product * sizes[size][1], 1);
        return [name, fc.array(entry, { minLength: count, maxLength: count })];
      }),
    ),
  );
  return fc.tuple(chosen, pools).map(([places, pool]) => {
    const cut = Object.entries(shapes).map(([name, [rows, columns]]) => {
      if (columns === undefined) return [name, places[rows].map((row) => pool[name][row])];
      const width = sizes[columns][1];
      return [name, places[rows].map((row) => places[columns].map((column) => pool[name][row * width + column]))];
    });
    return Object.fromEntries(cut);
  });
}

/** Arguments of several generators, in order. */
export function together<A extends object, B extends object>(
  a: fc.Arbitrary<A>,
  b: fc.Arbitrary<B>,
): fc.Arbitrary<A & B> {
  return fc.tuple(a, b).map(([x, y]) => ({ ...x, ...y }));
}

/** A whole number of this name. */
export function whole<Name extends string>(name: Name, min: number, max: number): fc.Arbitrary<Record<Name, number>> {
  return fc.integer({ min, max }).map((value) => ({ [name]: value }) as Record<Name, number>);
}

/** Some of the arguments: a law that fails shows no others than these. */
export function only<A extends object, Name extends keyof A>(
  inputs: fc.Arbitrary<A>,
  ...names: readonly Name[]
): fc.Arbitrary<Pick<A, Name>> {
  return inputs.map((all) => Object.fromEntries(names.map((name) => [name, all[name]])) as Pick<A, Name>);
}
