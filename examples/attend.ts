// Runs a sparse variant on a trained model's queries, keys and values, asks for a gradient, and measures the error.
// npx tsx examples/attend.ts
import * as et from 'efficient-transformers';

// Two layers of a trained encoder come with the package: [batch, heads, length, headDim] each.
const [, layer] = et.fixtureInput().cases;
const inputs = layer.load();
inputs.queries.withGrad();

const output = et.attend(et.longformer, inputs, { attentionWindow: 128, globalPositions: [0] });
console.log('output', output.shape);

et.backward(et.ops.mean(et.ops.square(output)));
console.log('gradient of the queries', inputs.queries.grad?.shape);

// 0: the same as full attention. 1: no nearer to it than an output of zeros.
const exact = et.attend(et.full, inputs);
const dense = (tensor: et.Tensor) => ({ shape: tensor.shape, data: tensor.toArray() });
console.log('error', et.relativeFrobeniusError(dense(output), dense(exact)).toFixed(3));
