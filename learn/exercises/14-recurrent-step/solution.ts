/**
 * A recurrent step that equals the causal run.
 *
 * The sums of the last exercise are all that a causal model with features needs to know of the past. So it can write text token
 * by token from a state of a fixed size, as a recurrent network does, and return exactly what the run over the whole text
 * returns. Here the features are those of the linear transformer, for each number x of a query or a key:
 *
 *     φ(x) = elu(x) + 1, that is x + 1 where x > 0, and exp(x) elsewhere
 *     S' = S + φ(k) vᵀ        z' = z + φ(k)
 *     o = S'ᵀ φ(q) / (z' · φ(q))
 *
 * Task: write `start`, the state before the first token (S of dim × width numbers, z of dim), and `step`, which takes a state
 * and the query, key and value of one token, and returns the new state and the output. Leave the given state as it is: someone
 * may want to go on from it twice.
 *
 * Source: Katharopoulos et al. 2020, "Transformers are RNNs", eqs. 7 and 16 to 20.
 */
import { dot, multiply, zeros } from '../../given.ts';

/** Given. */
interface State {
  S: number[][];
  z: number[];
}

export function start(dim: number, width: number): State {
  return { S: zeros(dim, width), z: new Array<number>(dim).fill(0) };
}

export function step(state: State, q: number[], k: number[], v: number[]): { state: State; output: number[] } {
  const phi = (x: number) => (x > 0 ? x + 1 : Math.exp(x));
  const [query, key] = [q.map(phi), k.map(phi)];
  const S = state.S.map((row, f) => row.map((s, c) => s + key[f] * v[c]));
  const z = state.z.map((sum, f) => sum + key[f]);
  const output = multiply([query], S)[0].map((x) => x / dot(query, z));
  return { state: { S, z }, output };
}
