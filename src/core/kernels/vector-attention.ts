/** The functions of wasm/assembly/index.ts that attention uses: tiles, scores, weights, features, hashes. */
export interface VectorAttention {
  multiplyTile(
    c: number,
    cRow: number,
    a: number,
    aRow: number,
    aColumn: number,
    b: number,
    bRow: number,
    bColumn: number,
    rows: number,
    columns: number,
    inner: number,
    alpha: number,
    accumulate: boolean,
  ): void;
  multiplyPanels(
    c: number,
    cRow: number,
    a: number,
    aRow: number,
    aColumn: number,
    panels: number,
    rows: number,
    columns: number,
    inner: number,
    alpha: number,
    accumulate: boolean,
  ): void;
  exponentiateRows(
    scores: number,
    stride: number,
    rows: number,
    columns: number,
    largest: number,
    sums: number,
    weighted: number,
    width: number,
  ): void;
  meetRun(
    query: number,
    keys: number,
    keyRow: number,
    values: number,
    valueRow: number,
    count: number,
    width: number,
    valueWidth: number,
    scale: number,
    list: number,
    listStep: number,
    room: number,
    scores: number,
    largest: number,
    sums: number,
    weighted: number,
  ): void;
  weighRows(
    scores: number,
    gradients: number,
    stride: number,
    rows: number,
    columns: number,
    shifts: number,
    shares: number,
    delta: number,
    step: number,
  ): void;
  hideRuns(
    scores: number,
    stride: number,
    rows: number,
    columns: number,
    queryPlaces: number,
    begins: number,
    ends: number,
    first: number,
  ): void;
  hidePairs(
    scores: number,
    stride: number,
    rows: number,
    columns: number,
    queryPlaces: number,
    keyTokens: number,
    labels: number,
    begins: number,
    ends: number,
    keyLabels: number,
    keyPlaces: number,
    rounds: number,
    round: number,
    causal: number,
    selfBias: number,
    once: number,
  ): void;
  joinRows(table: number, parts: number, width: number, begin: number, end: number, shares: number): void;
  joinGradientRows(
    table: number,
    parts: number,
    width: number,
    both: number,
    begin: number,
    end: number,
    shares: number,
  ): void;
  extremesOfRows(
    x: number,
    stride: number,
    rows: number,
    columns: number,
    begin: number,
    largest: number,
    smallest: number,
    atLargest: number,
    atSmallest: number,
  ): void;
  largestOfSums(x: number, xRow: number, y: number, to: number, rows: number, count: number): void;
  raiseToSums(x: number, xRow: number, shifts: number, y: number, rows: number, count: number): void;
  exponentialsOfSums(
    x: number,
    xRow: number,
    y: number,
    sign: number,
    shifts: number,
    to: number,
    rows: number,
    count: number,
    reach: number,
  ): number;
  largestOfEluSums(x: number, xRow: number, y: number, to: number, rows: number, count: number): void;
  raiseToEluSums(x: number, xRow: number, shifts: number, y: number, rows: number, count: number): void;
  powersOfElu(
    x: number,
    xRow: number,
    y: number,
    sign: number,
    shifts: number,
    to: number,
    rows: number,
    count: number,
    most: number,
  ): number;
  multiplyEluSlopes(
    to: number,
    toRow: number,
    by: number,
    x: number,
    xRow: number,
    shifts: number,
    rows: number,
    count: number,
  ): void;
  addWeightedRows(x: number, weights: number, y: number, rows: number, count: number): void;
  allFinite(x: number, count: number): number;
  scaleRows(to: number, toRow: number, shares: number, rows: number, count: number): void;
  deltasOfRows(
    output: number,
    logSum: number,
    gradient: number,
    logSumGradient: number,
    shifts: number,
    weights: number,
    rows: number,
    count: number,
  ): void;
  mixTwoRows(to: number, own: number, from: number, kept: number, rows: number, count: number): void;
  dotsOfRows(x: number, y: number, to: number, rows: number, count: number): void;
  multiplyRows(to: number, toRow: number, by: number, shifts: number, rows: number, count: number): void;
  mixRows(target: number, index: number, sums: number, count: number, width: number, old: number, fresh: number): void;
  pack(target: number, source: number, rowStride: number, columnStride: number, rows: number, columns: number): void;
  dotsOfListed(
    row: number,
    matrix: number,
    list: number,
    bounds: number,
    origins: number,
    step: number,
    to: number,
    places: number,
    rows: number,
    width: number,
    scale: number,
  ): void;
  addListedRows(
    row: number,
    matrix: number,
    list: number,
    bounds: number,
    origins: number,
    step: number,
    weights: number,
    places: number,
    rows: number,
    width: number,
    factor: number,
  ): void;
  addToListedRows(
    row: number,
    matrix: number,
    list: number,
    bounds: number,
    origins: number,
    step: number,
    weights: number,
    places: number,
    rows: number,
    width: number,
    factor: number,
  ): void;
  addWeightedRelu(
    to: number,
    toRow: number,
    from: number,
    fromRow: number,
    weights: number,
    rows: number,
    columns: number,
    begins: boolean,
  ): void;
  bestPairs(
    scores1: number,
    scores2: number,
    first: number,
    second: number,
    room: number,
    n: number,
    k: number,
    rows: number,
    begin: number,
  ): void;
  countAbove(x: number, count: number, threshold: number): number;
  namesBetween(x: number, count: number, above: number, upTo: number, to: number, most: number): number;
  namesAbove(x: number, count: number, threshold: number, to: number, most: number): number;
  packPanels(
    target: number,
    source: number,
    rowStride: number,
    columnStride: number,
    rows: number,
    columns: number,
  ): void;
}
