/** What package.json and CITATION.cff say of the project itself. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Html, html } from '../../src/compare/report/html.ts';

const rooted = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

interface Package {
  name: string;
  version: string;
  description: string;
  license: string;
  repository?: string | { url: string };
}

export interface Project {
  /** Of the package. */
  name: string;
  title: string;
  version: string;
  /** `Family, Given` or a name as it is; empty where nobody is named. */
  authors: string[];
  /** Of the release, or of the copyright where no release is stated; null where there is neither. */
  year: string | null;
  url: string | null;
  license: string;
}

/** What is not in CITATION.cff, or where there is no such file, package.json says. */
export function projectFacts(): Project {
  const own = JSON.parse(readFileSync(rooted('package.json'), 'utf8')) as Package;
  const path = rooted('CITATION.cff');
  const { fields, authors } = readCitation(existsSync(path) ? readFileSync(path, 'utf8') : '');
  const stated = (name: string): string | undefined => fields.get(name);
  return {
    name: own.name,
    title: stated('title') ?? own.name,
    version: stated('version') ?? own.version,
    authors,
    year: /^\d{4}/.exec(stated('date-released') ?? '')?.[0] ?? copyrightYear(),
    url: stated('repository-code') ?? stated('url') ?? repositoryOf(own),
    license: stated('license') ?? own.license,
  };
}

function copyrightYear(): string | null {
  const path = rooted('LICENSE');
  return /^Copyright \(c\) (\d{4})/m.exec(existsSync(path) ? readFileSync(path, 'utf8') : '')?.[1] ?? null;
}

/** Of the YAML of a citation file: its fields that are one text, and its own authors, not those of what it refers to. */
export function readCitation(text: string): { fields: Map<string, string>; authors: string[] } {
  const fields = new Map<string, string>();
  const people: Map<string, string>[] = [];
  let part = '';
  for (const line of text.split(/\r?\n/)) {
    const [, indent, dash, name, value] = /^(\s*)(- )?([\w-]+):\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined) continue;
    if (indent === '' && dash === undefined) {
      part = name;
      if (value !== '') fields.set(name, unquoted(value));
    } else if (part === 'authors') {
      if (dash !== undefined) people.push(new Map());
      people.at(-1)?.set(name, unquoted(value));
    }
  }
  const authors = people.map((each) => {
    const parts = [each.get('family-names'), each.get('given-names')].filter((own) => own !== undefined);
    return each.get('name') ?? parts.join(', ');
  });
  return { fields, authors: authors.filter((name) => name !== '') };
}

function unquoted(value: string): string {
  return /^(["']).*\1$/.test(value) ? value.slice(1, -1) : value;
}

/** An address that a browser opens; null where none is stated. */
function repositoryOf({ repository }: Package): string | null {
  const stated = typeof repository === 'string' ? repository : repository?.url;
  const address = stated?.replace(/^git\+/, '').replace(/\.git$/, '') ?? '';
  return address.startsWith('https://') ? address : null;
}

/** To the repository where package.json or CITATION.cff names one, else to the sources on this site. */
export function sourceLink(root: string): Html {
  const { url } = projectFacts();
  return url === null ? html`<a href="${root}cite.html#source">Source</a>` : html`<a href="${url}">Source</a>`;
}

/** `@software{…}`, with the fields that are known. */
export function bibtexOf({ name, title, version, authors, year, url, license }: Project): string {
  const fields = [
    ['title', `{${title}}`],
    // A name that is not `Family, Given` is kept in one piece by braces of its own.
    ['author', authors.map((name) => (name.includes(',') ? name : `{${name}}`)).join(' and ')],
    ['version', version],
    ['year', year ?? ''],
    ['license', license],
    ['url', url ?? ''],
  ].filter(([, value]) => value !== '');
  return `@software{${name},\n${fields.map(([name, value]) => `  ${name} = {${value}},\n`).join('')}}`;
}

/** A sentence for a list of references. */
export function referenceOf({ title, version, authors, year, url }: Project): string {
  const who = authors.length === 0 ? '' : `${authors.join('; ')}. `;
  const when = year === null ? '' : ` ${year}.`;
  return `${who}${title}, version ${version}.${when}${url === null ? '' : ` ${url}`}`;
}
