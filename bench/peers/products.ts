/** Packages that are compared by the matrix product alone: ndarray-gemm and numpy-ts. */
import { draw } from './inputs.ts';
import { load, type Peer, product, versionsOf } from './peer.ts';

interface Gemm {
  default(c: unknown, a: unknown, b: unknown): void;
}
interface Ndarray {
  default(data: Float32Array, shape: readonly number[]): unknown;
}
interface NumpyArray {
  readonly data: ArrayLike<number>;
  reshape(...shape: number[]): NumpyArray;
}
interface NumpyTs {
  array(values: number[], dtype: 'float32'): NumpyArray;
  matmul(a: NumpyArray, b: NumpyArray): NumpyArray;
}

export async function open(name: string): Promise<Peer> {
  return name === 'numpy-ts' ? openNumpyTs() : openNdarrayGemm();
}

async function openNdarrayGemm(): Promise<Peer> {
  const { default: gemm } = await load<Gemm>('ndarray-gemm');
  const { default: ndarray } = await load<Ndarray>('ndarray');
  const contestant = product('product', 'javascript', ({ size }) => {
    const output = new Float32Array(size * size);
    const [a, b, c] = [draw('a', size * size), draw('b', size * size), output].map((data) =>
      ndarray(data, [size, size]),
    );
    return {
      run: () => gemm(c, a, b),
      results() {
        gemm(c, a, b);
        return { output };
      },
      release() {},
    };
  });
  return { versions: versionsOf('ndarray-gemm', 'ndarray'), threads: 1, contestants: [contestant] };
}

async function openNumpyTs(): Promise<Peer> {
  const numpy = await load<NumpyTs>('numpy-ts');
  const contestant = product('product', 'wasm', ({ size }) => {
    const [a, b] = ['a', 'b'].map((each) =>
      numpy.array(Array.from(draw(each, size * size)), 'float32').reshape(size, size),
    );
    return {
      run: () => void numpy.matmul(a, b),
      results: () => ({ output: Float32Array.from(numpy.matmul(a, b).data) }),
      release() {},
    };
  });
  return { versions: versionsOf('numpy-ts'), threads: 1, contestants: [contestant] };
}
