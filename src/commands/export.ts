/** `export`: a trained model as a folder that PyTorch reads, by transformers where it has the class. */
import { join } from 'node:path';
import { ArgumentError } from '../core/errors.ts';
import { entryAt } from '../core/files/system-error.ts';
import { flag, text } from '../terminal/options.ts';
import { type Exported, exportModel } from '../training/export/export.ts';
import { defineCommand, exampleFile, PROGRAM } from './command.ts';
import { applyMachine, runOptions } from './shared-options.ts';
import { HeldFolders, openModel } from './training-folder.ts';

/** Not in the package: it needs torch and the repository's own folders. */
const CHECKER = exampleFile('fixtures/scripts/check_export.py', 'check_export.py of the repository');

function options() {
  const { threads, kernels } = runOptions();
  return {
    out: text('FOLDER', 'Write the model here'),
    loader: flag('Include the PyTorch loader even if transformers has a class for the model'),
    check: flag(`Also write tokens with our logits and gradients, for ${CHECKER}`),
    overwrite: flag('Replace a model that is already there'),
    threads,
    kernels,
  };
}

function describe() {
  return {
    usage: `${PROGRAM} export`,
    details: 'docs/when-one-machine-is-not-enough.md describes the steps; `import` reads the trained weights back.',
    positionals: ['CHECKPOINT'],
    options: options(),
    examples: [
      {
        command: `${PROGRAM} export out/byte-lm/full --out exported`,
        explanation: 'Write config.json and model.safetensors, which AutoModelForCausalLM.from_pretrained loads',
      },
      {
        command: `${PROGRAM} export out/listops/reformer --out exported --check`,
        explanation: 'Include modeling_efficient.py, a loader that needs torch and safetensors',
      },
    ],
  };
}

export const exportCommand = defineCommand('export', describe, async ({ values, positionals }, host) => {
  const [checkpoint] = positionals;
  const { out, loader, check, overwrite } = values;
  if (checkpoint === undefined)
    throw new ArgumentError('CHECKPOINT: expected a checkpoint of train or its folder, got nothing');
  if (out === undefined) throw new ArgumentError('--out: expected a FOLDER to write, got nothing');
  const expectNoModel = () => {
    const config = join(out, 'config.json');
    if (overwrite || entryAt(config) === null) return;
    throw new ArgumentError(`--out: ${config} already exists: choose another folder, or add --overwrite`);
  };
  expectNoModel();
  applyMachine(values);
  const model = openModel(checkpoint, host);
  const folders = new HeldFolders([out], 'export', host);
  let exported: Exported;
  try {
    expectNoModel();
    exported = exportModel(model, out, { loader, check });
  } finally {
    folders.release();
  }
  const { architecture, reason, files } = exported;
  const reader =
    architecture === null
      ? `EfficientTransformer of modeling_efficient.py (transformers: ${reason})`
      : `${architecture} of transformers`;
  host.stdout.write(`For ${reader}\n${files.map((path) => `  ${path}\n`).join('')}`);
  return 0;
});
