/** Every module that defines kernels: a worker imports this and then knows them all by name. */
import './attention.ts';
import './attention-gradient.ts';
import './copy.ts';
import './elementwise.ts';
import './matmul.ts';
import './rows.ts';
import './scan.ts';
import './unary.ts';
