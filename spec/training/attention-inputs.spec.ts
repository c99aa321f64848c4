/** What a model says that a layer's attention is given is what the variant gets. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { scope } from '../../src/core/scope.ts';
import { languageModel } from '../../src/training/language-model.ts';
import { evaluation } from '../../src/training/module.ts';
import { full } from '../../src/variants/full.ts';
import { register } from '../../src/variants/registry.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { drawTokens, maskOf } from './modules.ts';

const seen: Record<'queries' | 'keys' | 'values', ArrayLike<number>>[] = [];
const arraysOf = ({ queries, keys, values }: AttentionInputs) => ({
  queries: queries.toArray(),
  keys: keys.toArray(),
  values: values.toArray(),
});

register({
  ...full,
  name: 'recording',
  attend(inputs, options, parameters) {
    seen.push(arraysOf(inputs));
    return full.attend(inputs, options, parameters);
  },
});

for (const residual of ['plain', 'reversible'] as const) {
  test(`queries, keys and values of every layer, as they come to it (${residual})`, () => {
    for (const positions of ['learned', 'rotary'] as const) {
      const size = { vocabulary: 9, length: 11, layers: 3, modelDim: 8, heads: 2 };
      const model = languageModel({ ...size, residual, positions, attention: { variant: 'recording' } }, 4);
      scope(() => {
        const [tokens, keyMask] = [drawTokens(2, 11, 9, 5), maskOf([11, 7], 11)];
        seen.length = 0;
        model.forward(tokens, evaluation, keyMask);
        const expected = [...seen];
        assert.is(expected.length, 3);
        for (let layer = 0; layer < 3; layer++) {
          const inputs = model.body.attentionInputs(tokens, layer, keyMask);
          assert.equal(inputs.queries.shape, [2, 2, 11, 4]);
          assert.equal(arraysOf(inputs), expected[layer], `${positions}, layer ${layer}`);
        }
      });
    }
  });
}

test.run();
