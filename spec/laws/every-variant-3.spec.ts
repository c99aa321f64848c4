import { testEveryVariant } from './every-variant.ts';

testEveryVariant(3);
