/** The page of a feed-forward layer: its picture of who is routed where, which the page holds at the start, drawn anew. */
import type { RoutingAsk } from '../engine/protocol.ts';
import { place, setText, throttled } from './elements.ts';
import { Engine } from './engine.ts';
import { Latest } from './lab/queue.ts';
import { routedPicture, routedText, wordsOf } from './layer/routed.ts';
import { letArrowsStep, readNumber } from './number-field.ts';
import { markScrollables } from './scrollable.ts';

const MILLISECONDS_PER_SENTENCE = 1000;

markScrollables();
const found = document.querySelector<HTMLElement>('[data-routing]');
if (found !== null) mount(found);

function mount(root: HTMLElement): void {
  const form = place(root, 'form', HTMLFormElement);
  const fields = {
    text: place(form, '[name=text]', HTMLInputElement),
    seed: place(form, '[name=seed]', HTMLInputElement),
  };
  // Not there where a layer does the same in both.
  const training = form.querySelector<HTMLInputElement>('[name=training]');
  const sliders = [...form.querySelectorAll<HTMLInputElement>('[data-option]')];
  const [picture, said, problem] = ['picture', 'said', 'problem'].map((name) =>
    place(root, `[data-part=${name}]`, HTMLElement),
  );
  const called = (root.dataset.called ?? '').split(',') as [string, string];
  const fixed = JSON.parse(root.dataset.options ?? '{}') as RoutingAsk['options'];
  const stopOf = (slider: HTMLInputElement) => JSON.parse(slider.dataset.stops ?? '[]')[Number(slider.value)] as number;
  // Nothing is loaded before somebody changes something.
  let engine: Promise<Engine> | null = null;
  let sentence = '';
  const speak = throttled(MILLISECONDS_PER_SENTENCE, () => setText(said, sentence));

  const drawing = new Latest<RoutingAsk>(async (ask, isOvertaken) => {
    picture.setAttribute('aria-busy', 'true');
    try {
      engine ??= Engine.load();
      const routed = await (await engine).ask('route', ask);
      setText(problem, '');
      if (!isOvertaken()) {
        picture.innerHTML = routedPicture(ask.words, routed, called).source;
        sentence = routedText(ask.words, routed, called);
        speak();
      }
    } catch (error) {
      setText(problem, error instanceof Error ? error.message : String(error));
    }
    if (!isOvertaken()) picture.removeAttribute('aria-busy');
  });

  const changed = (): void => {
    const options = { ...fixed };
    for (const slider of sliders) {
      const value = stopOf(slider);
      options[slider.dataset.option as string] = value;
      slider.setAttribute('aria-valuetext', String(value));
      setText(place(form, `output[for="${slider.id}"]`, HTMLElement), String(value));
    }
    try {
      const seed = readNumber(fields.seed);
      const words = wordsOf(fields.text.value);
      drawing.submit({
        kind: root.dataset.routing as string,
        options,
        words,
        training: training?.checked ?? true,
        seed,
      });
    } catch (error) {
      setText(problem, (error as Error).message);
    }
  };
  form.addEventListener('input', changed);
  form.addEventListener('submit', (event) => event.preventDefault());
  letArrowsStep(form);
}
