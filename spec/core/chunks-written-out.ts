/** Who meets whom in chunks of sorted tokens, written out from the definition, pair by pair. */

export interface Arrangement {
  /** The group of each token in each round: [batch][head][round][position]. Tokens of group `groups` take no part. */
  group: number[][][][];
  groups: number;
  chunkLength: number;
  causal: boolean;
  acrossGroups: boolean;
}

/** Whether query i meets key j in a round. */
export type Meets = (batch: number, head: number, round: number, i: number, j: number) => boolean;

export function meetsIn({ group, groups, chunkLength, causal, acrossGroups }: Arrangement): Meets {
  const chunkOf = group.map((heads) => heads.map((rounds) => rounds.map((list) => chunksOf(list, chunkLength))));
  return (b, h, r, i, j) => {
    const own = group[b][h][r];
    if (own[i] === groups || own[j] === groups) return false;
    if (!acrossGroups && own[i] !== own[j]) return false;
    if (causal && j > i) return false;
    const distance = chunkOf[b][h][r][j] - chunkOf[b][h][r][i];
    return distance === 0 || distance === -1 || (distance === 1 && !causal);
  };
}

/** The chunk of each token after sorting by (group, position). */
function chunksOf(group: number[], chunkLength: number): number[] {
  const order = group.map((_, position) => position).sort((a, b) => group[a] - group[b] || a - b);
  const chunks = new Array<number>(group.length);
  order.forEach((position, place) => {
    chunks[position] = Math.floor(place / chunkLength);
  });
  return chunks;
}

/** In how many rounds a pair meets: N_ij. */
export function countMeetings(meets: Meets, rounds: number): (b: number, h: number, i: number, j: number) => number {
  return (b, h, i, j) => {
    let count = 0;
    for (let r = 0; r < rounds; r++) if (meets(b, h, r, i, j)) count++;
    return count;
  };
}
