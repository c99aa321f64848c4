/** Every differentiable op. */
export * from './attention.ts';
export * from './chunked-attention.ts';
export * from './convolution.ts';
export * from './elementwise.ts';
export * from './gather.ts';
export * from './hash.ts';
export * from './layout.ts';
export * from './mask.ts';
export * from './matmul.ts';
export * from './normalize.ts';
export * from './reduce.ts';
export * from './scan.ts';
export * from './segments.ts';
export * from './shape.ts';
export * from './softmax.ts';
export * from './sort.ts';
