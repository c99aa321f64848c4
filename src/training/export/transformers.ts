/**
 * Models that Hugging Face's transformers has a class for: causal ones with full attention, normalisation first, and
 *
 *     learned positions    GPT-2       rotary positions    GPT-NeoX
 *
 * There the embedding is not multiplied by √d, so the factor goes into the embedding, and its inverse into the last
 * normalisation, before the product with the same embedding: E′ = √d E, y′ = y/√d, y′ E′ᵀ = y Eᵀ.
 *
 * Encoders have no such class: the BERT family normalises the embeddings, which ours do not, and none has our heads.
 */
import { findVariant } from '../../variants/registry.ts';
import { attentionsOf, feedForwardsOf, type TransformerConfig } from '../config.ts';
import type { LanguageModelConfig } from '../language-model.ts';
import { columns, type Layout, rowsByHead, same, scaled, transposed } from './matrices.ts';

/** One of their tensors: the tensors of ours that it is made from, and how. */
export interface Correspondence {
  theirs: string;
  ours: readonly string[];
  layout: Layout;
}

export interface TransformersForm {
  /** For config.json. */
  config: Record<string, unknown>;
  tensors: readonly Correspondence[];
  /** The prefix of the body's names in a file that also has the head. */
  prefix: string;
  /** The matrix of the output, which is also that of the embedding. */
  output: string;
  embedding: string;
  /** Names, without the prefix, of constants that old versions store although they follow from the config. */
  constants: RegExp;
}

/** The class's config and tensors, or why transformers has none of this shape. */
export function transformersForm(config: TransformerConfig): TransformersForm | string {
  const problem = problemOf(config);
  if (problem !== undefined) return problem;
  return config.positions === 'rotary' ? neoX(config) : gpt2(config);
}

const isExact = (variant: string) => findVariant(variant)?.exactness === 'exact';

function problemOf(config: TransformerConfig): string | undefined {
  const { causal, modelDim, heads, headDim = modelDim / heads, norm, residual, positions, dtype } = config;
  const attentions = attentionsOf(config);
  const rules: [fits: boolean, problem: string][] = [
    [causal && 'tied' in config, 'only causal language models'],
    [attentions.every(({ variant, gatedValues }) => isExact(variant) && !gatedValues), 'only full attention'],
    [attentions.every(({ projections = 'dense' }) => projections === 'dense'), 'only dense projections'],
    [feedForwardsOf(config).every(({ kind }) => kind === 'dense'), 'only dense feed-forward layers'],
    [(config as LanguageModelConfig).tied, 'only an output that is tied to the embedding'],
    [norm === 'pre' && residual === 'plain', 'only plain layers with normalisation first'],
    [positions === 'learned' || positions === 'rotary', 'only learned or rotary positions'],
    [headDim * heads === modelDim, 'only heads of modelDim / heads'],
    [dtype === 'float32', 'only float32'],
  ];
  return rules.find(([fits]) => !fits)?.[1];
}

function gpt2({ vocabulary, length, layers, modelDim, heads, feedForwardDim, dropout }: TransformerConfig) {
  const layer = (theirs: string, ours: string): Correspondence[] => [
    ...norm(`${theirs}.ln_1`, `${ours}.attentionNorm`),
    ...projections(`${theirs}.attn.c_attn`, `${ours}.attention`, columns(PROJECTIONS.length)),
    ...linear(`${theirs}.attn.c_proj`, `${ours}.attention.output`, same),
    ...norm(`${theirs}.ln_2`, `${ours}.feedForwardNorm`),
    ...feedForward([`${theirs}.mlp.c_fc`, `${theirs}.mlp.c_proj`], `${ours}.feedForward`, same),
  ];
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
    prefix: 'transformer.',
    output: 'lm_head.weight',
    embedding: 'transformer.wte.weight',
    constants: /^h\.\d+\.attn\.(masked_)?bias$/,
    tensors: [
      ...ends('transformer.wte', 'transformer.ln_f', modelDim),
      tensor('transformer.wpe.weight', 'decoder.positions.weight', same),
      ...eachLayer(layers, (n) => layer(`transformer.h.${n}`, `decoder.layers.${n}`)),
    ],
  };
}

