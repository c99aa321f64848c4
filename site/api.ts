/** The API reference, by TypeDoc: what src/index.ts exports, in the groups and the order in which it names them. */
import { appendFileSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, type Context, Converter, JSX, LogLevel, PageEvent, ReflectionCategory } from 'typedoc';
import ts from 'typescript';
import { PARTS } from './api-parts.ts';
import { leadToSources, SOURCE, writeSources } from './api-sources.ts';
import { NAVIGATION, rootFrom } from './pages/page.ts';
import { colourRules } from './style/colours.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const entry = join(root, 'src', 'index.ts');

/** Begins links to the site's own pages. TypeDoc takes addresses as they are, so each page gets its own way there. */
const SITE = 'site:';

/** A comment of src/index.ts, and the exports between it and the next. */
interface Group {
  title: string;
  text: string;
  names: readonly string[];
}

/** Writes the reference into `out`. Throws if TypeDoc has anything to say: a warning that is let be hides the next. */
export async function writeApi(out: string): Promise<void> {
  const application = await Application.bootstrap({
    entryPoints: [entry],
    tsconfig: join(root, 'tsconfig.json'),
    name: 'efficient-transformers',
    readme: 'none',
    // The command `check` looks for them.
    skipErrorChecking: true,
    // Nothing is known of a place on the web: links lead to pages of the site.
    disableGit: true,
    sourceLinkTemplate: `${SOURCE}{path}#L{line}`,
    displayBasePath: root,
    excludeInternal: true,
    excludePrivate: true,
    // What errors and arrays of ours have from the language.
    excludeExternals: true,
    includeHierarchySummary: false,
    sort: ['source-order'],
    useFirstParagraphOfCommentAsSummary: true,
    navigation: { includeCategories: true, includeGroups: false, includeFolders: false },
    // Else a link and what opens and closes it are one.
    navigationLeaves: ['ops'],
    navigationLinks: Object.fromEntries(NAVIGATION.map(({ path, title }) => [title, `${SITE}${path}`])),
    customCss: fileURLToPath(new URL('api.css', import.meta.url)),
    favicon: fileURLToPath(new URL('icon.svg', import.meta.url)),
    intentionallyNotExported: [...PARTS],
    logLevel: LogLevel.Warn,
  });
  const { converter, renderer, logger } = application;
  // Before TypeDoc makes categories of its own, which it does where there are none.
  converter.on(Converter.EVENT_RESOLVE_END, putIntoGroups, -150);
  renderer.hooks.on('head.begin', () => script(FOLLOW_SITE));
  renderer.hooks.on('body.end', () => script(TELL_SITE));
  const sources = new Set<string>();
  renderer.on(PageEvent.END, (page) => {
    page.contents = mend(leadToSources(page.contents ?? '', page.url, sources), rootFrom(`api/${page.url}`));
  });

  const project = await application.convert();
  if (project !== undefined) {
    application.validate(project);
    await application.generateDocs(project, out);
  }
  if (project === undefined || logger.hasErrors() || logger.hasWarnings()) {
    throw new Error('The API reference is not written: see what TypeDoc says above.');
  }
  await writeSources(out, sources);
  const code = coloursOfCode(readFileSync(join(out, 'assets', 'highlight.css'), 'utf8'));
  appendFileSync(join(out, 'assets', 'custom.css'), code + colourRules());
}

/** The site's colours of code, by those that TypeDoc's theme has in light. */
const CODE: Readonly<Record<string, string>> = {
  '#000000': 'text',
  '#0000FF': 't-keyword',
  '#AF00DB': 't-keyword',
  '#0070C1': 't-property',
  '#001080': 't-property',
  '#795E26': 't-function',
  '#A31515': 't-string',
  '#098658': 't-number',
  '#267F99': 't-type',
  '#008000': 't-comment',
  // Of code called invalid. A line that takes longer than the highlighter's limit, on a busy machine, is cut in the middle, and
  // what follows may look so.
  '#CD3131': 'text',
};

