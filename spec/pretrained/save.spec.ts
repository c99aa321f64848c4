/** Loaded models written back: transformers and this library find the same numbers in the folder as in the model. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, FileFormatError, UnsupportedError } from '../../src/core/errors.ts';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { Random } from '../../src/core/random.ts';
import { elements, fromArray } from '../../src/core/tensor.ts';
import type { LoadOptions, PretrainedModel } from '../../src/pretrained/architecture.ts';
import { loadPretrained } from '../../src/pretrained/load.ts';
import { savePretrained } from '../../src/pretrained/save.ts';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { python } from '../training/loader-cases.ts';
import { checkpoint, checkpointsOf } from './checkpoints.ts';
import { FILES, writeTokenizer } from './word-pieces.ts';

const folder = temporaryFolder();
let folders = 0;
const fresh = () => join(folder, `saved-${folders++}`);
const ALL = checkpointsOf('bert', 'roberta', 'longformer', 'big-bird', 'nystromformer', 'reformer');

function outputsOf(model: PretrainedModel): number[] {
  const random = new Random(3);
  const ids = Array.from({ length: 12 }, () => 2 + random.integer(30));
  const { hiddenStates, logits } = model.forward({ tokens: fromArray(ids, [1, 12], 'int32') });
  return [...hiddenStates, ...(logits ? [logits] : [])].flatMap((each) => [...elements(each)]);
}

/** Other numbers than the file's, so that a copy of the file would not do. */
function moved(model: PretrainedModel): PretrainedModel {
  for (const tensor of model.parameters().values()) {
    const numbers = elements(tensor);
    for (let n = 0; n < numbers.length; n++) numbers[n] *= 0.9;
  }
  return model;
}

const savedAs = (directory: string, options: LoadOptions = {}): { model: PretrainedModel; at: string } => {
  const model = moved(loadPretrained(directory, options));
  const at = fresh();
  savePretrained(model, at);
  return { model, at };
};

test('a saved model loads with the same bits, under the names of the file that it came from', () => {
  for (const name of ALL) {
    const { model, at } = savedAs(checkpoint(name));
    const again = loadPretrained(at);
    assert.equal(again.description, model.description, name);
    assert.equal(outputsOf(again), outputsOf(model), name);
    if (name === 'bert-sharded') continue;
    // Integers follow from the config.
    const names = (path: string) => {
      const { tensors } = readSafetensors(join(path, 'model.safetensors'));
      return [...tensors].flatMap(([key, { dtype }]) => (dtype.startsWith('float') ? [key] : [])).sort();
    };
    assert.equal(names(at), names(checkpoint(name)), name);
  }
});

const SWAPS: readonly [string, LoadOptions][] = [
  ['bert-model', { attention: { variant: 'performer' }, seed: 4 }],
  ['bert-masked-lm', { attention: [{ variant: 'nystromformer', options: { landmarks: 2 } }, null], seed: 1 }],
  ['roberta-masked-lm', { attention: { variant: 'longformer', options: { globalPositions: [0] } }, length: 40 }],
  ['bert-classification', { attention: { variant: 'linformer', options: { sharing: 'layerwise' } } }],
  ['reformer-masked-lm', { attention: { variant: 'transformer-xl' }, seed: 2 }],
];

test('with another attention, the folder has it with its parameters, and can be loaded without', () => {
  for (const [name, options] of SWAPS) {
    const { model, at } = savedAs(checkpoint(name), options);
    assert.equal(outputsOf(loadPretrained(at)), outputsOf(model), name);
    assert.equal(loadPretrained(at).description.length, model.description.length);
    // Once more: what was saved is saved again.
    const twice = fresh();
    savePretrained(loadPretrained(at), twice);
    for (const file of ['config.json', 'model.safetensors']) {
      assert.equal(readFileSync(join(twice, file)), readFileSync(join(at, file)), `${name} ${file}`);
    }
    const plain = loadPretrained(at, { attention: [null] });
    assert.not.equal(outputsOf(plain), outputsOf(model), name);
    assert.not.ok([...plain.tensors().keys()].some((each) => each.includes('replacement')));
  }
});

test("the tokenizer's files come along", () => {
  const at = fresh();
  mkdirSync(at);
  for (const file of ['config.json', 'model.safetensors']) {
    writeFileSync(join(at, file), readFileSync(join(checkpoint('bert-model'), file)));
  }
  writeTokenizer(at);
  const to = fresh();
  const written = savePretrained(loadPretrained(at), to);
  assert.is(written.length, 2 + Object.keys(FILES).length);
  for (const file of Object.keys(FILES)) assert.equal(readFileSync(join(to, file)), readFileSync(join(at, file)));
});

