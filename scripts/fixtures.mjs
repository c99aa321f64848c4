/**
 * Makes the fixtures that other programs compute again, with Python:
 *
 *     npm run fixtures                       all: writes
 *     npm run fixtures -- --check            writes nothing, and says of each file whether its bytes come out the same
 *     npm run fixtures -- --check golden     only the script make_golden.py, and so pretrained and minilm_qkv
 *     npm run fixtures -- golden full ops    only these files of it, which need no more than their own packages
 *
 * Python is $PYTHON, or that of .venv, or python3. What it needs is in fixtures/README.md; a script for which a package
 * is missing is left out with a message, and the exit code is 1.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const scripts = join('fixtures', 'scripts');
const GOLDEN = ['requirements-golden.txt', 'requirements-golden-alone.txt'];
/** By script: lists of what it needs. A subset of files, or a script that imports less, does with some of it. */
const MAKERS = [
  { name: 'golden', requirements: GOLDEN },
  { name: 'pretrained', requirements: GOLDEN.slice(0, 1), needs: ['numpy', 'safetensors', 'torch', 'transformers'] },
  { name: 'minilm_qkv', requirements: ['requirements.txt'] },
];
/** What every file of make_golden.py needs. */
const LEAST = ['numpy', 'safetensors', 'torch'];
/** Packages that others are built with; nothing imports them. */
const BUILDING = ['cython', 'ninja', 'setuptools', 'wheel'];

const flags = process.argv.slice(2).filter((word) => word.startsWith('-'));
const [only, ...files] = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const unknown = flags.find((flag) => flag !== '--check');
const known = MAKERS.map(({ name }) => name).join(', ');
if (unknown !== undefined) fail(`${unknown}: expected --check, or one of ${known}`);
const chosen = MAKERS.filter(({ name }) => only === undefined || name === only);
if (chosen.length === 0) fail(`${only}: expected one of ${known}`);

const local = [join('.venv', 'bin', 'python'), join('.venv', 'Scripts', 'python.exe')];
const python = process.env.PYTHON ?? local.find((path) => existsSync(join(root, path))) ?? 'python3';
let allWell = true;
for (const maker of chosen) allWell = make(maker) && allWell;
process.exitCode = allWell ? 0 : 1;

function make({ name, requirements, needs }) {
  const script = join(scripts, `make_${name}.py`);
  const pins = requirements.flatMap(pinsOf);
  const wanted = pins.filter(([each]) => !BUILDING.includes(each) && (needs?.includes(each) ?? true));
  const required = files.length > 0 ? wanted.filter(([each]) => LEAST.includes(each)) : wanted;
  const installed = versionsOf(required.map(([each]) => each));
  const missing = required.filter(([each]) => installed[each] === null);
  if (missing.length > 0) {
    const lists = requirements.map((each) => join(scripts, each)).join(' and ');
    const names = missing.map((pin) => pin.join('==')).join(', ');
    console.error(
      `${script}: not run, because ${python} has no ${names}. To install: ${lists}, see fixtures/README.md.`,
    );
    return false;
  }
  const others = required.filter(([each, version]) => installed[each].split('+')[0] !== version);
  if (others.length > 0) {
    const list = others.map(([each, version]) => `${each} ${installed[each]} (the file: ${version})`).join(', ');
    console.error(`${script}: these versions differ from those that made the fixtures: ${list}`);
  }
  console.log(`${script} ${[...flags, ...files].join(' ')}`.trim());
  return spawnSync(python, [script, ...flags, ...files], { cwd: root, stdio: 'inherit' }).status === 0;
}

/** Name and version of each `name==version` line. */
function pinsOf(list) {
  const text = readFileSync(join(root, scripts, list), 'utf8');
  return [...text.matchAll(/^([\w.-]+)==(\S+)/gm)].map(([, name, version]) => [name, version]);
}

/** By name: the installed version, or null. */
function versionsOf(names) {
  const code = `import importlib.metadata as m, json, sys
def version(name):
    try: return m.version(name)
    except m.PackageNotFoundError: return None
print(json.dumps({name: version(name) for name in sys.argv[1:]}))`;
  const { error, status, stdout } = spawnSync(python, ['-c', code, ...names], { encoding: 'utf8' });
  if (error === undefined && status === 0) return JSON.parse(stdout);
  return fail(
    `${python}: cannot be run (${error?.code ?? `exit code ${status}`}). Install Python 3.11, or say where it is: PYTHON=…`,
  );
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
