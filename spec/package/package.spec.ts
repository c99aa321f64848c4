/** What `npm pack` makes of a fresh clone works where it is installed: from modules, CommonJS and TypeScript, and as a command. */
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryFolder } from '../core/temporary-folder.ts';
import { compile, install, node, npm, type Packed, pack } from './consumer.ts';

const folder = temporaryFolder();
const project = join(folder, 'project');
let packed: Packed;

test.before(() => {
  packed = pack(folder);
  install(project, packed);
});

function write(name: string, text: string): void {
  writeFileSync(join(project, name), text);
}

function sample(): string {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  return /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
}

test('the tarball holds what was built, what it reads and the examples, and no sources, specs or maps', () => {
  const needed = [
    'dist/index.js',
    'dist/index.d.ts',
    'dist/cli.js',
    'dist/core/parallel/worker-entry.mjs',
    'dist/core/kernels/wasm/kernels.wasm',
    'dist/core/kernels/wasm/kernels-relaxed.wasm',
    'dist/training/export/python/model.py',
    'dist/training/export/python/variants/full.py',
    'dist/training/export/python/feed_forward/dense.py',
    'dist/package.json',
    'dist/browser/index.js',
    'dist/browser/efficient-transformers.global.js',
    'dist/browser/THIRD-PARTY-LICENSES.txt',
    'fixtures/byte-lm.safetensors',
    'fixtures/minilm-qkv.safetensors',
    'fixtures/README.md',
    'examples/own-variant.mjs',
    'examples/attend.ts',
    'README.md',
    'LICENSE',
  ];
  for (const path of needed) assert.ok(packed.files.includes(path), path);
  const kinds =
    /^((dist\/)?package\.json|LICENSE|(fixtures\/)?README\.md|fixtures\/(byte-lm|minilm-qkv)\.safetensors|examples\/[\w-]+\.(mjs|ts)|dist\/.*\.(js|mjs|d\.ts|wasm|py))$/;
  assert.equal(
    packed.files.filter((path) => !kinds.test(path) && !needed.includes(path)),
    [],
  );
  // The browser's part of the platform is in the bundles for it, and a map without sources helps nobody.
  assert.equal(
    packed.files.filter((path) => /\.browser\.|\.map$/.test(path)),
    [],
  );
  for (const bundle of ['index.js', 'efficient-transformers.global.js']) {
    const text = readFileSync(
      join(project, 'node_modules', 'efficient-transformers', 'dist', 'browser', bundle),
      'utf8',
    );
    assert.not.match(text, /sourceMappingURL|["']node:/);
  }
});

test('the sample of the README compiles by the resolution of Node and of bundlers, and runs', () => {
  write('hello.ts', sample());
  const common = ['hello.ts', '--lib', 'es2023,dom', '--types', ''];
  compile(project, [...common, '--module', 'preserve', '--moduleResolution', 'bundler', '--noEmit']);
  compile(project, [...common, '--module', 'nodenext', '--moduleResolution', 'nodenext']);
  const [shapes, ...lengths] = node(project, ['hello.js']).trim().split('\n');
  assert.is(shapes, '[ 1, 8, 1024, 64 ] [ 1, 8, 1024, 64 ]');
  assert.equal(lengths, ['524288', '524288', '524288']);
});

// What it computes in a page is held in site/spec/package.spec.ts.
test('esbuild bundles the sample for a browser, with nothing of Node and nothing set but that', async () => {
  write('page.ts', sample());
  const { warnings, metafile } = await build({
    entryPoints: ['page.ts'],
    absWorkingDir: project,
    bundle: true,
    platform: 'browser',
    minify: true,
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  assert.equal(warnings, []);
  const [{ imports, inputs, bytes }] = Object.values(metafile.outputs);
  assert.equal(imports, []);
  const packages = Object.keys(inputs).flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []);
  assert.ok(packages.includes('efficient-transformers') && bytes > 100_000, `${bytes} bytes`);
  // What draws reports and reads tokenisers is left out of what does neither.
  for (const each of ['@observablehq/plot', '@huggingface/tokenizers', 'linkedom'])
    assert.not.ok(packages.includes(each));
});

test('the declarations need neither the types of Node nor those of the DOM', () => {
  write(
    'shape.ts',
    "import { zeros } from 'efficient-transformers';\nexport const shape: readonly number[] = zeros([2, 3]).shape;\n",
  );
  write(
    'shape.cts',
    "import et = require('efficient-transformers');\nexport const size: number = et.zeros([2, 3]).size;\n",
  );
  for (const [module, resolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]) {
    const files = resolution === 'nodenext' ? ['shape.ts', 'shape.cts'] : ['shape.ts'];
    const options = ['--module', module, '--moduleResolution', resolution, '--lib', 'es2023', '--types', ''];
    compile(project, [...files, ...options, '--noEmit']);
  }
});

test('vectors and threads work from where it is installed', () => {
  const script = `
    import { kernelSet, ones, ops, poolReady, setThreads } from 'efficient-transformers';
    setThreads(2);
    await poolReady();
    console.log(kernelSet(), ops.matmul(ones([256, 256]), ones([256, 256])).toArray().every((x) => x === 256));
  `;
  write('vectors.mjs', script);
  assert.is(node(project, ['vectors.mjs']), 'simd true\n');
});

test('CommonJS requires it where Node can, and imports it anywhere', () => {
  write(
    'import.cjs',
    "import('efficient-transformers').then(({ ones }) => console.log(ones([2]).toArray().length));\n",
  );
  assert.is(node(project, ['import.cjs']), '2\n');
  write('require.cjs', "console.log(require('efficient-transformers').ones([3]).toArray().length);\n");
  // From 20.19 and 22.12 on.
  const canRequire = (process.features as { require_module?: boolean }).require_module === true;
  if (canRequire) assert.is(node(project, ['require.cjs']), '3\n');
});

test('the examples compile and run beside the package, and the command loads a variant of the user', () => {
  const examples = fileURLToPath(new URL('../../examples/', import.meta.url));
  const types = [
    '--types',
    'node',
    '--typeRoots',
    fileURLToPath(new URL('../../node_modules/@types', import.meta.url)),
  ];
  const names = readdirSync(examples).filter((name) => name.endsWith('.ts'));
  for (const name of [...names, 'own-variant.mjs']) copyFileSync(join(examples, name), join(project, name));
  // With these two, checks of elements that are there would hide what the examples show.
  const usual = ['--noUncheckedIndexedAccess', 'false', '--exactOptionalPropertyTypes', 'false'];
  compile(project, [...names, ...types, ...usual, '--module', 'nodenext', '--moduleResolution', 'nodenext']);
  assert.match(node(project, ['attend.js']), /^output \[ 1, 6, 512, 32 \]\n/);
  assert.match(node(project, ['resume.js', '4']), /same: true/);
  // As it is shipped, without an argument: the model that it loads lies in the package.
  const shipped = join(project, 'node_modules', 'efficient-transformers', 'examples');
  copyFileSync(join(project, 'generate.js'), join(shipped, 'generate.js'));
  assert.match(node(project, [join(shipped, 'generate.js')]), /^2 layers, 64 wide\nAlice was .*\n$/s);
  assert.match(node(project, ['own-variant.mjs']), /^\[ 1, 2, 64, 16 \]\n$/);
  const words = ['exec', '--no', '--', 'efficient-transformers', '--import', 'own-variant.mjs', 'variants', 'nearby'];
  assert.match(npm(project, words), /^nearby\n/);
  // The help names a file that the package has.
  const help = npm(project, ['exec', '--no', '--', 'efficient-transformers', '--help']);
  const [, named = ''] = /(examples\/[\w-]+\.mjs)/.exec(help) ?? [];
  assert.ok(packed.files.includes(named), help);
});

test('the command helps, and compares on what is shipped with it', () => {
  const command = (...words: string[]) => npm(project, ['exec', '--no', '--', 'efficient-transformers', ...words]);
  assert.match(command('--help'), 'Usage: efficient-transformers [COMMAND] [options]');
  assert.match(
    command('compare', '--variant', 'linformer', '--budget', '16'),
    /linformer .*\nReport: report\.html\n$/s,
  );
  assert.ok(existsSync(join(project, 'report.html')));
  // Examples name files of the repository in a checkout only.
  for (const name of ['compare', 'patterns', 'train', 'generate', 'export']) {
    const help = command('help', name);
    assert.match(help, `efficient-transformers ${name}`);
    assert.not.match(help, /fixtures\/|npm start/, name);
  }
});

test.run();
