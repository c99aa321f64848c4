/**
 * A trained model for PyTorch: a folder with config.json and model.safetensors, which transformers loads if it has a
 * class of exactly this shape; otherwise a loader, modeling_efficient.py, comes with it.
 */

import { rmSync } from '#platform/fs';
import { join } from '#platform/path';
import { expectBoolean, expectOptions, expectText } from '../../core/expect.ts';
import { writeFileAtomically } from '../../core/files/atomic.ts';
import { makeFolder } from '../../core/files/folder.ts';
import type { ArrayToStore } from '../../core/files/numbers.ts';
import { writeSafetensors } from '../../core/files/safetensors.ts';
import { writing } from '../../core/files/system-error.ts';
import { elements, type Tensor } from '../../core/tensor.ts';
import type { TrainedModel } from '../checkpoint.ts';
import { expectTrained } from '../checks.ts';
import { attentionsOf, feedForwardsOf, type TransformerConfig } from '../config.ts';
import type { Learner } from '../learner.ts';
import { writeCheck } from './check.ts';
import { loaderConfig, loaderTensors } from './loader.ts';
import type { Matrix } from './matrices.ts';
import { loaderCode } from './pieces.ts';
import { type TransformersForm, transformersForm } from './transformers.ts';

/** What `exportModel` writes in addition to the model. */
export interface ExportOptions {
  /** Whether to write the loader even if transformers has a class. */
  loader?: boolean;
  /** Whether to write tokens, our logits for them, and gradients, to compare with. */
  check?: boolean;
}

/** The files that `exportModel` wrote, and how PyTorch loads them. */
export interface Exported {
  /** The class of transformers; null: the loader is in the folder. */
  architecture: string | null;
  /** Why no class of transformers fits. */
  reason: string;
  files: string[];
}

/** The key of config.json for all settings of an exported run. `import` makes a run from them. */
export const ORIGIN = 'efficient_transformers';

/** The metadata of every file of tensors, which Hugging Face's readers require. */
export const PYTORCH_METADATA = [['format', 'pt']] as const;

/**
 * Writes a model into a folder, which is made if it is not there. Throws UnsupportedError for a variant or a kind of
 * feed-forward layer that the loader lacks, FileWriteError if the system refuses.
 */
export function exportModel(trained: TrainedModel, folder: string, options: ExportOptions = {}): Exported {
  expectTrained('trained', trained);
  expectText('folder', folder);
  expectOptions('options', options, { loader: expectBoolean, check: expectBoolean });
  const { learner, settings, alphabet, step } = trained;
  const form = options.loader ? 'the loader was asked for' : transformersForm(learner.model.config);
  const isTheirs = typeof form !== 'string';
  const config = isTheirs ? form.config : loaderConfig(learner);
  const loader = isTheirs ? null : codeFor(learner.model.config);
  const tensors = isTheirs ? renamed(learner, form) : [...ownTensors(learner), ...loaderTensors(learner)];

  const [configAt, weightsAt, loaderAt, checkAt] = FILES.map((name) => join(folder, name));
  makeFolder(folder);
  // Files of an earlier export would be taken for files of this one.
  for (const path of [loaderAt, checkAt]) writing(path, () => rmSync(path, { force: true }));
  writeFileAtomically(configAt, `${JSON.stringify({ ...config, [ORIGIN]: { settings, alphabet, step } }, null, 2)}\n`);
  writeSafetensors(weightsAt, tensors, PYTORCH_METADATA);
  if (loader !== null) writeFileAtomically(loaderAt, loader);
  if (options.check) writeCheck(checkAt, learner, !isTheirs);
  return {
    architecture: isTheirs ? (form.config.architectures as string[])[0] : null,
    reason: isTheirs ? '' : form,
    files: [configAt, weightsAt, ...(isTheirs ? [] : [loaderAt]), ...(options.check ? [checkAt] : [])],
  };
}

function codeFor(config: TransformerConfig): string {
  const kinds = feedForwardsOf(config).map(({ kind }) => kind);
  return loaderCode(
    attentionsOf(config).map(({ variant }) => variant),
    kinds,
  );
}

const LOADER = 'modeling_efficient.py';
const FILES = ['config.json', 'model.safetensors', LOADER, 'check.safetensors'];

function ownTensors({ model }: Learner): [string, ArrayToStore][] {
  return [...model.tensors()].map(([name, tensor]) => [name, storedOf(tensor)]);
}

function renamed({ model }: Learner, form: TransformersForm): [string, ArrayToStore][] {
  const own = model.tensors();
  return form.tensors.map(({ theirs, ours, layout }) => {
    return [theirs, layout.toTheirs(ours.map((name) => storedOf(own.get(name) as Tensor) as Matrix))];
  });
}

function storedOf(tensor: Tensor): ArrayToStore {
  return { shape: tensor.shape, data: elements(tensor) };
}
