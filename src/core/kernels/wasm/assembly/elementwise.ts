/** Two operands, element by element: the blocks of kernels/vector-kernels.ts, with a step of 0 or 1 each. */

/** Places of the operations in VECTOR_OPERATIONS of kernels/vector-kernels.ts. */
const ADD = 0;
const SUBTRACT = 1;
const MULTIPLY = 2;
const DIVIDE = 3;

// @ts-ignore: decorator
@inline
function combine(which: i32, a: v128, b: v128): v128 {
  if (which == ADD) return f32x4.add(a, b);
  if (which == SUBTRACT) return f32x4.sub(a, b);
  if (which == MULTIPLY) return f32x4.mul(a, b);
  return f32x4.div(a, b);
}

// @ts-ignore: decorator
@inline
function loop(which: i32, a: usize, stepA: i32, b: usize, stepB: i32, c: usize, count: i32): void {
  const all = (<usize>count) << 2;
  const end = all & ~15;
  if (stepA == 1 && stepB == 1) {
    for (let at: usize = 0; at < end; at += 16) {
      v128.store(c + at, combine(which, v128.load(a + at), v128.load(b + at)));
    }
  } else if (stepA == 1) {
    const y = v128.load_splat<f32>(b);
    for (let at: usize = 0; at < end; at += 16) v128.store(c + at, combine(which, v128.load(a + at), y));
  } else {
    const x = v128.load_splat<f32>(a);
    for (let at: usize = 0; at < end; at += 16) v128.store(c + at, combine(which, x, v128.load(b + at)));
  }
  for (let at: usize = end; at < all; at += 4) {
    const x = v128.load_splat<f32>(stepA == 1 ? a + at : a);
    const y = v128.load_splat<f32>(stepB == 1 ? b + at : b);
    store<f32>(c + at, f32x4.extract_lane(combine(which, x, y), 0));
  }
}

/**
 * c = a ∘ b in `rows` rows of `count` elements, with these distances between the rows of a and b; at least one of the steps
 * is 1.
 */
export function binary(
  which: i32,
  a: usize,
  stepA: i32,
  rowA: i32,
  b: usize,
  stepB: i32,
  rowB: i32,
  c: usize,
  rows: i32,
  count: i32,
): void {
  for (let row = 0; row < rows; row++) {
    if (which == ADD) loop(ADD, a, stepA, b, stepB, c, count);
    else if (which == SUBTRACT) loop(SUBTRACT, a, stepA, b, stepB, c, count);
    else if (which == MULTIPLY) loop(MULTIPLY, a, stepA, b, stepB, c, count);
    else loop(DIVIDE, a, stepA, b, stepB, c, count);
    a += (<isize>rowA) << 2;
    b += (<isize>rowB) << 2;
    c += (<usize>count) << 2;
  }
}
