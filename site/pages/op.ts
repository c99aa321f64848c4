/** A page for each file of ops that a variant or a feed-forward layer calls: the equation, the plain loop that defines it, and the op itself. */
import { type Html, html } from '../../src/compare/report/html.ts';
import { FEED_FORWARD_KINDS } from '../../src/training/feed-forward/registry.ts';
import { allVariants } from '../../src/variants/registry.ts';
import type { OpDefinition } from '../ops/definition.ts';
import { opDefinitions } from '../ops/definitions.ts';
import { AnnotatedFile } from '../source/annotated.ts';
import {
  declarationLines,
  definitionsIn,
  fileAnchor,
  filesOf,
  filesOfLayer,
  readFile,
  type ShownFile,
} from '../source/files.ts';
import { opsCalledIn } from '../source/ops.ts';
import { PageLinks } from '../source/paper.ts';
import { displayed, prose } from '../source/typeset.ts';
import { type Page, pathLabel } from './page.ts';

/** What calls an op, and where its page is. */
interface Caller {
  name: string;
  href: string;
}

/** The names of ops that each variant and each feed-forward layer calls, by the file of the op. */
async function callers(): Promise<Map<string, Map<string, Caller[]>>> {
  const found = new Map<string, Map<string, Caller[]>>();
  const add = (files: readonly ShownFile[], caller: Caller) => {
    for (const file of files) {
      for (const { file: opFile, name } of opsCalledIn(file).values()) {
        const names = found.get(opFile) ?? new Map<string, Caller[]>();
        const known = names.get(name) ?? [];
        if (!known.includes(caller)) names.set(name, [...known, caller]);
        found.set(opFile, names);
      }
    }
  };
  for (const { name } of allVariants()) add(await filesOf(name), { name, href: `../variants/${name}.html` });
  for (const { name } of FEED_FORWARD_KINDS) add(await filesOfLayer(name), { name, href: `../layers/${name}.html` });
  return found;
}

/** Throws for an op that a variant or a layer calls and that no equation defines. */
export async function opPages(): Promise<Page[]> {
  const called = await callers();
  const known = new Map(opDefinitions.map((definition) => [definition.file, definition]));
  const missing = [...called.keys()].filter((file) => !known.has(file));
  if (missing.length > 0) throw new Error(`site/ops/definitions.ts: no definition for ${missing.join(', ')}`);
  const idle = opDefinitions.filter(({ file }) => !called.has(file));
  if (idle.length > 0)
    throw new Error(`site/ops/definitions.ts: nothing calls ${idle.map(({ file }) => file).join(', ')}`);
  return Promise.all(opDefinitions.map((definition) => opPage(definition, called.get(definition.file)!)));
}

async function opPage(definition: OpDefinition, names: ReadonlyMap<string, readonly Caller[]>): Promise<Page> {
  const { file, says, forward, gradient, why } = definition;
  const own = { ...(await readFile(`src/core/ops/${file}.ts`)), isMain: true };
  const loops = await Promise.all(
    definition.loops.map(async (each) => ({ ...each, shown: { ...(await readFile(each.file)), isMain: false } })),
  );
  // Of the loops only some lines are here: nothing can be led to in the rest of their files.
  const links = new PageLinks({ equations: [] }, definitionsIn([own]));
  const annotated = new AnnotatedFile(own, links);
  return {
    path: `ops/${file}.html`,
    title: file,
    description: `${file}: what the op computes, its gradient, and the plain loop that defines it.`,
    body: html`<div class="variant">
<header class="opening-variant">
<p class="eyebrow">Op</p>
<h1>${file}</h1>
<p class="lead">${prose(says)}</p>
</header>
<section aria-labelledby="definition">
<h2 id="definition">What it computes</h2>
${displayed(forward)}
${callersOf(names)}
</section>
<section aria-labelledby="gradient">
<h2 id="gradient">Its gradient</h2>
${gradient === null ? html`<p>${prose(why ?? '')}</p>` : html`<p>From ${prose(String.raw`$G = \partial\ell/\partial(\text{output})$`)}, the gradient of each input:</p>\n${displayed(gradient)}`}
</section>
${loops.length === 0 ? null : loopsSection(loops, own, links)}<section aria-labelledby="source">
<h2 id="source">The source</h2>
<h3 class="file" id="${fileAnchor(own)}">${pathLabel(own.path)} <span>${own.lines.length} lines</span></h3>
${annotated.introduction()}${annotated.whole()}
</section>
</div>`,
    maths: true,
    wide: true,
    scripts: ['op'],
  };
}

function callersOf(names: ReadonlyMap<string, readonly Caller[]>): Html {
  const rows = [...names]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, all]) => {
      const linked = all.map((each, n) => html`${n === 0 ? '' : ', '}<a href="${each.href}">${each.name}</a>`);
      return html`<li id="${name}"><code>${name}</code>: called by ${linked}</li>\n`;
    });
  return html`<ul class="callers">
${rows}</ul>
`;
}

interface Loop {
  names: readonly string[];
  shown: ShownFile;
}

function loopsSection(loops: readonly Loop[], own: ShownFile, links: PageLinks): Html {
  const parts = loops.map(({ names, shown }) => {
    const file = shown.path === own.path ? own : shown;
    const annotated = new AnnotatedFile(file, links);
    return html`<h3 class="file">${pathLabel(shown.path)}</h3>
${names.map((name) => annotated.excerpt(declarationLines(file, name)))}`;
  });
  return html`<section aria-labelledby="loop">
<h2 id="loop">The plain loop that defines it</h2>
<p>The tests compare the fast kernels with these loops.</p>
${parts}
</section>
`;
}
