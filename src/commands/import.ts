/** `import`: makes a checkpoint from an exported model that was trained further in PyTorch. */
import { ArgumentError } from '../core/errors.ts';
import { entryAt } from '../core/files/system-error.ts';
import { flag, text } from '../terminal/options.ts';
import { saveCheckpoint } from '../training/checkpoint.ts';
import { importRun } from '../training/export/import.ts';
import { defineCommand, PROGRAM } from './command.ts';
import { expectNothingLost, HeldFolders, runFiles } from './training-folder.ts';

function describe() {
  return {
    usage: `${PROGRAM} import`,
    details:
      'It stands at the first step of the exported training, with the new weights and an optimizer that remembers ' +
      'nothing.',
    positionals: ['FOLDER'],
    options: {
      out: text('FOLDER', 'Write the checkpoint here'),
      overwrite: flag('Replace a checkpoint that is already there'),
    },
    examples: [
      {
        command: `${PROGRAM} import trained --out out/again`,
        explanation: 'Import a folder that save_pretrained wrote',
      },
      {
        command: `${PROGRAM} import trained --out out/again --overwrite`,
        explanation: 'Import again after more training; then run generate --checkpoint out/again',
      },
    ],
  };
}

export const importCommand = defineCommand('import', describe, async ({ values, positionals }, host) => {
  const [folder] = positionals;
  const { out, overwrite } = values;
  if (folder === undefined) throw new ArgumentError('FOLDER: expected an exported model, got nothing');
  if (out === undefined) throw new ArgumentError('--out: expected a FOLDER to write, got nothing');
  const files = runFiles(out);
  const lost = () => [files.checkpoint].filter((path) => entryAt(path) !== null);
  if (!overwrite) expectNothingLost(lost());
  const run = importRun(folder);
  const folders = new HeldFolders([out], 'import', host);
  try {
    if (!overwrite) expectNothingLost(lost());
    saveCheckpoint(files.checkpoint, run);
  } finally {
    folders.release();
  }
  host.stdout.write(`${files.checkpoint}\n`);
  return 0;
});
