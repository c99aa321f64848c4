/** Lesson 12: learned selection. */
import { HEAD, inputChoice, layerChoice } from './controls.ts';
import type { Lesson } from './lesson.ts';

export const selection: Lesson = {
  name: 'selection',
  title: 'Learned selection',
  minutes: 20,
  lead: 'Keep all keys, but let every query choose the few that it reads. The choice has to be much cheaper than what it saves.',
  idea: [
    'Windows and strides decide before the text is read. Recurrences squeeze the text into a state. There is a third way, which some large models of today take: keep everything, and for each query *select* what to read. If the right 2,000 of 100,000 tokens are read, often hardly anything is lost.',
    'To know the right ones, one would have to compute all scores, which is full attention. So the choice needs a cheap stand-in for the scores.',
    '## Blocks',
    '[MoBA](variants/moba.html) (Lu et al. 2025) cuts the keys into blocks and describes each by the mean of its keys. A query scores the means, takes the best few blocks, and reads these in full. With blocks of 512 that is 512 times fewer scores. Its own block is always among them. No parameter is added, and a trained model can change over between MoBA and full attention.',
    '[NSA](variants/nsa.html) (Yuan et al. 2025) has three branches: compressed blocks that all queries see, the selected blocks, and a window; gates mix them. The weights of the compressed branch serve as the scores of the blocks. So the branch that learns with a gradient also makes the choice.',
    '## Single tokens',
    '[DSA](variants/dsa.html) (DeepSeek-AI 2025) chooses tokens one by one, by an *indexer*: a few small heads with narrow keys that score everything. That is still a square, but a much cheaper one. The indexer has a loss of its own: it draws the scores towards full attention’s weights.',
    '## The choice has no gradient',
    'To take the best $k$ is a step, and a step has no slope. A block that is never chosen never learns that it should have been. The three answers: no parameters at all (MoBA), scores that also do other work (NSA), and a teacher (DSA).',
  ],
  picture: {
    draw: 'beside',
    needs: 'minilm-qkv.safetensors',
    given: () => ({
      length: 64,
      causal: true,
      options: JSON.stringify({
        moba: { blockSize: 8 },
        nsa: { compressionBlock: 8, stride: 4, selectionBlock: 8, window: 4 },
        dsa: {},
      }),
    }),
    controls: [
      {
        kind: 'choice',
        name: 'variant',
        label: 'Variant',
        options: [
          ['moba', 'moba: k blocks of 8'],
          ['nsa', 'nsa: n selected blocks of 8'],
          ['dsa', 'dsa, without an indexer: the k nearest keys'],
        ],
      },
      layerChoice(),
      HEAD,
      { kind: 'slider', name: 'budget', label: 'Blocks or keys', stops: [3, 4, 5, 6, 8], start: 3 },
    ],
    says: 'MiniLM’s numbers, read causally. Each row chooses for itself: find rows of MoBA that take the first block, and rows that do not. With 8 of 8 blocks MoBA is full attention. NSA’s gates are not trained here, and each of its branches has the same part. DSA chooses by an indexer; without one all scores are alike, and it takes the nearest.',
  },
  more: [
    {
      title: 'How much is caught?',
      text: ['A choice is good if the keys that it takes hold most of full attention’s weight.'],
      picture: {
        draw: 'caught',
        needs: 'minilm-qkv.safetensors',
        controls: [
          inputChoice('words', 'clustered', 'peaked'),
          layerChoice('layer4'),
          HEAD,
          { kind: 'slider', name: 'blockSize', label: 'MoBA’s block', stops: [4, 8], start: 8 },
          { kind: 'slider', name: 'length', label: 'Tokens', stops: [128, 192], start: 128 },
        ],
        says: 'The top line is what the best choice would catch. Between it and the nearest keys lies what selection can win. How much of it do the means of blocks find? Compare blocks of 8 with blocks of 4.',
      },
    },
  ],
  equations: [
    {
      label: 'Scores of blocks (Lu et al. 2025, eqs. 5 and 6)',
      tex: 's_i=\\langle q,\\ \\mathrm{mean}(K[I_i])\\rangle\\qquad g_i=1\\text{ for the }k\\text{ largest}',
      says: '$I_i$ are the keys of block $i$. The mean of products is the product with the mean, so $s_i$ is the mean score of the block.',
      code: { file: 'src/variants/moba.ts', from: '// The own block, up to the query', to: 'sets.push(' },
    },
    {
      label: 'Attention over what was chosen (eq. 2)',
      tex: '\\mathrm{MoBA}(q,K,V)=\\mathrm{softmax}\\Big(\\tfrac{qK[I]^\\top}{\\sqrt d}\\Big)V[I]',
      says: 'The same `attention`, which takes lists of blocks for each query and head: no keys are copied.',
      code: { file: 'src/variants/moba.ts', from: '// softmax(q K[I]ᵀ/√d) V[I]', to: 'return memory.leave' },
    },
    {
      label: 'The indexer (DeepSeek-AI 2025, eqs. 1 and 2)',
      tex: 'I_{ts}=\\sum_j w_{tj}\\,\\mathrm{ReLU}(q^I_{tj}\\cdot k^I_s)\\qquad u_t=\\mathrm{Attn}\\big(q_t,\\{k_s,v_s:I_{ts}\\text{ among the top }k\\}\\big)',
      says: 'Narrow queries and keys, one key for all heads, and a ReLU in place of the softmax, which puts 0 in place of what is negative: only the order of the scores matters.',
      code: { file: 'src/variants/dsa.ts', from: '// S_t: the k keys', to: 'return memory.leave' },
    },
  ],
  givesUp: {
    text: [
      'Nothing is forgotten, so the cache grows as with full attention: selection saves time, not the memory of what was read. The choice itself still looks at everything, at $L^2/B$ or at a narrow square. A single key in a block whose other keys point elsewhere is averaged away, and not found. And the output jumps where the choice changes.',
      'The error against the cost, on causal attention:',
    ],
    picture: {
      draw: 'sweep',
      needs: 'minilm-qkv.safetensors',
      given: () => ({
        causal: true,
        sweeps: JSON.stringify([
          {
            variant: 'moba',
            name: 'moba, 2 to 8 blocks of 8',
            option: 'topK',
            values: [2, 3, 4, 6, 8],
            fixed: { blockSize: 8, causal: true },
          },
          {
            variant: 'attention-sinks',
            name: 'a window of 8 to 64 and 4 sinks',
            option: 'windowLength',
            values: [8, 16, 32, 64],
            fixed: { numSinks: 4, causal: true },
          },
        ]),
      }),
      controls: [
        inputChoice('words', 'clustered', 'peaked'),
        layerChoice('layer4'),
        { kind: 'slider', name: 'length', label: 'Tokens', stops: [128, 256], start: 256 },
      ],
      says: 'On the drawn inputs, whose weight is anywhere, choosing wins clearly. On words the lines are close, and at small budgets the window is ahead: it keeps the first tokens, where many heads put their weight. MiniLM was also never trained to have its keys summed up by their means.',
    },
  },
  questions: [
    {
      ask: 'Blocks of 512, the best 8 blocks, 100,000 tokens. How many scores does a query of MoBA compute?',
      answer: [
        'About 195 for the means of blocks, and $8\\cdot 512=4096$ for the keys of the chosen ones: 4,291 in place of 100,000.',
      ],
    },
    {
      ask: 'Why is the own block always chosen, and treated apart?',
      answer: [
        'Because of causality. The mean of the own block would contain keys that come after the query. So the query reads its own block up to itself, without asking the mean.',
      ],
    },
    {
      ask: 'Why does the ReLU of DSA’s indexer do, where attention needs a softmax?',
      answer: [
        'The indexer only has to *rank*. Its scores are compared with each other, and never used as weights of values. A ReLU is cheap, and sums of it over a few heads can say that one head found something, whatever the others say.',
      ],
    },
  ],
  takeaways: [
    'Keep all keys, read few: the choice depends on the query.',
    'Score something cheaper than keys: means of blocks, compressed blocks, narrow keys.',
    'The choice has no gradient. Use no parameters, shared scores, or a loss of its own.',
    'Time is saved, and the cache still grows.',
  ],
  exercises: ['top-blocks'],
  variants: ['moba', 'nsa', 'dsa'],
  sources: [],
};
