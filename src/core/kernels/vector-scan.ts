/** The functions of wasm/assembly/index.ts that scans use. */
export interface VectorScan {
  addPairs(
    target: number,
    targetRow: number,
    left: number,
    leftRow: number,
    middle: number,
    right: number,
    rightRow: number,
    pairs: number,
    stride: number,
    rows: number,
    inner: number,
    width: number,
    sums: number,
    strict: boolean,
    alpha: number,
    weights: number,
    ownWeights: number,
    totals: number,
  ): void;
  solvePairs(
    x: number,
    xRow: number,
    weighted: number,
    weightedRow: number,
    left: number,
    leftRow: number,
    middle: number,
    pairs: number,
    stride: number,
    rows: number,
    inner: number,
    width: number,
    sums: number,
    factors: number,
  ): void;
  decayRows(
    x: number,
    xRow: number,
    sums: number,
    base: number,
    sign: number,
    to: number,
    rows: number,
    count: number,
  ): void;
  raiseRows(
    x: number,
    xRow: number,
    exponents: number,
    sign: number,
    to: number,
    toRow: number,
    rows: number,
    count: number,
  ): void;
  addDotsOfRows(a: number, b: number, to: number, sign: number, rows: number, count: number): void;
  scanSumGroups(table: number, begin: number, end: number): void;
  scanGroups(table: number, begin: number, end: number): void;
  selectiveScanRows(table: number, rows: number, channels: number, n: number, m: number): void;
  selectiveGradientRows(table: number, rows: number, channels: number, n: number, m: number): void;
}
