/** Draws the pictures of lessons. */
import type { Drawn } from '../course/drawn.ts';
import { PICTURES } from '../course/pictures/index.ts';
import type { Questions } from './protocol.ts';

export async function draw({ picture, settings }: Questions['draw']['ask']): Promise<Drawn> {
  return PICTURES[picture](settings);
}