function neoX({ vocabulary, length, layers, modelDim, heads, feedForwardDim, dropout }: TransformerConfig) {
  const layer = (theirs: string, ours: string): Correspondence[] => [
    ...norm(`${theirs}.input_layernorm`, `${ours}.attentionNorm`),
    ...projections(`${theirs}.attention.query_key_value`, `${ours}.attention`, rowsByHead(PROJECTIONS.length, heads)),
    ...linear(`${theirs}.attention.dense`, `${ours}.attention.output`, transposed),
    ...norm(`${theirs}.post_attention_layernorm`, `${ours}.feedForwardNorm`),
    ...feedForward([`${theirs}.mlp.dense_h_to_4h`, `${theirs}.mlp.dense_4h_to_h`], `${ours}.feedForward`, transposed),
  ];
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
    prefix: 'gpt_neox.',
    output: 'embed_out.weight',
    embedding: 'gpt_neox.embed_in.weight',
    constants: /^(layers\.\d+\.attention\.((masked_)?bias|rotary_emb\.inv_freq)|rotary_emb\.(original_)?inv_freq)$/,
    tensors: [
      ...ends('gpt_neox.embed_in', 'gpt_neox.final_layer_norm', modelDim),
      ...eachLayer(layers, (n) => layer(`gpt_neox.layers.${n}`, `decoder.layers.${n}`)),
    ],
  };
}

/** The ε of our layer normalisation. */
const NORM_EPSILON = 1e-5;
/** No token is special. */
const COMMON = { tie_word_embeddings: true, bos_token_id: null, eos_token_id: null, dtype: 'float32' };
const PROJECTIONS = ['query', 'key', 'value'] as const;

function tensor(theirs: string, ours: string, layout: Layout): Correspondence {
  return { theirs, ours: [ours], layout };
}

/** The embedding and the last normalisation, with √d moved from one to the other. */
function ends(embedding: string, last: string, width: number): Correspondence[] {
  const root = Math.sqrt(width);
  return [
    tensor(`${embedding}.weight`, 'decoder.embedding.weight', scaled(root)),
    ...norm(last, 'decoder.norm', 1 / root),
  ];
}

function norm(theirs: string, ours: string, factor?: number): Correspondence[] {
  const layout = factor === undefined ? same : scaled(factor);
  return [tensor(`${theirs}.weight`, `${ours}.gain`, layout), tensor(`${theirs}.bias`, `${ours}.bias`, layout)];
}

/** `layout` is that of the weight. */
function linear(theirs: string, ours: string, layout: Layout): Correspondence[] {
  return [tensor(`${theirs}.weight`, `${ours}.weight`, layout), tensor(`${theirs}.bias`, `${ours}.bias`, same)];
}

/** Queries, keys and values in one matrix, with the biases in the same layout. */
function projections(theirs: string, ours: string, layout: Layout): Correspondence[] {
  return ['weight', 'bias'].map((name) => {
    return { theirs: `${theirs}.${name}`, ours: PROJECTIONS.map((each) => `${ours}.${each}.${name}`), layout };
  });
}

function feedForward([first, second]: [string, string], ours: string, layout: Layout): Correspondence[] {
  return [first, second].flatMap((theirs, n) => [
    tensor(`${theirs}.weight`, `${ours}.W${n + 1}`, layout),
    tensor(`${theirs}.bias`, `${ours}.b${n + 1}`, same),
  ]);
}

function eachLayer(count: number, layer: (n: number) => Correspondence[]): Correspondence[] {
  return Array.from({ length: count }, (_, n) => layer(n)).flat();
}