/** The name of the tensor or the setting is somewhere after the file's. */
function expectFault(path: string, named: string, body: () => void): void {
  expectThrows(FileFormatError, path, body);
  assert.throws(body, (error: Error) => error.message.includes(`${named}: `));
}

test('what cannot be saved, and what was damaged, is refused by name', () => {
  const from = checkpoint('bert-model');
  const model = loadPretrained(from);
  expectThrows(ArgumentError, 'folder', () => savePretrained(model, from));
  const { description } = model;
  const other = { description, forward: () => {}, tensors: () => new Map() } as unknown as PretrainedModel;
  expectThrows(ArgumentError, 'model', () => savePretrained(other, fresh()));

  const { at } = savedAs(from, { attention: { variant: 'transformer-xl' } });
  const weights = join(at, 'model.safetensors');
  const { tensors } = readSafetensors(weights);
  const kept = [...tensors].map(([name, { shape, load }]) => [name, { shape, data: load() }] as const);
  const first = kept.findIndex(([name]) => name.startsWith('efficient_transformers.'));
  const [name] = kept[first];
  writeSafetensors(weights, kept.toSpliced(first, 1));
  expectFault(weights, name, () => loadPretrained(at));
  writeSafetensors(weights, kept.with(first, [name, { shape: [1], data: new Float32Array(1) }]));
  expectFault(weights, name, () => loadPretrained(at));

  const config = JSON.parse(readFileSync(join(from, 'config.json'), 'utf8'));
  const configured = (settings: object): string => {
    const folder = fresh();
    mkdirSync(folder);
    writeFileSync(join(folder, 'config.json'), JSON.stringify(settings));
    writeFileSync(join(folder, 'model.safetensors'), readFileSync(join(from, 'model.safetensors')));
    return folder;
  };
  for (const attention of [
    'longformer',
    7,
    [],
    {},
    [{ variant: 3 }],
    { variant: 'full', option: {} },
    { variant: 'none' },
    { variant: 'linformer', options: { projectedLength: 0 } },
  ]) {
    const damaged = configured({ ...config, efficient_transformers: { attention } });
    expectFault(join(damaged, 'config.json'), 'efficient_transformers', () => loadPretrained(damaged));
  }

  const axial = loadPretrained(checkpoint('reformer-model'), { length: 8 });
  expectThrows(UnsupportedError, 'length', () => savePretrained(axial, fresh()));
});

const hasTransformers = spawnSync(python, ['-c', 'import torch, transformers']).status === 0;

(hasTransformers ? test : test.skip)('transformers finds the same numbers in every saved folder', () => {
  const pairs = [
    ...ALL.map((name) => ({ name, from: checkpoint(name), options: {} })),
    ...SWAPS.filter(([, { length }]) => length === undefined).map(([name, options]) => ({
      ...{ name, from: checkpoint(name), options },
    })),
  ].map(({ name, from, options }) => {
    const at = fresh();
    savePretrained(loadPretrained(from, options), at);
    return { name, from, at };
  });
  const code = `
import json, sys, torch, transformers
transformers.logging.set_verbosity_error()
held = 0
for pair in json.load(sys.stdin):
    kind = getattr(transformers, json.load(open(pair["at"] + "/config.json"))["architectures"][0])
    load = lambda path: kind.from_pretrained(path, dtype=torch.float32, output_loading_info=True)
    try:
        a, infoA = load(pair["from"])
    except Exception:
        continue # Another version of transformers wrote it.
    b, infoB = load(pair["at"])
    held += 1
    assert set(infoA["missing_keys"]) == set(infoB["missing_keys"]), (pair["name"], infoB["missing_keys"])
    extra = set(infoB["unexpected_keys"]) - set(infoA["unexpected_keys"])
    assert all(key.startswith("efficient_transformers.") for key in extra), (pair["name"], extra)
    a, b = a.state_dict(), b.state_dict()
    assert a.keys() == b.keys() and len(a) > 0
    for key in a:
        if key in infoA["missing_keys"]: continue
        assert torch.equal(a[key], b[key]), (pair["name"], key)
assert held > 10
print("equal", end="")
`;
  const { stdout, stderr } = spawnSync(python, ['-c', code], { input: JSON.stringify(pairs), encoding: 'utf8' });
  assert.is(stdout, 'equal', stderr);
});

test.run();
