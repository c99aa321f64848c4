/** A layer and a stack of layers against their formulas, put together by hand. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { add, dropout, layerNorm, scale } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { ones, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { completeConfig, type TransformerSettings } from '../../src/training/config.ts';
import { type FeedForwardParameters, feedForward } from '../../src/training/feed-forward/dense.ts';
import { type Attend, TransformerLayer } from '../../src/training/layer.ts';
import { embed, type Norm } from '../../src/training/linear.ts';
import { build, evaluation } from '../../src/training/module.ts';
import { Transformer } from '../../src/training/transformer.ts';
import { assertClose, assertSame, denseOf } from '../core/tensors.ts';
import { drawTokens, stir } from './modules.ts';

const configOf = (settings: Partial<TransformerSettings> = {}) =>
  completeConfig({
    vocabulary: 7,
    length: 8,
    layers: 2,
    modelDim: 6,
    heads: 2,
    dropout: 0.4,
    dtype: 'float64',
    ...settings,
  });

function layerOf(settings: Partial<TransformerSettings>): TransformerLayer {
  const layer = build(() => new TransformerLayer(configOf(settings), { variant: 'full' }, new Random(1)));
  stir(layer.tensors(), 1);
  return layer;
}

const norm = (x: Tensor, { gain, bias }: Norm) => layerNorm(x, gain, bias);
const input = () => randomNormal([2, 5, 6], new Random(2), 'float64');

/** F and G without dropout and normalisation. */
const parts = (layer: TransformerLayer) => ({
  F: (x: Tensor) => layer.attention.forward(x, { training: false }),
  G: (x: Tensor) => feedForward(x, layer.feedForward as FeedForwardParameters),
});

const attendOf =
  (layer: TransformerLayer): Attend =>
  (x) =>
    layer.attention.forward(x, { training: false });

test('pre: x + F(norm(x)), then y + G(norm(y))', () => {
  const layer = layerOf({ norm: 'pre' });
  const { F, G } = parts(layer);
  const x = input();
  const y = add(x, F(norm(x, layer.attentionNorm)));
  const expected = add(y, G(norm(y, layer.feedForwardNorm)));
  assertSame(layer.plain(x, layer.branches(attendOf(layer), false), new Random(1)), denseOf(expected));
});

test('post: norm(x + F(x)), then norm(y + G(y))', () => {
  const layer = layerOf({ norm: 'post' });
  const { F, G } = parts(layer);
  const x = input();
  const y = norm(add(x, F(x)), layer.attentionNorm);
  const expected = norm(add(y, G(y)), layer.feedForwardNorm);
  assertSame(layer.plain(x, layer.branches(attendOf(layer), false), new Random(1)), denseOf(expected));
});

test('while training each branch is followed by dropout, with a mask of its own', () => {
  const layer = layerOf({ norm: 'post' });
  const { F, G } = parts(layer);
  const x = input();
  const step = new Random(3);
  const masked = (each: Tensor, name: string) => dropout(each, 0.4, step.split(name).split('pass'));
  const y = norm(add(x, masked(F(x), 'f')), layer.attentionNorm);
  const expected = norm(add(y, masked(G(y), 'g')), layer.feedForwardNorm);
  assertSame(layer.plain(x, layer.branches(attendOf(layer), true), step), denseOf(expected));
  const masks = ['f', 'g'].map((name) => masked(ones([200]), name).toArray());
  assert.not.equal(masks[0], masks[1]);
});

test('a chunked feed-forward is the same', () => {
  const [whole, chunked] = [{}, { feedForwardChunk: 2 }].map(layerOf);
  const x = input();
  const run = (layer: TransformerLayer) => layer.plain(x, layer.branches(attendOf(layer), false), new Random(1));
  assertClose(run(chunked), denseOf(run(whole)), 1e-13, 'chunked', 1);
});

test('reversible layers: two streams that start out equal, of which the mean is normalised', () => {
  const transformer = build(
    () => new Transformer(configOf({ residual: 'reversible', positions: 'none' }), new Random(1)),
  );
  stir(transformer.tensors(), 2);
  const tokens = drawTokens(2, 8, 7, 1);
  let y1 = embed(tokens, transformer.embedding);
  let y2 = y1;
  for (const layer of transformer.layers) {
    const { F, G } = parts(layer);
    y1 = add(y1, F(norm(y2, layer.attentionNorm)));
    y2 = add(y2, G(norm(y1, layer.feedForwardNorm)));
  }
  const expected = norm(scale(add(y1, y2), 0.5), transformer.norm as Norm);
  assertSame(transformer.forward(tokens, evaluation), denseOf(expected));
});

test('layers follow one another, each with streams of its own, which reversible layers would hand them too', () => {
  const transformer = build(() => new Transformer(configOf({ positions: 'none' }), new Random(1)));
  const step = new Random(4);
  const tokens = drawTokens(2, 8, 7, 1);
  const output = transformer.forward(tokens, { training: true, random: step });
  // Nothing is drawn from the stream itself.
  assert.equal(step.state(), new Random(4).state());
  let x = dropout(embed(tokens, transformer.embedding), 0.4, step.split('embedding').split('dropout'));
  transformer.layers.forEach((layer, n) => {
    x = layer.plain(x, layer.branches(attendOf(layer), true), step.split('layers').split(`block ${n}`));
  });
  assertSame(output, denseOf(norm(x, transformer.norm as Norm)));
});

test.run();
