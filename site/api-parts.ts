/**
 * What exports name in their types without being exported: met as properties of a tensor or a model, or in the type of one
 * parameter. Nobody makes or names them, so they have no page of their own in the API reference.
 */
export const PARTS: readonly string[] = (
  'ATTENTIONS AxialPositions Block ConvolutionOptions DISTRIBUTIONS EXACTNESSES Embedding FAMILIES ' +
  'EncoderLayer Head Known Linear Module Movement Norm OptionSchemas OwnLosses Plain ReformerLayer Sizes StateSizes TapeNode ' +
  'Tell Tokenizers Transformer ValueOf VectorBuild WritableNumbers'
).split(' ');
