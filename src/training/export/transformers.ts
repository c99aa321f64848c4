/**
 * Models that Hugging Face's transformers has a class for: causal ones with full attention, normalisation first, and
 *
 *     learned positions    GPT-2       rotary positions    GPT-NeoX
 *
 * There the embedding is not multiplied by √d, so the factor goes into the embedding, and its inverse into the last
 * normalisation, before the product with the same embedding: E′ = √d E, y′ = y/√d, y′ E′ᵀ = y Eᵀ.
 *
 * Encoders have none: those of the BERT family normalise the embeddings, where ours do not, and none has our heads.
 */
import { attentionsOf, type TransformerConfig } from '../config.ts';
import type { LanguageModelConfig } from '../language-model.ts';
import { columns, type Layout, rowsByHead, same, scaled, transposed } from './matrices.ts';

/** One of their tensors: which of ours it is made of, and how. */
export interface Correspondence {
  theirs: string;
  ours: readonly string[];
  layout: Layout;
}

export interface TransformersForm {
  /** For config.json. */
  config: Record<string, unknown>;
  tensors: readonly Correspondence[];
}

/** The class's config and tensors, or why transformers has none of this shape. */
export function transformersForm(config: TransformerConfig): TransformersForm | string {
  const problem = problemOf(config);
  if (problem !== undefined) return problem;
  return config.positions === 'rotary' ? neoX(config) : gpt2(config);
}

function problemOf(config: TransformerConfig): string | undefined {
  const { causal, modelDim, heads, headDim = modelDim / heads, norm, residual, positions, dtype } = config;
  const attentions = attentionsOf(config);
  const rules: [fits: boolean, problem: string][] = [
    [causal && 'tied' in config, 'only causal language models'],
    [attentions.every(({ variant, gatedValues }) => variant === 'full' && !gatedValues), 'only full attention'],
    [(config as LanguageModelConfig).tied, 'only an output that is tied to the embedding'],
    [norm === 'pre' && residual === 'plain', 'only plain layers with normalisation first'],
    [positions === 'learned' || positions === 'rotary', 'only learned or rotary positions'],
    [headDim * heads === modelDim, 'only heads of modelDim / heads'],
    [dtype === 'float32', 'only float32'],
  ];
  return rules.find(([fits]) => !fits)?.[1];
}

function gpt2(config: TransformerConfig): TransformersForm {
  const { vocabulary, length, layers, modelDim, heads, feedForwardDim, dropout } = config;
  const pair = (theirs: string, ours: string, kind: 'norm' | 'linear') => {
    const names = kind === 'norm' ? (['gain', 'bias'] as const) : (['weight', 'bias'] as const);
    return ['weight', 'bias'].map((name, n): Correspondence => {
      return { theirs: `${theirs}.${name}`, ours: [`${ours}.${names[n]}`], layout: same };
    });
  };
  const layerOf = (n: number): Correspondence[] => {
    const [theirs, ours] = [`transformer.h.${n}`, `decoder.layers.${n}`];
    return [
      ...pair(`${theirs}.ln_1`, `${ours}.attentionNorm`, 'norm'),
      ...['weight', 'bias'].map((name) => ({
        theirs: `${theirs}.attn.c_attn.${name}`,
        ours: PROJECTIONS.map((each) => `${ours}.attention.${each}.${name}`),
        layout: columns(PROJECTIONS.length),
      })),
      ...pair(`${theirs}.attn.c_proj`, `${ours}.attention.output`, 'linear'),
      ...pair(`${theirs}.ln_2`, `${ours}.feedForwardNorm`, 'norm'),
      ...FEED_FORWARD.map(([name, half, kind]) => ({
        theirs: `${theirs}.mlp.${half === 1 ? 'c_fc' : 'c_proj'}.${kind}`,
        ours: [`${ours}.feedForward.${name}`],
        layout: same,
      })),
    ];
  };
  return {
    config: {
      model_type: 'gpt2',
      architectures: ['GPT2LMHeadModel'],
      vocab_size: vocabulary,
      n_positions: length,
      n_embd: modelDim,
      n_layer: layers,
      n_head: heads,
      n_inner: feedForwardDim ?? 4 * modelDim,
      activation_function: 'gelu_new',
      layer_norm_epsilon: NORM_EPSILON,
      resid_pdrop: dropout,
      embd_pdrop: dropout,
      attn_pdrop: 0,
      ...COMMON,
    },
    tensors: [
      ...embeddingAndNorm('transformer.wte', 'transformer.ln_f', modelDim),
      { theirs: 'transformer.wpe.weight', ours: ['decoder.positions.weight'], layout: same },
      ...Array.from({ length: layers }, (_, n) => layerOf(n)).flat(),
    ],
  };
}

