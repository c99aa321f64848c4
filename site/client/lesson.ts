/** Brings the pictures of a lesson to life: the library draws each anew when its controls move, and any can be saved. */
import type { Drawn, Settings } from '../course/drawn.ts';
import type { PictureName } from '../course/pictures/index.ts';
import { pictureOf } from '../course/svg.ts';
import { place, setText, throttled } from './elements.ts';
import { Engine } from './engine.ts';
import { Latest } from './lab/queue.ts';
import { listenForReading } from './lesson/reading.ts';
import { listenForSaving } from './lesson/saving.ts';
import { markScrollables } from './scrollable.ts';

const MILLISECONDS_PER_SENTENCE = 1000;

/** Nothing is loaded before somebody changes something; all pictures of a page share the engine. */
let engine: Promise<Engine> | null = null;
const shipped = new Map<string, Promise<void>>();

async function readied(needs: string | undefined): Promise<Engine> {
  engine ??= Engine.load();
  const own = await engine;
  if (needs !== undefined) {
    const putting = shipped.get(needs) ?? own.putShipped(needs);
    shipped.set(needs, putting);
    await putting;
  }
  return own;
}

function mount(root: HTMLElement): void {
  const [picture, said, problem] = ['picture', 'said', 'problem'].map((name) =>
    place(root, `[data-part=${name}]`, HTMLElement),
  );
  const data = place(root, '[data-part=drawn]', HTMLScriptElement);
  const form = place(root, 'form', HTMLFormElement);
  const given = JSON.parse(root.dataset.given ?? '{}') as Settings;
  let sentence = '';
  const speak = throttled(MILLISECONDS_PER_SENTENCE, () => setText(said, sentence));

  const drawing = new Latest<Settings>(async (settings, isOvertaken) => {
    picture.setAttribute('aria-busy', 'true');
    try {
      const own = await readied(root.dataset.needs);
      const drawn: Drawn = await own.ask('draw', { picture: root.dataset.live as PictureName, settings });
      setText(problem, '');
      if (!isOvertaken()) {
        picture.innerHTML = pictureOf(drawn).source;
        data.textContent = JSON.stringify(drawn);
        sentence = drawn.says;
        speak();
      }
    } catch (error) {
      // Where the engine could not be loaded, the next wish tries again.
      engine?.catch(() => {
        engine = null;
      });
      setText(problem, error instanceof Error ? error.message : String(error));
    }
    if (!isOvertaken()) picture.removeAttribute('aria-busy');
  });

  form.addEventListener('input', () => drawing.submit({ ...given, ...settingsOf(form) }));
  form.addEventListener('submit', (event) => event.preventDefault());
  for (const button of form.querySelectorAll<HTMLButtonElement>('[data-run]')) {
    button.addEventListener('click', () =>
      drawing.submit({ ...given, ...settingsOf(form), [button.dataset.run as string]: true }),
    );
  }
}

/** What the controls hold; each slider also says its stop. */
function settingsOf(form: HTMLFormElement): Settings {
  const settings: Record<string, number | string | boolean> = {};
  for (const field of form.querySelectorAll<HTMLInputElement | HTMLSelectElement>('input, select')) {
    if (field instanceof HTMLSelectElement) settings[field.name] = field.value;
    else if (field.type === 'checkbox') settings[field.name] = field.checked;
    else {
      const stop = (JSON.parse(field.dataset.stops ?? '[]') as number[])[Number(field.value)];
      const text = `${stop}${field.dataset.unit ?? ''}`;
      field.setAttribute('aria-valuetext', text);
      setText(place(form, `output[for="${field.id}"]`, HTMLElement), text);
      settings[field.name] = stop;
    }
  }
  return settings;
}

markScrollables();
for (const root of document.querySelectorAll<HTMLElement>('.live')) {
  if (root.dataset.live !== undefined) mount(root);
  listenForSaving(root);
  const data = place(root, '[data-part=drawn]', HTMLScriptElement);
  let known: { text: string | null; drawn: Drawn } | null = null;
  listenForReading(root, () => {
    const text = data.textContent;
    if (known?.text !== text) known = { text, drawn: JSON.parse(text ?? '') as Drawn };
    return known.drawn;
  });
}
// On paper every answer is there to be read.
addEventListener('beforeprint', () => {
  for (const question of document.querySelectorAll<HTMLDetailsElement>('details.question')) question.open = true;
});
