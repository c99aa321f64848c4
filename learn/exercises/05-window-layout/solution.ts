/**
 * A window by layout.
 *
 * Full attention compares all L² pairs. Local attention lets each query meet only the keys near it: with `reach` r, query i meets
 * the keys from i − r to i + r, or to i where the model is causal. That is at most 2r + 1 keys, however long the text is.
 *
 * Before any attention is computed, one can write down as plain data which keys each query meets. Here that is a *layout*: for
 * each query a pair [first, end), where end is one past the last key. At the ends of the text a window is cut off; it never
 * continues on the other side.
 *
 * Task: return the layout, a list of `length` pairs.
 *
 * Source: Beltagy, Peters and Cohan 2020, "Longformer", section 3.1 (sliding window).
 */

export function windowLayout(length: number, reach: number, causal: boolean): number[][] {
  const pairs: number[][] = [];
  for (let i = 0; i < length; i++) {
    const first = Math.max(0, i - reach);
    const end = causal ? i + 1 : Math.min(length, i + reach + 1);
    pairs.push([first, end]);
  }
  return pairs;
}
