/** Which variants fit a need, by our own measurements, which the lesson hands over. */
import { type Drawn, number, type Settings } from '../drawn.ts';

/** A variant as measured. */
export interface Candidate {
  name: string;
  /** On a trained model's numbers, untrained; null where it is another function or was not measured. */
  error: number | null;
  causal: boolean;
  /** Whether it computes full attention, on all pairs or on its pattern, or approximates it. */
  exactness: string;
  /** Of a forward pass, by length. */
  speedUps: Readonly<Record<string, number>>;
}

const SHOWN = 14;

export function choose(settings: Settings): Drawn {
  const candidates = JSON.parse(String(settings.candidates)) as Candidate[];
  const length = number(settings, 'length');
  const kind = String(settings.kind);
  const most = number(settings, 'error') / 100;
  const fits = candidates
    .filter(({ causal }) => causal || settings.causal !== true)
    .filter(({ exactness }) => kind === 'own' || exactness !== 'own')
    .filter(({ error }) => kind === 'own' || (error !== null && error <= most))
    .flatMap(({ name, speedUps, error }) => {
      const speedUp = speedUps[String(length)];
      return speedUp === undefined ? [] : [{ name, speedUp, error }];
    })
    .sort((a, b) => b.speedUp - a.speedUp);
  const faster = fits.filter(({ speedUp }) => speedUp > 1);
  return {
    panels: [
      {
        kind: 'bars',
        title: `Times as fast as full attention, at ${length.toLocaleString('en')} tokens`,
        bars: fits.slice(0, SHOWN).map(({ name, speedUp, error }) => ({
          name,
          value: speedUp,
          text: `${speedUp.toFixed(1)}×${error === null ? '' : `, error ${error.toFixed(2)}`}`,
        })),
      },
    ],
    says: `${fits.length} of ${candidates.length} variants fit, and ${faster.length} of them ${faster.length === 1 ? 'is' : 'are'} faster than full attention at ${length.toLocaleString('en')} tokens${fits.length === 0 ? '. Take full attention' : `; the fastest is ${fits[0].name}`}.${fits.length > SHOWN ? ` The fastest ${SHOWN} are shown.` : ''}`,
  };
}
