import { tensors } from '../../draw.ts';
import { type Exercise, law, mistake, shown } from '../../exercise.ts';
import { type Matrix, product } from '../../plain.ts';

/** f(x) = tanh(Ax) and g(x) = tanh(Bx). */
const inputs = tensors({ n: [1, 3] }, { x1: ['n'], x2: ['n'], A: ['n', 'n'], B: ['n', 'n'] });

type X = number[];
type Branch = (x: X) => X;
const branch =
  (A: Matrix): Branch =>
  (x) =>
    A.map((row) => Math.tanh(product(row, x)));

interface Inputs {
  x1: X;
  x2: X;
  A: Matrix;
  B: Matrix;
}
/** Number by number. */
function layer({ x1, x2, A, B }: Inputs): { y1: X; y2: X } {
  const y1: X = [];
  for (let i = 0; i < x1.length; i++) y1.push(x1[i] + Math.tanh(product(A[i], x2)));
  const y2: X = [];
  for (let i = 0; i < x2.length; i++) y2.push(x2[i] + Math.tanh(product(B[i], y1)));
  return { y1, y2 };
}

const plus = (a: X, b: X) => a.map((x, i) => x + b[i]);
const minus = (a: X, b: X) => a.map((x, i) => x - b[i]);
const forward = (x1: X, x2: X, f: Branch, g: Branch) => {
  const y1 = plus(x1, f(x2));
  return { y1, y2: plus(x2, g(y1)) };
};
const inverse = (y1: X, y2: X, f: Branch, g: Branch) => {
  const x2 = minus(y2, g(y1));
  return { x1: minus(y1, f(x2)), x2 };
};

export const reversible: Exercise = {
  name: 'reversible',
  title: 'A reversible layer and its inverse',
  functions: ['forward', 'inverse'],
  laws: [
    law(
      'with f(x) = tanh(Ax) and g(x) = tanh(Bx), forward equals the equations',
      inputs,
      (code, { x1, x2, A, B }) => code.forward(x1, x2, branch(A), branch(B)),
      layer,
    ),
    shown(
      'what `inverse` returns for the y1 and y2 that follow from x1 and x2, with f(x) = tanh(Ax) and g(x) = tanh(Bx)',
      law(
        'inverse returns what went in',
        inputs,
        (code, { A, B, ...x }) => {
          const { y1, y2 } = layer({ ...x, A, B });
          return code.inverse(y1, y2, branch(A), branch(B));
        },
        ({ x1, x2 }) => ({ x1, x2 }),
      ),
    ),
  ],
  mistakes: [
    mistake(
      'g of the old half',
      'You compute y2 from g(x1). It takes y1, the new half: from x1, which is gone, the way back could not begin.',
      { forward: (x1: X, x2: X, f: Branch, g: Branch) => ({ y1: plus(x1, f(x2)), y2: plus(x2, g(x1)) }), inverse },
    ),
    mistake(
      'each half by itself',
      'You add f(x1) to x1 and g(x2) to x2. Then each half alone would have to be undone; the trick is that each is changed by a function of the other.',
      { forward: (x1: X, x2: X, f: Branch, g: Branch) => ({ y1: plus(x1, f(x1)), y2: plus(x2, g(x2)) }), inverse },
    ),
    mistake('f and g swapped', 'You use g for the first half and f for the second: it is the other way round.', {
      forward: (x1: X, x2: X, f: Branch, g: Branch) => forward(x1, x2, g, f),
      inverse,
    }),
    mistake(
      'f and g swapped in both',
      'You use g for the first half and f for the second, in forward and in inverse. They undo each other, but f belongs to y1 and g to y2.',
      {
        forward: (x1: X, x2: X, f: Branch, g: Branch) => forward(x1, x2, g, f),
        inverse: (y1: X, y2: X, f: Branch, g: Branch) => inverse(y1, y2, g, f),
      },
    ),
    mistake(
      'f and g swapped in inverse',
      'You subtract f from y2 and g from y1 in inverse. It was g that was added to the second half, and f to the first.',
      { forward, inverse: (y1: X, y2: X, f: Branch, g: Branch) => inverse(y1, y2, g, f) },
    ),
    mistake(
      'nothing added to',
      'You return f(x2) and g(y1) alone. They are added to x1 and x2, which the way back could not find otherwise.',
      {
        forward: (_x1: X, x2: X, f: Branch, g: Branch) => {
          const y1 = f(x2);
          return { y1, y2: g(y1) };
        },
        inverse,
      },
    ),
    mistake(
      'subtracted the wrong way round',
      'You subtract what was given from f and g. It is the other way round: minus(y2, g(y1)), and so for x1.',
      {
        forward,
        inverse: (y1: X, y2: X, f: Branch, g: Branch) => {
          const x2 = minus(g(y1), y2);
          return { x1: minus(f(x2), y1), x2 };
        },
      },
    ),
    mistake(
      'undone in the order of forward',
      'You undo the first half first, by f(y2). But f was applied to x2, which is not known yet: find x2 first.',
      {
        forward,
        inverse: (y1: X, y2: X, f: Branch, g: Branch) => {
          const x1 = minus(y1, f(y2));
          return { x1, x2: minus(y2, g(x1)) };
        },
      },
    ),
    mistake(
      'f of the wrong half',
      'You find x2, and then take f(y2) to find x1. It was f(x2) that was added: use what you have just found.',
      {
        forward,
        inverse: (y1: X, y2: X, f: Branch, g: Branch) => ({ x1: minus(y1, f(y2)), x2: minus(y2, g(y1)) }),
      },
    ),
    mistake('added again', 'You add f and g in inverse too. What was added has to be subtracted.', {
      forward,
      inverse: (y1: X, y2: X, f: Branch, g: Branch) => {
        const x2 = plus(y2, g(y1));
        return { x1: plus(y1, f(x2)), x2 };
      },
    }),
    mistake(
      'halves exchanged in inverse',
      'You find both halves and return them under each other’s name: x1 = y1 − f(x2), and x2 = y2 − g(y1).',
      {
        forward,
        inverse: (y1: X, y2: X, f: Branch, g: Branch) => {
          const { x1, x2 } = inverse(y1, y2, f, g);
          return { x1: x2, x2: x1 };
        },
      },
    ),
    mistake(
      'second half not added to',
      'Your y2 is g(y1) alone. g is added to x2, which is what makes it possible to find x2 again.',
      {
        inverse,
        forward: (x1: X, x2: X, f: Branch, g: Branch) => {
          const y1 = plus(x1, f(x2));
          return { y1, y2: [...g(y1)] };
        },
      },
    ),
  ],
  hints: [
    'forward is the two equations in order. For inverse, solve the second equation for x2: does its right side hold only what you know?',
    'x2 = y2 − g(y1): y1 is given. Once x2 is known, the first equation gives x1. plus and minus work number by number.',
    'const x2 = minus(y2, g(y1)); const x1 = minus(y1, f(x2)); return { x1, x2 };',
  ],
  see: 'src/training/reversible.ts',
};
