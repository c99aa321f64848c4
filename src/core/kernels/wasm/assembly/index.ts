/** What the module exports: vector twins of loops in src/core/kernels/*.ts, which are their readable definitions. */
export { copyRows } from './blocks';
export { dropout } from './dropout';
export { binary } from './elementwise';
export { scaledExponentials, sumOfExponentials } from './exponentials';
export { extremesOfRows } from './extremes';
export { addWeightedRows, dotsOfRows, exponentialsOfSums, largestOfSums, mixTwoRows, multiplyRows, raiseToSums } from './feature-exponents';
export { joinGradientRows, joinRows } from './join';
export { layerNormGradientRows, layerNormPartial, layerNormRows } from './layer-norm';
export { adafactorSize, adafactorUpdate, adamW, sgd, squaresOfRows, sumOfSquares } from './optimizers';
export { pack, packPanels } from './panels';
export { peak } from './peak';
export { addRows, gatherRows, mixRows, scatterAdd } from './rows';
export { hidePairs } from './pairs';
export { normalizeGradientRows, normalizeRows, softmaxGradientRows } from './scaled-rows';
export { exponentiateRows, softmaxRows, weighRows } from './softmax';
export { largestOfRun, largestOfRuns, sumOfRows, sumsOfRuns } from './sums';
export { multiplyPanels, multiplyTile } from './tile';
export { gelu, geluDerivative, unaryDerivative, unaryForward } from './unary';
