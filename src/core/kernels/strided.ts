/**
 * Walks a result row by row while two operands follow, each with its own strides. A stride of 0 repeats an operand along an
 * axis; that is all of broadcasting. The plan of a walk is plain numbers, so it travels to workers with a job.
 */

/** The most axes that a tensor may have: the plan of a walk has to fit in a job. */
export const MAX_AXES = 8;
/** Elements of a row in one item. */
const PIECE = 4096;

export interface Walk {
  /** Items of the kernel: rows, each cut into pieces. */
  items: number;
  elementsPerItem: number;
  plan: number[];
}

/** An operand of a walk: where it starts in its array, and its stride on every axis of the result. */
export interface Operand {
  offset: number;
  strides: readonly number[];
}

/**
 * Plans a walk over `shape`; neighbouring axes that both operands step through evenly become one. `inAnyOrder`: the walk is
 * not over the result itself, so rows may follow each other along the longest axis, which makes the largest blocks.
 */
export function planWalk(shape: readonly number[], first: Operand, second: Operand, inAnyOrder = false): Walk {
  const extents: number[] = [];
  const a: number[] = [];
  const b: number[] = [];
  for (let axis = 0; axis < shape.length; axis++) {
    const extent = shape[axis];
    if (extent === 1) continue;
    const last = extents.length - 1;
    const [nextA, nextB] = [first.strides[axis], second.strides[axis]];
    if (last >= 0 && a[last] === nextA * extent && b[last] === nextB * extent) {
      extents[last] *= extent;
      a[last] = nextA;
      b[last] = nextB;
    } else {
      extents.push(extent);
      a.push(nextA);
      b.push(nextB);
    }
  }
  const length = extents.pop() ?? 1;
  const stepA = a.pop() ?? 0;
  const stepB = b.pop() ?? 0;
  if (inAnyOrder && extents.length > 1) {
    const longest = extents.indexOf(Math.max(...extents));
    for (const list of [extents, a, b]) list.push(...list.splice(longest, 1));
  }
  let rows = 1;
  for (let axis = 0; axis < extents.length; axis++) rows *= extents[axis];
  const plan = [length, extents.length, first.offset, stepA, second.offset, stepB, ...extents, ...a, ...b];
  return { items: rows * Math.ceil(length / PIECE), elementsPerItem: Math.min(length, PIECE), plan };
}

/** The plan for two operands whose elements lie one after another, as many as those of the result. */
export function evenWalk(size: number, first: number, second: number): Walk {
  const step = size === 1 ? 0 : 1;
  const plan = [size, 0, first, step, second, step];
  return { items: Math.ceil(size / PIECE), elementsPerItem: Math.min(size, PIECE), plan };
}

/**
 * Visits a piece of a row: where it starts in both operands and in row-major order of the result (of a walk in that order),
 * and its length.
 */
export type VisitPiece = (atA: number, stepA: number, atB: number, stepB: number, at: number, count: number) => void;

/** Rows at even distances in both operands, and one after another in the result; `at` and its like belong to the first. */
export interface RowBlock {
  atA: number;
  stepA: number;
  rowA: number;
  atB: number;
  stepB: number;
  rowB: number;
  at: number;
  rows: number;
  count: number;
}

/** Walks items begin … end − 1 of a plan in the largest possible steps: along its last two axes together. */
export function walkBlocks(
  begin: number,
  end: number,
  plan: readonly number[],
  visit: (block: RowBlock) => void,
): void {
  const [length, axes] = plan;
  if (axes === 0 || length > PIECE) {
    walk(begin, end, plan, (atA, stepA, atB, stepB, at, count) => {
      visit({ atA, stepA, rowA: 0, atB, stepB, rowB: 0, at, rows: 1, count });
    });
    return;
  }
  const extent = plan[5 + axes];
  const rowA = plan[5 + 2 * axes];
  const rowB = plan[5 + 3 * axes];
  for (let row = begin; row < end; ) {
    const rows = Math.min(end - row, extent - (row % extent));
    walk(row, row + 1, plan, (atA, stepA, atB, stepB, at, count) => {
      visit({ atA, stepA, rowA, atB, stepB, rowB, at, rows, count });
    });
    row += rows;
  }
}

/** Walks items begin … end − 1 of a plan. */
export function walk(begin: number, end: number, plan: readonly number[], visit: VisitPiece): void {
  const [length, axes, offsetA, stepA, offsetB, stepB] = plan;
  const pieces = Math.ceil(length / PIECE);
  for (let item = begin; item < end; item++) {
    const row = Math.floor(item / pieces);
    const from = (item - row * pieces) * PIECE;
    let atA = offsetA + from * stepA;
    let atB = offsetB + from * stepB;
    let rest = row | 0;
    for (let axis = axes - 1; axis >= 0; axis--) {
      const extent = plan[6 + axis] | 0;
      const index = (rest % extent) | 0;
      rest = ((rest - index) / extent) | 0;
      atA += index * plan[6 + axes + axis];
      atB += index * plan[6 + 2 * axes + axis];
    }
    visit(atA, stepA, atB, stepB, row * length + from, Math.min(PIECE, length - from));
  }
}
