/** Lesson 10: recurrence and memories: segments, and what is kept of those before. */
import { HEAD, inputChoice, layerChoice } from './controls.ts';
import type { Lesson } from './lesson.ts';

export const recurrence: Lesson = {
  name: 'recurrence',
  title: 'Recurrence and memories',
  minutes: 15,
  lead: 'Read a long text piece by piece, and hand something on from each piece to the next: keys and values as they were, or a compressed form of them.',
  idea: [
    'A model that was trained on 512 tokens and gets a book has to cut it. If each piece is read by itself, the first words of a piece have no context, and nothing from chapter one is known in chapter two.',
    '## Keep the last segment',
    '[Transformer-XL](variants/transformer-xl.html) (Dai et al. 2019) cuts the text into segments of $S$ tokens, and keeps the keys and values of the $M$ tokens before (the paper keeps the vectors that they are made from). The queries of a segment meet that *memory* and the segment itself. For each new token that is at most $S+M$ keys, however long the text is. Training does not go back into the memory: its numbers are taken as they are.',
    'In a stack this reaches far. The memory of layer 2 was made from tokens that had read the memory of layer 1. So each layer reaches $M$ tokens further back, as in lesson 5.',
    '## Positions have to be relative',
    'With absolute positions, the third token of the memory and the third of the segment would have the same position. So the score depends on the *distance* $i-j$ in place of the positions. The score of a pair has four terms: content with content, content with distance, and two that say how much a key or a distance matters in general.',
    '## Compress what leaves',
    'Transformer-XL forgets what falls out of its memory. The [Compressive Transformer](variants/compressive.html) (Rae et al. 2020) squeezes it first: $c$ old tokens become one row of a second memory, by their mean, or by a learned convolution. So it looks back $M+c\\cdot n$ tokens with $M+n$ rows.',
    'The next step is a memory that never grows, and into which everything is mixed: a state. That is the next lesson.',
  ],
  picture: {
    draw: 'reach',
    given: () => ({
      length: 64,
      options: JSON.stringify({
        'transformer-xl': { segmentLength: 8 },
        compressive: { segmentLength: 8, ratio: 2, compressedLength: 8 },
      }),
    }),
    controls: [
      {
        kind: 'choice',
        name: 'variant',
        label: 'Variant',
        options: [
          ['transformer-xl', 'transformer-xl'],
          ['compressive', 'compressive'],
        ],
      },
      { kind: 'slider', name: 'option.memoryLength', label: 'Memory M', stops: [4, 8, 16, 24], start: 8 },
      { kind: 'slider', name: 'layers', label: 'Layers', stops: [1, 2, 3, 4, 6, 8], start: 2 },
      { kind: 'check', name: 'causal', label: 'Causal', start: true },
    ],
    says: 'Segments of 8 tokens. In one layer, all queries of a segment see the same stretch before it. Add layers, and the view grows backwards each time: by the memory’s length, and by no less than a segment. The compressed memory looks further back at once.',
  },
  more: [
    {
      title: 'Beside full attention',
      text: [
        'What do these memories miss on real numbers? The parts for positions are drawn at random here: they would be trained. So look at where weights are, more than at the error.',
      ],
      picture: {
        draw: 'beside',
        needs: 'minilm-qkv.safetensors',
        given: () => ({
          length: 64,
          causal: true,
          options: JSON.stringify({
            'transformer-xl': { segmentLength: 8, memoryLength: 8 },
            compressive: { segmentLength: 8, memoryLength: 8, ratio: 4, compressedLength: 8 },
          }),
        }),
        controls: [
          {
            kind: 'choice',
            name: 'variant',
            label: 'Variant',
            options: [
              ['transformer-xl', 'transformer-xl'],
              ['compressive', 'compressive: 4 tokens to 1'],
            ],
          },
          layerChoice(),
          HEAD,
        ],
        says: 'In the compressive picture, far tokens come in groups of four with one weight. They can be seen, but not told apart.',
      },
    },
  ],
  equations: [
    {
      label: 'Memory and segment (Dai et al. 2019, §3.2)',
      tex: '\\tilde h=[\\mathrm{SG}(\\text{memory})\\circ\\text{segment}]\\qquad q=hW^Q,\\;k=\\tilde hW^K,\\;v=\\tilde hW^V',
      says: 'SG stops the gradient. The lines append to a state and keep of it what the next token can meet: the same code runs a whole text, or goes on token by token.',
      code: { file: 'src/variants/transformer-xl.ts', from: '// h̃ = [SG(memory)', to: 'const sets = setsOf' },
    },
    {
      label: 'Four terms of a score (§3.3)',
      tex: 'A_{ij}=q_i\\cdot k_j+q_i\\cdot W_{k,R}R_{i-j}+u\\cdot k_j+v\\cdot W_{k,R}R_{i-j}',
      says: '$R_{i-j}$ are sinusoids of the distance. $u$ and $v$ are learned vectors. The first and third terms are one product, $(q_i+u)\\cdot k_j$, and so are the others.',
      code: {
        file: 'src/variants/transformer-xl.ts',
        from: 'const towards = (bias',
        to: 'const { output } = attention',
      },
    },
    {
      label: 'Who is met',
      tex: 'j\\ge S\\lfloor i/S\\rfloor-M',
      says: 'From the memory’s first token up to the query, or up to the end of the segment if not causal.',
      code: {
        file: 'src/variants/transformer-xl.ts',
        from: 'const start = i - (i % segmentLength)',
        to: 'return j >= start',
      },
    },
  ],
  givesUp: {
    text: [
      'Everything before the memory, in a single layer. And in the compressed part, the single token.',
      'How much that is depends on where the weight lies.',
    ],
    picture: {
      draw: 'caught',
      needs: 'minilm-qkv.safetensors',
      controls: [
        inputChoice('words', 'clustered', 'peaked'),
        layerChoice(),
        { kind: 'slider', name: 'length', label: 'Tokens', stops: [128, 192], start: 128 },
      ],
      says: 'How much of full attention’s weight lies on the *nearest* keys, which is all that a memory holds? The best choice of as many keys stands above it, a choice by chance below. [Lesson 12](course/selection.html) is about what lies between.',
    },
  },
  questions: [
    {
      ask: 'Twelve layers, segments of 128 and a memory of 384. How far back can the last token’s output depend on the text?',
      answer: [
        'About $12\\cdot 384=4608$ tokens before its segment: each layer’s memory was made by the layer below, which had a memory itself.',
      ],
    },
    {
      ask: 'Why does the gradient stop at the memory?',
      answer: [
        'The memory was computed in an earlier step of training. To go back into it, everything of that step would have to be kept, and of the step before that, and so on to the start of the text. Stopping keeps the memory of training constant. The model still learns to *use* what it finds there.',
      ],
    },
    {
      ask: 'The memory may be longer in use than in training. Why is that possible?',
      answer: [
        'No parameter depends on $M$. Distances beyond those seen in training are new to the model, though the sinusoids are defined for them. The paper evaluates with 1,600 tokens after training with 384.',
      ],
    },
  ],
  takeaways: [
    'Read in segments, keep the keys and values of those before.',
    'Scores then have to depend on distances.',
    'Layers multiply the reach.',
    'Compression trades single old tokens for a longer view.',
  ],
  exercises: ['relative-shift'],
  variants: ['transformer-xl', 'compressive'],
  sources: [],
};
