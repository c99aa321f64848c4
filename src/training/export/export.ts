/**
 * A trained model for PyTorch: a folder with config.json and model.safetensors, which transformers loads where it has a
 * class of exactly this shape, and which else comes with a loader, modeling_efficient.py.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeFileAtomically } from '../../core/files/atomic.ts';
import type { ArrayToStore } from '../../core/files/numbers.ts';
import { writeSafetensors } from '../../core/files/safetensors.ts';
import { writing } from '../../core/files/system-error.ts';
import { elements, type Tensor } from '../../core/tensor.ts';
import type { TrainedModel } from '../checkpoint.ts';
import { writeCheck } from './check.ts';
import { loaderConfig, loaderTensors } from './loader.ts';
import type { Matrix } from './matrices.ts';
import { transformersForm } from './transformers.ts';

export interface ExportOptions {
  /** The loader, also where transformers has a class. */
  loader?: boolean;
  /** Tokens and our logits of them, to be compared with. */
  check?: boolean;
}

export interface Exported {
  /** The class of transformers; null: the loader is in the folder. */
  architecture: string | null;
  /** Why not a class of transformers. */
  reason: string;
  files: string[];
}

/** The key of config.json under which all of an exported run's settings are: what `import` makes a run of. */
export const ORIGIN = 'efficient_transformers';

/** What every file of tensors says of itself, as Hugging Face's readers want it. */
export const PYTORCH_METADATA = [['format', 'pt']] as const;

/**
 * Writes a model into a folder, which is made if it is not there. Throws UnsupportedError for a variant that the loader
 * lacks, FileWriteError if the system refuses.
 */
export function exportModel(trained: TrainedModel, folder: string, options: ExportOptions = {}): Exported {
  const { learner, settings, alphabet, step } = trained;
  const form = options.loader ? 'the loader was asked for' : transformersForm(learner.model.config);
  const tensors = learner.model.tensors();
  const isTheirs = typeof form !== 'string';
  const config = isTheirs ? form.config : loaderConfig(learner);
  const stored = isTheirs
    ? form.tensors.map(({ theirs, ours, layout }): [string, ArrayToStore] => {
        return [theirs, layout.toTheirs(ours.map((name) => matrixOf(tensors.get(name) as Tensor)))];
      })
    : [
        ...[...tensors].map(([name, tensor]): [string, ArrayToStore] => [name, storedOf(tensor)]),
        ...loaderTensors(learner),
      ];

  writing(folder, () => mkdirSync(folder, { recursive: true }));
  const path = (name: string) => join(folder, name);
  const origin = { settings, alphabet, step };
  const files = [path('config.json'), path('model.safetensors')];
  writeFileAtomically(files[0], `${JSON.stringify({ ...config, [ORIGIN]: origin }, null, 2)}\n`);
  writeSafetensors(files[1], stored, PYTORCH_METADATA);
  if (!isTheirs) {
    files.push(path(LOADER));
    writeFileAtomically(path(LOADER), readFileSync(fileURLToPath(new URL(`./${LOADER}`, import.meta.url))));
  }
  if (options.check) {
    files.push(path('check.safetensors'));
    writeCheck(path('check.safetensors'), learner);
  }
  const architecture = isTheirs ? (form.config.architectures as string[])[0] : null;
  return { architecture, reason: isTheirs ? '' : form, files };
}

const LOADER = 'modeling_efficient.py';

function storedOf(tensor: Tensor): ArrayToStore {
  return { shape: tensor.shape, data: elements(tensor) };
}

function matrixOf(tensor: Tensor): Matrix {
  return { shape: tensor.shape, data: elements(tensor) as Float32Array };
}
