/**
 * Every name that src/index.ts exports, and every op, has a doc comment of its own, found by the compiler as an editor finds it:
 * not that of its file, not that of a neighbour, and one that begins with what the name is. Examples in them compile.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { API, type Symbol as Declared, type JSDocTagInfo, type Project, SymbolFlags } from 'typescript/unstable/sync';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { temporaryFolder } from './core/temporary-folder.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

/** An export, as an editor shows it. */
interface Documented {
  name: string;
  comment: string;
  examples: string[];
  /** Whether the comment is the first thing in its file: then it is about the file. */
  isOfFile: boolean;
}

const exported = documentedExports();

function documentedExports(): Documented[] {
  const api = new API({ cwd: root });
  try {
    const [project] = api.updateSnapshot({ openProjects: [join(root, 'tsconfig.json')] }).getProjects();
    const { checker, program } = project;
    const index = program.getSourceFile(join(root, 'src', 'index.ts'));
    const whole = index && checker.getSymbolAtLocation(index);
    assert.ok(whole, 'src/index.ts exports nothing');
    const found: Documented[] = [];
    const visit = (module: Declared, prefix: string): void => {
      for (const symbol of checker.getExportsOfModule(module)) {
        const target = symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
        if (target.flags & SymbolFlags.Module) visit(target, `${prefix}${symbol.name}.`);
        else found.push(documented(`${prefix}${symbol.name}`, target, project));
      }
    };
    visit(whole, '');
    return found;
  } finally {
    api.close();
  }
}

function documented(name: string, symbol: Declared, project: Project): Documented {
  const comment = project.checker.getDocumentationCommentOfSymbol(symbol).trim();
  const tags: readonly JSDocTagInfo[] = project.checker.getJsDocTagsOfSymbol(symbol);
  const [declaration] = symbol.declarations ?? [];
  const text = declaration?.resolve(project)?.getSourceFile().text ?? '';
  const [, first = ''] = /^(?:#!.*\n)?\s*\/\*\*(.*?)\*\//s.exec(text) ?? [];
  const words = (written: string) => written.replaceAll(/[\s*]+/g, ' ').trim();
  return {
    name,
    comment,
    examples: tags.filter((tag) => tag.name === 'example').map((tag) => textOf(tag)),
    isOfFile: comment !== '' && words(first).startsWith(words(comment)),
  };
}

function textOf({ text }: JSDocTagInfo): string {
  const written = typeof text === 'string' ? text : (text ?? []).map((part: { text: string }) => part.text).join('');
  return written.replaceAll(/^```(?:ts)?\n?|```$/gm, '');
}

const namesOf = (found: readonly Documented[]) => found.map(({ name }) => name);

test('every export has a doc comment', () => {
  assert.ok(exported.length > 300, `${exported.length} exports`);
  assert.equal(namesOf(exported.filter(({ comment }) => comment === '')), []);
});

test('the comment is its own: no other export has it, and it is not that of the file', () => {
  const byComment = new Map<string, string[]>();
  for (const { name, comment } of exported) byComment.set(comment, [...(byComment.get(comment) ?? []), name]);
  assert.equal(
    [...byComment.values()].filter((names) => names.length > 1),
    [],
  );
  assert.equal(namesOf(exported.filter(({ isOfFile }) => isOfFile)), []);
});

test('src/index.ts adds no doc comment: it would be that of each name in the list that it stands before', () => {
  for (const path of ['src/index.ts', 'src/variants/all.ts']) {
    const text = readFileSync(join(root, path), 'utf8');
    assert.not.match(text, /\/\*\*(?:(?!\*\/).)*\*\/\s*(?:\/\/[^\n]*\s*)*export \{/s, path);
  }
});

test('it says what the name is before what it throws, and needs no neighbour to be understood', () => {
  assert.equal(
    namesOf(exported.filter(({ comment }) => /^(Throws|The same[ ,]|As above|Ditto|Also )/.test(comment))),
    [],
  );
});

/** What the examples take for granted, each of a type that the compiler looks at. */
const GIVEN = `
import { readFileSync, writeFileSync } from 'node:fs';
import {
IMPORTS
} from 'efficient-transformers';
declare const batch: number, heads: number, length: number, headDim: number, numbers: Float32Array, run: Run;
declare const queries: Tensor, keys: Tensor, values: Tensor, output: Tensor, prompt: AttentionInputs, token: AttentionInputs;
declare const myVariant: AttentionVariant<CommonOptions>, learner: Learner, model: PretrainedModel, texts: string[];
declare const tokenizer: TextTokenizer;
void [writeFileSync, batch, heads, length, headDim, numbers, run, queries, keys, values, output, prompt, token, myVariant, learner];
void [model, texts, tokenizer];
`;

test('examples compile', () => {
  const examples = exported.flatMap(({ name, examples }) => examples.map((example) => ({ name, example })));
  assert.ok(examples.length > 15, `${examples.length} examples`);
  const top = [...new Set(namesOf(exported).map((name) => name.split('.')[0]))];
  const bodies = examples.map(({ name, example }) => `// ${name}\nexport async function _${name}() {\n${example}\n}`);
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'examples.ts'), GIVEN.replace('IMPORTS', top.join(', ')) + bodies.join('\n'));
  const compilerOptions = {
    ...{ noEmit: true, verbatimModuleSyntax: false, isolatedModules: false },
    paths: { 'efficient-transformers': [join(root, 'src', 'index.ts')] },
    typeRoots: [join(root, 'node_modules', '@types')],
  };
  const include = [join(folder, 'examples.ts'), join(root, 'src', '**', '*.d.ts')];
  const config = join(folder, 'tsconfig.json');
  writeFileSync(
    config,
    JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, include, exclude: [] }),
  );
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', config], { cwd: root, encoding: 'utf8' });
  assert.is(status, 0, stdout);
});

test.run();
