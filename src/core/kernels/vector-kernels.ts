/** The functions of wasm/assembly/index.ts. Pointers are byte offsets in the heap. */
export interface VectorKernels {
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
  softmaxRows(x: number, y: number, rows: number, columns: number): void;
  unaryForward(which: number, x: number, y: number, count: number, constant: number): void;
  unaryDerivative(
    which: number,
    x: number,
    y: number,
    gradient: number,
    result: number,
    count: number,
    constant: number,
  ): void;
  binary(
    which: number,
    a: number,
    stepA: number,
    rowA: number,
    b: number,
    stepB: number,
    rowB: number,
    c: number,
    rows: number,
    count: number,
  ): void;
  copyRows(source: number, sourceRow: number, target: number, targetRow: number, rows: number, columns: number): void;
  layerNormRows(
    x: number,
    gain: number,
    bias: number,
    y: number,
    means: number,
    shares: number,
    begin: number,
    end: number,
    columns: number,
    epsilon: number,
  ): void;
  layerNormGradientRows(
    x: number,
    gain: number,
    means: number,
    shares: number,
    gradient: number,
    result: number,
    begin: number,
    end: number,
    columns: number,
  ): void;
  layerNormPartial(
    x: number,
    means: number,
    shares: number,
    gradient: number,
    toGain: number,
    toBias: number,
    rows: number,
    columns: number,
  ): void;
  sumsOfRuns(x: number, y: number, rows: number, columns: number): void;
  sumOfRows(x: number, y: number, extent: number, stride: number, columns: number): void;
  largestOfRun(x: number, count: number): number;
  largestOfRuns(x: number, y: number, rows: number, columns: number): void;
  softmaxGradientRows(y: number, gradient: number, result: number, rows: number, columns: number): void;
  normalizeRows(x: number, y: number, rows: number, columns: number): void;
  normalizeGradientRows(x: number, gradient: number, result: number, rows: number, columns: number): void;
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
  sumOfExponentials(x: number, count: number, largest: number): number;
  scaledExponentials(x: number, y: number, count: number, shift: number, factor: number): void;
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
  sumOfSquares(x: number, count: number): number;
  adamW(
    theta: number,
    gradient: number,
    m: number,
    v: number,
    count: number,
    scale: number,
    rate: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    decay: number,
    firstCorrection: number,
    secondCorrection: number,
  ): void;
  sgd(
    theta: number,
    gradient: number,
    velocity: number,
    count: number,
    scale: number,
    rate: number,
    momentum: number,
    decay: number,
    nesterov: number,
  ): void;
  squaresOfRows(x: number, sums: number, extent: number, stride: number, columns: number): void;
  adafactorSize(gradient: number, columnMeans: number, count: number, scale: number, share: number): number;
  adafactorUpdate(
    theta: number,
    gradient: number,
    columnMeans: number,
    count: number,
    scale: number,
    share: number,
    step: number,
    decay: number,
  ): void;
  dropout(
    x: number,
    y: number,
    begin: number,
    end: number,
    firstKey: number,
    secondKey: number,
    threshold: number,
    share: number,
  ): void;
  gatherRows(
    source: number,
    index: number,
    result: number,
    begin: number,
    end: number,
    length: number,
    width: number,
    count: number,
    own: number,
  ): void;
  scatterAdd(
    rows: number,
    index: number,
    result: number,
    length: number,
    width: number,
    count: number,
    columns: number,
  ): void;
  addRows(target: number, index: number, rows: number, count: number, width: number): void;
  mixRows(target: number, index: number, sums: number, count: number, width: number, old: number, fresh: number): void;
  pack(target: number, source: number, rowStride: number, columnStride: number, rows: number, columns: number): void;
  packPanels(
    target: number,
    source: number,
    rowStride: number,
    columnStride: number,
    rows: number,
    columns: number,
  ): void;
  /** No twin of anything: multiply-adds alone, for the roofline of the bench. */
  peak(rounds: number, factor: number, term: number): number;
}