/** Throws for a colour that the site has none for. */
function coloursOfCode(rules: string): string {
  const own = [...rules.matchAll(/--light-(hl-\d+): (#\w+);/g)].map(([, name, colour]) => {
    const site = CODE[colour.toUpperCase()];
    if (site === undefined) throw new Error(`site/api.ts: no colour of the site for ${colour}`);
    return `--light-${name}:var(--${site});--dark-${name}:var(--${site});`;
  });
  return `:root{${own.join('')}}\n`;
}

function putIntoGroups({ project }: Context): void {
  const children = new Map(project.children?.map((child) => [child.name, child]));
  project.categories = groupsOf(readFileSync(entry, 'utf8')).map(({ title, text, names }) => {
    const category = new ReflectionCategory(title);
    category.description = [{ kind: 'text', text }];
    category.children = names.map((name) => children.get(name)).filter((child) => child !== undefined);
    return category;
  });
}

/** Throws if the first export has no comment. */
function groupsOf(source: string): Group[] {
  const file = ts.createSourceFile('index.ts', source, ts.ScriptTarget.Latest);
  const groups: (Group & { names: string[] })[] = [];
  for (const statement of file.statements) {
    const comment = commentBefore(source, statement);
    if (comment !== null) groups.push({ ...headingOf(comment), names: [] });
    if (groups.length === 0) throw new Error(`index.ts: no heading: ${statement.getText(file)}`);
    groups.at(-1)?.names.push(...namesIn(statement as ts.ExportDeclaration));
  }
  return groups;
}

/** What a statement exports; of `export *` all that its file does. */
function namesIn({ exportClause, moduleSpecifier }: ts.ExportDeclaration): string[] {
  if (exportClause === undefined) {
    const path = join(dirname(entry), (moduleSpecifier as ts.StringLiteral).text);
    const { statements } = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
    return statements.flatMap((statement) => namesIn(statement as ts.ExportDeclaration));
  }
  const names = ts.isNamedExports(exportClause) ? exportClause.elements.map(({ name }) => name) : [exportClause.name];
  return names.map(({ text }) => text);
}

/** The text of the `//` lines right above a statement; null if there are none. */
function commentBefore(source: string, statement: ts.Node): string | null {
  const ranges = ts.getLeadingCommentRanges(source, statement.pos) ?? [];
  const lines = ranges.map(({ pos, end }) => source.slice(pos, end));
  const prose = lines.filter((line) => line.startsWith('// ') && !line.startsWith('// biome-ignore'));
  return prose.length === 0 ? null : prose.map((line) => line.slice('// '.length)).join(' ');
}

/** `Title: text` or `Title, text` or `Title; text`, or a sentence alone. */
function headingOf(comment: string): { title: string; text: string } {
  const [, title, text = ''] = /^([^:,;]+?)(?:[:,;] (.*)|\.)$/s.exec(comment) ?? ['', comment];
  return { title, text: text.charAt(0).toUpperCase() + text.slice(1) };
}

/** TypeDoc remembers its own choice of light or dark by this name; the site's comes first. */
const FOLLOW_SITE = `try{localStorage.setItem('tsd-theme',localStorage.getItem('theme')??'os')}catch{}`;

/** A page as TypeDoc makes it, with links to the site, and without what browsers or readers cannot do with. */
function mend(page: string, toSite: string): string {
  return (
    page
      .replaceAll(`href="${SITE}`, `href="${toSite}`)
      // A script puts the icons into each page; their file may not be read by pages that are opened from a disk.
      .replaceAll(/<use href="[^"#]*#/g, '<use href="#')
      // Links within what opens and closes a part: who is read the page to does not get at them.
      .replaceAll(/<summary.*?<\/summary>/gs, (summary) => summary.replace(/<a [^>]*tsd-anchor-icon.*?<\/a>/s, ''))
  );
}

/** A choice made here holds on the site's pages too. */
const TELL_SITE = `document.getElementById('tsd-theme')?.addEventListener('change',({target:{value}})=>{
try{if(value==='os')localStorage.removeItem('theme');else localStorage.setItem('theme',value)}catch{}})`;

function script(source: string): JSX.Element {
  return JSX.createElement('script', null, JSX.createElement(JSX.Raw, { html: source }));
}