function neoX(config: TransformerConfig): TransformersForm {
  const { vocabulary, length, layers, modelDim, heads, feedForwardDim, dropout } = config;
  const layerOf = (n: number): Correspondence[] => {
    const [theirs, ours] = [`gpt_neox.layers.${n}`, `decoder.layers.${n}`];
    const norm = (name: string, own: string): Correspondence[] => [
      { theirs: `${theirs}.${name}.weight`, ours: [`${ours}.${own}.gain`], layout: same },
      { theirs: `${theirs}.${name}.bias`, ours: [`${ours}.${own}.bias`], layout: same },
    ];
    return [
      ...norm('input_layernorm', 'attentionNorm'),
      ...['weight', 'bias'].map((name) => ({
        theirs: `${theirs}.attention.query_key_value.${name}`,
        ours: PROJECTIONS.map((each) => `${ours}.attention.${each}.${name}`),
        layout: rowsByHead(PROJECTIONS.length, heads),
      })),
      { theirs: `${theirs}.attention.dense.weight`, ours: [`${ours}.attention.output.weight`], layout: transposed },
      { theirs: `${theirs}.attention.dense.bias`, ours: [`${ours}.attention.output.bias`], layout: same },
      ...norm('post_attention_layernorm', 'feedForwardNorm'),
      ...FEED_FORWARD.map(([name, half, kind]) => ({
        theirs: `${theirs}.mlp.${half === 1 ? 'dense_h_to_4h' : 'dense_4h_to_h'}.${kind}`,
        ours: [`${ours}.feedForward.${name}`],
        layout: kind === 'weight' ? transposed : same,
      })),
    ];
  };
  return {
    config: {
      model_type: 'gpt_neox',
      architectures: ['GPTNeoXForCausalLM'],
      vocab_size: vocabulary,
      max_position_embeddings: length,
      hidden_size: modelDim,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      intermediate_size: feedForwardDim ?? 4 * modelDim,
      hidden_act: 'gelu_new',
      layer_norm_eps: NORM_EPSILON,
      rotary_pct: 1,
      rotary_emb_base: 10000,
      use_parallel_residual: false,
      attention_bias: true,
      hidden_dropout: dropout,
      attention_dropout: 0,
      ...COMMON,
    },
    tensors: [
      ...embeddingAndNorm('gpt_neox.embed_in', 'gpt_neox.final_layer_norm', modelDim),
      ...Array.from({ length: layers }, (_, n) => layerOf(n)).flat(),
    ],
  };
}

const PROJECTIONS = ['query', 'key', 'value'] as const;
const FEED_FORWARD = [
  ['W1', 1, 'weight'],
  ['b1', 1, 'bias'],
  ['W2', 2, 'weight'],
  ['b2', 2, 'bias'],
] as const;
const NORM_EPSILON = 1e-5;
/** No token is special. */
const COMMON = { tie_word_embeddings: true, bos_token_id: null, eos_token_id: null, dtype: 'float32' };

function embeddingAndNorm(embedding: string, norm: string, width: number): Correspondence[] {
  const root = Math.sqrt(width);
  return [
    { theirs: `${embedding}.weight`, ours: ['decoder.embedding.weight'], layout: scaled(root) },
    { theirs: `${norm}.weight`, ours: ['decoder.norm.gain'], layout: scaled(1 / root) },
    { theirs: `${norm}.bias`, ours: ['decoder.norm.bias'], layout: scaled(1 / root) },
  ];
}
