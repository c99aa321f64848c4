/** The names of a Reformer's tensors, in transformers and here. */
import type { Destination } from './architecture.ts';
import { find, LINEAR, type Names, NORM, nameIn } from './encoder-names.ts';
import type { ReformerDescription } from './reformer-config.ts';

const PREFIX = 'reformer.';

const LAYER: Names = {
  'attention.layer_norm': ['attentionNorm', NORM],
  'attention.self_attention.query_key': ['attention.queryKey', LINEAR],
  'attention.self_attention.query': ['attention.query', LINEAR],
  'attention.self_attention.key': ['attention.key', LINEAR],
  'attention.self_attention.value': ['attention.value', LINEAR],
  'attention.output.dense': ['attention.output', LINEAR],
  'feed_forward.layer_norm': ['feedForwardNorm', NORM],
  'feed_forward.dense.dense': ['feedForward.inner', LINEAR],
  'feed_forward.output.dense': ['feedForward.outer', LINEAR],
};
const BODY: Names = {
  'embeddings.word_embeddings': ['embeddings.words', { weight: { part: 'weight' } }],
  'embeddings.position_embeddings.embedding': ['embeddings.positions', { weight: { part: 'weight' } }],
  // [l₁, 1, d₁] and [1, l₂, d₂].
  'embeddings.position_embeddings.weights': [
    'embeddings.positions',
    { 0: { part: 'E1', layout: 'squeezed' }, 1: { part: 'E2', layout: 'squeezed' } },
  ],
  'encoder.layer_norm': ['norm', NORM],
};
const LM_HEAD: Names = {
  lm_head: ['head.output', { bias: { part: 'bias' } }],
  'lm_head.decoder': ['head.output', LINEAR],
};
const CLASSIFIER: Names = {
  'classifier.dense': ['head.dense', LINEAR],
  'classifier.out_proj': ['head.output', LINEAR],
};

/** The constants that replace masked scores, stored in files of old versions. */
const LEFT_OUT = /\.self_attention\.(self_)?mask_value_float(16|32)$/;

/** See `Plan.destination`. */
export function reformerDestination(
  stored: string,
  { head, axial, positionRows }: ReformerDescription,
): Destination | 'unused' | undefined {
  const name = stored.startsWith(PREFIX) ? stored.slice(PREFIX.length) : stored;
  if (LEFT_OUT.test(name)) return 'unused';
  const ofLayer = /^encoder\.layers\.(\d+)\.(.+)$/.exec(name);
  if (ofLayer !== null) {
    const found = find(LAYER, ofLayer[2]);
    return found && { ...found, name: `layers.${Number(ofLayer[1])}.${found.name}` };
  }
  const ofBody = find(BODY, name);
  if (ofBody?.name === 'embeddings.positions.weight' && axial === null) {
    return { ...ofBody, repeated: { rows: positionRows, from: 0 } };
  }
  if (ofBody !== undefined) return ofBody;
  const ofLMHead = find(LM_HEAD, name);
  if (ofLMHead !== undefined) {
    if (head !== 'masked-lm' && head !== 'causal-lm') return 'unused';
    // One bias under two names; if they differ, transformers adds the decoder's.
    return name === 'lm_head.bias' ? { ...ofLMHead, alias: true } : ofLMHead;
  }
  const ofClassifier = find(CLASSIFIER, name);
  if (ofClassifier !== undefined) return head === 'classification' ? ofClassifier : 'unused';
  return undefined;
}

/** The name of one of our tensors in a file with these other names; see `Plan.nameOf`. */
export function reformerName(name: string, stored: ReadonlySet<string>, { head }: ReformerDescription): string {
  const withPrefix = stored.size === 0 ? head !== 'none' : [...stored].some((other) => other.startsWith(PREFIX));
  const ofBody = (theirs: string) => `${withPrefix ? PREFIX : ''}${theirs}`;
  const ofLayer = /^layers\.(\d+)\.(.+)$/.exec(name);
  if (ofLayer !== null) {
    const theirs = nameIn(LAYER, ofLayer[2]);
    return theirs === undefined ? name : ofBody(`encoder.layers.${ofLayer[1]}.${theirs}`);
  }
  const body = nameIn(BODY, name);
  return body === undefined ? (nameIn(head === 'classification' ? CLASSIFIER : LM_HEAD, name) ?? name) : ofBody(body);
}
