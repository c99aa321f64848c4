/** Layouts of a model's weights in another library, each with its inverse. */

/** A vector is a matrix of one row; its `shape` has one number. */
export interface Matrix {
  shape: readonly number[];
  data: Float32Array;
}

/** How one of their tensors is made from some of ours. */
export interface Layout {
  toTheirs(ours: readonly Matrix[]): Matrix;
  toOurs(theirs: Matrix): Matrix[];
}

export const same: Layout = {
  toTheirs: ([matrix]) => matrix,
  toOurs: (matrix) => [matrix],
};

export function scaled(factor: number): Layout {
  const times = ({ shape, data }: Matrix, by: number): Matrix => ({ shape, data: data.map((value) => value * by) });
  return {
    toTheirs: ([matrix]) => times(matrix, factor),
    toOurs: (matrix) => [times(matrix, 1 / factor)],
  };
}

/** [inputs, outputs] as [outputs, inputs]: x Wᵀ in place of x W. */
export const transposed: Layout = {
  toTheirs: ([matrix]) => transposeOf(matrix),
  toOurs: (matrix) => [transposeOf(matrix)],
};

/** `count` matrices, or vectors, of one shape side by side. */
export function columns(count: number): Layout {
  return {
    toTheirs: (matrices) => {
      const [rows, width] = sizeOf(matrices[0]);
      const data = new Float32Array(rows * width * count);
      matrices.forEach((matrix, n) => {
        for (let row = 0; row < rows; row++) {
          data.set(matrix.data.subarray(row * width, (row + 1) * width), (row * count + n) * width);
        }
      });
      return { shape: matrices[0].shape.with(-1, width * count), data };
    },
    toOurs: (matrix) => {
      const [rows, all] = sizeOf(matrix);
      const width = all / count;
      return Array.from({ length: count }, (_, n) => {
        const data = new Float32Array(rows * width);
        for (let row = 0; row < rows; row++) {
          const from = (row * count + n) * width;
          data.set(matrix.data.subarray(from, from + width), row * width);
        }
        return { shape: matrix.shape.with(-1, width), data };
      });
    },
  };
}

/**
 * `count` matrices whose columns are the same number of heads, transposed and stacked head by head: all rows of the first
 * head, from each matrix in turn, then those of the second. Vectors are treated as columns.
 */
export function rowsByHead(count: number, heads: number): Layout {
  const { toTheirs, toOurs } = columns(count);
  const perHead = ({ data }: Matrix): Matrix => ({ shape: [heads, data.length / heads], data });
  return {
    toTheirs: (matrices) => {
      const { shape } = matrices[0];
      const turned = matrices.map((each) => perHead(shape.length === 1 ? each : transposeOf(each)));
      const width = shape[shape.length - 1] * count;
      return { shape: shape.length === 1 ? [width] : [width, shape[0]], data: toTheirs(turned).data };
    },
    toOurs: (matrix) => {
      const [width, inputs] = matrix.shape;
      return toOurs(perHead(matrix)).map(({ data }) => {
        if (inputs === undefined) return { shape: [width / count], data };
        return transposeOf({ shape: [width / count, inputs], data });
      });
    },
  };
}

function sizeOf({ shape, data }: Matrix): [rows: number, width: number] {
  const width = shape[shape.length - 1];
  return [data.length / width, width];
}

function transposeOf(matrix: Matrix): Matrix {
  const [rows, width] = sizeOf(matrix);
  const data = new Float32Array(rows * width);
  for (let i = 0; i < rows; i++) for (let j = 0; j < width; j++) data[j * rows + i] = matrix.data[i * width + j];
  return { shape: [width, rows], data };
}
