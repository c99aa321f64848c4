/** Every module that defines kernels: a worker imports this and then knows them all by name. */
import './attention.ts';
import './attention-gradient.ts';
import './chunked-attention.ts';
import './chunked-attention-gradient.ts';
import './convolution.ts';
import './copy.ts';
import './cross-entropy.ts';
import './dropout.ts';
import './elementwise.ts';
import './hash.ts';
import './layer-norm.ts';
import './matmul.ts';
import './normalize.ts';
import './rows.ts';
import './scan.ts';
import './sort.ts';
import './unary.ts';
