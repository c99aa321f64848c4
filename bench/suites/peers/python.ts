/** The Python of a virtual environment, which --venv names. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { ArgumentError } from '../../../src/core/errors.ts';
import { entryAt, isFolder } from '../../../src/core/files/system-error.ts';

const SEE = '(bench/pytorch/README.md)';
/** Importing PyTorch on a busy machine. */
const MILLISECONDS = 120_000;

/** Undefined where there is none. */
export function pythonIn(venv: string): string | undefined {
  return ['bin/python', 'Scripts/python.exe']
    .map((path) => resolve(venv, path))
    .find((path) => entryAt(path)?.isFile());
}

/** Throws ArgumentError unless the folder has a Python that imports PyTorch, which all Python peers need. */
export function expectPython(venv: string): void {
  const refuse = (got: string) =>
    new ArgumentError(`--venv: expected the folder of a virtual environment with PyTorch, got ${venv}, ${got} ${SEE}`);
  const entry = entryAt(venv);
  if (entry === null) throw refuse('which is not there');
  if (!isFolder(venv)) throw refuse('which is no folder');
  const python = pythonIn(venv);
  if (python === undefined) throw refuse('which has no Python');
  const { status, error, stderr } = spawnSync(python, ['-c', 'import torch'], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: MILLISECONDS,
  });
  if (status === 0) return;
  const reason = error?.message ?? stderr.trim().split('\n').at(-1) ?? '';
  throw refuse(`whose Python does not import torch${reason === '' ? '' : `: ${reason}`}`);
}
