/** The oracle of linformer.spec.ts: E and F with all their zeros, from the definition, in float64. */
import { Random } from '../../src/core/random.ts';
import { type Dense, type Dense64, referenceAttention, referenceMatmul } from '../../src/core/reference.ts';
import { randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { drawParameters } from '../../src/variants/attend.ts';
import { type LinformerOptions, linformer } from '../../src/variants/linformer.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import type { AttentionCase } from '../laws/draw.ts';

export const optionsOf = ({ options }: AttentionCase) => options as LinformerOptions;

export const dense = (tensor: Tensor): Dense => ({ shape: tensor.shape, data: tensor.toArray() });

/** softmax(Q (E K)ᵀ/√d) (F V) over the rows of E that read a real key. */
export function writtenOutAttention(
  attentionCase: AttentionCase,
  { queries, keys, values }: AttentionInputs,
  { E, F = E }: Parameters,
): Dense64 {
  return referenceAttention(
    {
      queries: dense(queries),
      keys: referenceMatmul(writtenOut(attentionCase, E), dense(keys)),
      values: referenceMatmul(writtenOut(attentionCase, F), dense(values)),
    },
    { keyMask: rowsWithKeys(attentionCase) },
  );
}

/** Parameters with nothing special about them: a convolution's kernel is drawn, not at its start. */
export function drawnParameters({ shape, options, seed }: AttentionCase): Parameters {
  const drawn = drawParameters(linformer, options as LinformerOptions, shape, seed);
  if ((options as LinformerOptions).projection === 'learned') return drawn;
  const random = new Random(seed).split('kernels');
  return Object.fromEntries(
    Object.entries(drawn).map(([name, { shape }]) => [
      name,
      randomNormal(shape, random.split(name), drawn[name].dtype as 'float32'),
    ]),
  );
}

/** E (or F) of each batch entry and head with all its zeros, [batch, heads, k, L], masked keys left out. */
function writtenOut({ shape, mask, options }: AttentionCase, matrix: Tensor | undefined): Dense {
  const { projectedLength: k, projection } = options as LinformerOptions;
  const { batch, heads, keyLength: length } = shape;
  const data = new Float64Array(batch * heads * k * length);
  const numbers = matrix?.toArray() ?? [];
  const matrices = matrix?.shape[0] ?? 1;
  const width = matrix?.shape[2] ?? 0;
  for (let at = 0; at < data.length; at++) {
    const [j, r] = [at % length, Math.floor(at / length) % k];
    const [h, b] = [Math.floor(at / length / k) % heads, Math.floor(at / length / k / heads)];
    const real = (key: number) => mask === null || mask[b][key] === 1;
    const [begin, end] = [Math.floor((r * length) / k), Math.floor(((r + 1) * length) / k)];
    const own = h % matrices;
    if (!real(j)) continue;
    if (projection === 'learned') data[at] = numbers[(own * k + r) * width + j];
    else if (j < begin || j >= end) continue;
    else if (projection === 'convolution') data[at] = numbers[own * width + j - begin];
    else data[at] = 1 / Array.from({ length: end - begin }, (_, t) => begin + t).filter(real).length;
  }
  return { shape: [batch, heads, k, length], data };
}

/** 1 for each row of E that reads at least one real key, [batch, k]. */
function rowsWithKeys({ shape, mask, options }: AttentionCase): Dense {
  const { projectedLength: k, projection } = options as LinformerOptions;
  const { batch, keyLength: length } = shape;
  const data = Array.from({ length: batch * k }, (_, at) => {
    const r = at % k;
    const [begin, end] = [Math.floor((r * length) / k), Math.floor(((r + 1) * length) / k)];
    const row = mask?.[Math.floor(at / k)] ?? new Array<number>(length).fill(1);
    return Number((projection === 'learned' ? row : row.slice(begin, end)).includes(1));
  });
  return { shape: [batch, k], data };
}
