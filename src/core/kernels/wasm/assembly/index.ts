/** What the module exports: vector twins of loops in src/core/kernels/*.ts, which are their readable definitions. */
export { binary } from './elementwise';
export { joinGradientRows, joinRows } from './join';
export { pack, packPanels } from './panels';
export { peak } from './peak';
export { addRows, gatherRows, scatterAdd } from './rows';
export { applyRules } from './rules';
export { exponentiateRows, softmaxRows, weighRows } from './softmax';
export { multiplyPanels, multiplyTile } from './tile';
export { unaryDerivative, unaryForward } from './unary';
