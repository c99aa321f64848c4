/** The convention by which costs are counted in floating point operations: a multiply-add is two. */

/** FLOPs of one exp, subtraction and sum of a softmax, which a pair of a query and a key costs besides its multiply-adds. */
export const SOFTMAX_FLOPS = 5;
