/** The exercises: one at a time is shown, its text is kept, graded in a worker, and what is solved is marked. */
import { NO_PROGRESS } from '../../learn/progress.ts';
import { download, element, place, setText } from './elements.ts';
import { rootOfSite } from './engine.ts';
import type { Editor } from './exercises/editor.ts';
import { graded, prepare } from './exercises/grading.ts';
import { exported, imported, keep, keepText, progress, textOf } from './exercises/store.ts';
import { verdictParts } from './exercises/verdict.ts';

type Create = (parent: HTMLElement, settings: import('./exercises/editor.ts').EditorSettings) => Editor;

const sections = [...document.querySelectorAll<HTMLElement>('section.exercise')];
const names = sections.map(({ id }) => id);
const links = [...document.querySelectorAll<HTMLAnchorElement>('#exercise-list a')];

/** One exercise of the page. */
class Exercise {
  readonly #section: HTMLElement;
  readonly #field: HTMLTextAreaElement;
  readonly #run: HTMLButtonElement;
  #editor: Editor | null = null;

  constructor(section: HTMLElement) {
    this.#section = section;
    this.#field = place(section, 'textarea', HTMLTextAreaElement);
    this.#run = place(section, 'button.run', HTMLButtonElement);
    const reset = place(section, 'button.reset', HTMLButtonElement);
    this.#run.disabled = reset.disabled = false;
    this.#run.onclick = () => this.run();
    reset.onclick = () => this.#reset();
    this.#field.value = textOf(section.id) ?? this.#field.defaultValue;
    this.#field.oninput = () => keepText(section.id, this.#field.value);
    this.#field.onkeydown = (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.run();
    };
    this.#field.onfocus = () => {
      prepare(this.#text());
      this.#edit();
    };
    for (const [n, hint] of [...section.querySelectorAll<HTMLDetailsElement>('details.hint')].entries()) {
      hint.ontoggle = () => {
        const now = progress();
        const seen = Math.max(n + 1, now.hints[section.id] ?? 0);
        if (hint.open) keep({ ...now, hints: { ...now.hints, [section.id]: seen } });
      };
    }
  }

  /** Shows what is stored, which an import or a reset has changed. */
  reload(): void {
    this.#setText(textOf(this.#section.id) ?? this.#field.defaultValue);
  }

  #text(): string {
    return this.#editor?.text() ?? this.#field.value;
  }

  #setText(text: string): void {
    this.#field.value = text;
    if (this.#editor !== null && this.#editor.text() !== text) this.#editor.setText(text);
  }

  /** The editor in place of the field. Where its script cannot be loaded, the field stays. */
  async #edit(): Promise<void> {
    const create = await editor();
    const field = this.#field;
    if (create === null || this.#editor !== null || document.activeElement !== field) return;
    const parent = place(this.#section, '.editor', HTMLElement);
    const { id } = this.#section;
    this.#editor = create(parent, {
      text: field.value,
      label: field.getAttribute('aria-label') ?? '',
      selection: [field.selectionStart, field.selectionEnd],
      onChange: (text) => {
        field.value = text;
        keepText(id, text);
      },
      onRun: () => this.run(),
    });
    field.hidden = true;
  }

  async run(): Promise<void> {
    // A second press while it runs changes nothing; the button keeps the focus.
    if (this.#section.ariaBusy === 'true') return;
    this.#section.ariaBusy = 'true';
    const output = place(this.#section, '.verdict', HTMLElement);
    setText(output, 'Grading…');
    const { id } = this.#section;
    try {
      const verdict = await graded({ exercise: id, source: this.#text() });
      const count = Number(this.#section.dataset.laws);
      output.replaceChildren(...verdictParts(verdict, count, (line, column) => this.#goTo(line, column)));
      if (verdict.passed) this.#solved();
    } catch (error) {
      setText(output, `The grader cannot be loaded: ${error instanceof Error ? error.message : String(error)}.`);
    } finally {
      this.#section.ariaBusy = 'false';
    }
  }

  #solved(): void {
    const now = progress();
    const { id } = this.#section;
    keep({ ...now, solved: { ...now.solved, [id]: now.solved[id] ?? new Date().toISOString() } });
    mark();
  }

  #goTo(line: number, column: number | null): void {
    if (this.#editor !== null) {
      this.#editor.goTo(line, column);
      return;
    }
    const before = this.#field.value.split('\n').slice(0, line - 1);
    const at = before.reduce((sum, text) => sum + text.length + 1, 0) + (column ?? 1) - 1;
    this.#field.setSelectionRange(at, at);
    this.#field.focus();
  }

  #reset(): void {
    if (!confirm('Put the hole back? What you wrote here is lost.')) return;
    keepText(this.#section.id, null);
    this.reload();
    place(this.#section, '.verdict', HTMLElement).replaceChildren();
    const now = progress();
    const { [this.#section.id]: _, ...solved } = now.solved;
    keep({ ...now, solved });
    mark();
  }
}

let loading: Promise<Create | null> | null = null;

/** Null where the script cannot be loaded. */
function editor(): Promise<Create | null> {
  loading ??= new Promise((resolve) => {
    const script = document.createElement('script');
    script.src = `${rootOfSite()}scripts/editor.js`;
    script.onload = () => resolve((globalThis as { siteEditor?: { create: Create } }).siteEditor?.create ?? null);
    script.onerror = () => resolve(null);
    document.head.append(script);
  });
  return loading;
}

/** Marks in the list what is solved. */
function mark(): void {
  const { solved } = progress();
  links.forEach((link, n) => {
    const isSolved = solved[names[n]] !== undefined;
    setText(place(link, '.mark', HTMLElement), isSolved ? '✓' : '');
    setText(place(link, '.said', HTMLElement), isSolved ? ' (solved)' : '');
  });
  const count = names.filter((name) => solved[name] !== undefined).length;
  setText(element('solved-count', HTMLElement), `${count} of ${names.length} solved`);
}

/** The exercise of the address, else the first that is not solved. */
function show(): void {
  const { solved } = progress();
  const wanted = location.hash.slice(1);
  const known = names.includes(wanted) ? wanted : names.find((name) => solved[name] === undefined);
  const shown = known ?? names[0];
  for (const section of sections) section.hidden = section.id !== shown;
  links.forEach((link, n) => {
    if (names[n] === shown) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  });
}

const all = sections.map((section) => new Exercise(section));
const said = element('progress-said', HTMLElement);

element('export', HTMLButtonElement).onclick = () => download('exercises.json', 'application/json', exported(names));

const file = element('import-file', HTMLInputElement);
element('import', HTMLButtonElement).onclick = () => file.click();
file.onchange = async () => {
  const [chosen] = file.files ?? [];
  if (chosen === undefined) return;
  try {
    const left = imported(await chosen.text(), chosen.name, names);
    const kept = left.length === 0 ? '' : ` Your own text differs and stays: ${left.join(', ')}.`;
    setText(said, `Read from ${chosen.name}.${kept}`);
  } catch (error) {
    setText(said, error instanceof Error ? error.message : String(error));
  }
  file.value = '';
  for (const each of all) each.reload();
  mark();
};

element('reset-all', HTMLButtonElement).onclick = () => {
  if (!confirm('Forget all that you wrote and solved here?')) return;
  for (const name of names) keepText(name, null);
  keep(NO_PROGRESS);
  for (const each of all) each.reload();
  setText(said, 'Everything is as at the beginning.');
  mark();
};
for (const id of ['export', 'import', 'reset-all']) element(id, HTMLButtonElement).disabled = false;

addEventListener('hashchange', () => {
  show();
  // By a link within the page: the reader goes on from its heading.
  document.querySelector<HTMLElement>('section.exercise:not([hidden]) h2')?.focus();
});
show();
mark();
