/** A picture of a lesson as it begins, with its controls: complete without a script, which draws it anew when they move. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Html, html, raw } from '../../../src/compare/report/html.ts';
import type { Drawn, Settings } from '../../course/drawn.ts';
import type { Control, LivePicture, StillPicture } from '../../course/lesson.ts';
import { PICTURES } from '../../course/pictures/index.ts';
import { setMiniLm } from '../../course/pictures/tools.ts';
import { pictureOf } from '../../course/svg.ts';
import { written } from './text.ts';

setMiniLm(join(fileURLToPath(new URL('../../../', import.meta.url)), 'fixtures', 'minilm-qkv.safetensors'));

/** Its settings as the page opens. */
export function startOf({ controls, given }: LivePicture): Settings {
  const own = controls.flatMap((control): [string, number | string | boolean][] => {
    if (control.kind === 'run') return [];
    return [[control.name, control.kind === 'choice' ? control.options[0][0] : control.start]];
  });
  return { ...given?.(), ...Object.fromEntries(own) };
}

/** `id`: of the page, since a page may have several. */
export async function figureOf(picture: LivePicture | StillPicture, id: string): Promise<Html> {
  const { says, legend } = picture;
  if (picture.kind === 'still') {
    return html`<p>${written(says)}</p>
<div class="live card" id="${id}">
${drawing(await picture.drawn(), legend)}${saving()}</div>
`;
  }
  const { draw, controls, needs, given } = picture;
  const drawn = await PICTURES[draw](startOf(picture));
  return html`<p>${written(says)}</p>
<div class="live card" id="${id}" data-live="${draw}"${needs === undefined ? null : html` data-needs="${needs}"`} data-given="${JSON.stringify(given?.() ?? {})}">
<form class="live-controls" aria-label="Of the picture">
${controls.map((control) => field(control, id))}</form>
${drawing(drawn, legend)}<p class="problem" data-part="problem" role="alert"></p>
${saving()}<noscript><p class="note">Without JavaScript the picture stays as it is.</p></noscript>
</div>
`;
}

function drawing(drawn: Drawn, legend = ''): Html {
  // Within a script element only a `<` could end it.
  const data = JSON.stringify(rounded(drawn)).replaceAll('<', '\\u003c');
  const hasCells = drawn.panels.some((panel) => panel.kind === 'matrix' && panel.digits === undefined);
  return html`<div data-part="picture">${pictureOf(drawn)}</div>
${hasCells ? html`<p class="note readout" data-part="readout" aria-live="polite">Point at a cell, or focus a matrix and use the arrow keys.</p>\n` : null}<p class="said" data-part="said" aria-live="polite">${drawn.says}</p>
${legend === '' ? null : html`<p class="note">${written(legend)}</p>\n`}<script type="application/json" data-part="drawn">${raw(data)}</script>
`;
}

const saving = (): Html =>
  html`<p class="saving"><button type="button" class="action" data-save="svg">Save as SVG</button>
<button type="button" class="action" data-save="json">Save the numbers</button></p>
`;

/** Enough digits for a table, and no more for a page to hold. */
function rounded(drawn: Drawn): unknown {
  return JSON.parse(
    JSON.stringify(drawn, (_, value) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value)),
  );
}

function field(control: Control, picture: string): Html {
  const id = `${picture}-${control.name}`;
  const { name, label, kind } = control;
  if (kind === 'run') return html`<button type="button" class="action primary" data-run="${name}">${label}</button>\n`;
  if (kind === 'check') {
    return html`<label class="check"><input type="checkbox" name="${name}"${control.start ? html` checked` : null} autocomplete="off"> ${label}</label>\n`;
  }
  if (kind === 'choice') {
    const options = control.options.map(([value, words]) => html`<option value="${value}">${words}</option>`);
    return html`<label class="choice">${label} <select name="${name}" autocomplete="off">${options}</select></label>\n`;
  }
  const { stops, start, unit = '' } = control;
  const at = stops.indexOf(start);
  if (at < 0) throw new Error(`${name}: ${start} is no stop`);
  return html`<div class="slider"><label for="${id}">${label}</label> <output id="${id}-text" for="${id}">${start}${unit}</output>
<input type="range" id="${id}" name="${name}" data-stops="${JSON.stringify(stops)}" data-unit="${unit}" min="0" max="${stops.length - 1}" value="${at}" aria-valuetext="${start}${unit}" autocomplete="off"></div>
`;
}
